//! Flask: its session cookie, the records of Flask-Session, and the tokens of Flask-WTF's forms.

mod cookie;
mod keys;
#[cfg(feature = "flask-session")]
mod record;
#[cfg(feature = "flask-session")]
mod record_keys;
mod tags;
mod wtf;

pub use cookie::{FlaskCookie, FlaskCookieBuilder};
#[cfg(feature = "flask-session")]
pub use record::{FlaskSessionRecord, FlaskSessionRecordBuilder};
pub use wtf::FlaskWtf;
