//! The envelope of a Rails cookie: its purpose and its expiry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_session::factory::{Json, Rejected};
use cloakroom_session::{Error, Timestamp};

use crate::iso;
use crate::layout::quoted;

/// The version number at the start of Ruby's Marshal format.
const MARSHAL: &[u8] = &[4, 8];

/// The session's object and the cookie's expiry.
pub(crate) struct Content {
    pub(crate) session: Json,
    pub(crate) expires: Option<Timestamp>,
}

/// Opens `{"_rails":{"message":…,"exp":…,"pur":"cookie.NAME"}}`, or a bare session, which Rails
/// before 6.0 writes and all versions read.
pub(crate) fn open(plaintext: Vec<u8>, cookie: &str) -> Result<Content, Rejected> {
    let outer = json(plaintext)?;
    let members = outer.members().ok_or(Rejected::Corrupt)?;
    let envelope = match members.as_slice() {
        [(key, envelope)] if key.as_str() == "\"_rails\"" => envelope.members().ok_or(Rejected::Corrupt)?,
        _ => return Ok(Content { session: outer, expires: None }),
    };
    let member = |name: &str| {
        let found = envelope.iter().find(|(key, _)| key.decode::<String>("_rails").is_ok_and(|key| key == name));
        found.map(|(_, value)| value).filter(|value| value.as_str() != "null")
    };
    let text = |name: &str| member(name).map(|it| it.decode::<String>(name).map_err(|_| Rejected::Corrupt)).transpose();
    if text("pur")?.is_some_and(|purpose| purpose.strip_prefix("cookie.") != Some(cookie)) {
        return Err(Rejected::WrongPurpose);
    }
    let expires = text("exp")?.map(|at| iso::parse(&at).ok_or(Rejected::Corrupt)).transpose()?;
    let message = text("message")?.and_then(|message| STANDARD.decode(message).ok()).ok_or(Rejected::Corrupt)?;
    Ok(Content { session: json(message)?, expires })
}

fn json(bytes: Vec<u8>) -> Result<Json, Rejected> {
    if bytes.starts_with(MARSHAL) {
        return Err(Rejected::UnsafeSerializer);
    }
    let text = String::from_utf8(bytes).map_err(|_| Rejected::Corrupt)?;
    Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)
}

/// Writes the envelope around a session's object.
pub(crate) fn seal(session: &str, expires: Option<Timestamp>, cookie: &str) -> Result<String, Error> {
    let message = STANDARD.encode(session);
    let expires = expires.map_or_else(|| "null".to_owned(), |at| format!("\"{}\"", iso::format(at)));
    let purpose = quoted(&format!("cookie.{cookie}"))?;
    Ok(format!("{{\"_rails\":{{\"message\":\"{message}\",\"exp\":{expires},\"pur\":{purpose}}}}}"))
}
