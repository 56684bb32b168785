//! Django: sessions in signed cookies, the text of `django_session`, and the tokens of its forms.

mod cookie;
mod csrf;
mod expiry;
mod keys;
mod messages;
mod record;
mod signing;

pub use cookie::{DjangoCookie, DjangoCookieBuilder};
pub use record::DjangoRecord;
