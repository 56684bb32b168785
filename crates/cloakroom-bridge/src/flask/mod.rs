//! Flask: its session cookie, and the tokens of Flask-WTF's forms.

mod cookie;
mod keys;
mod tags;
mod wtf;

pub use cookie::{FlaskCookie, FlaskCookieBuilder};
pub use wtf::FlaskWtf;
