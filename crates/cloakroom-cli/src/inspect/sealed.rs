//! Cookies sealed by Cloakroom: sessions, and double-submit CSRF tokens.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom::factory::{Deadline, Record, Rejected, Seal, Sealer, SessionId};
use cloakroom::{CsrfToken, Keyring};

use super::question::Question;
use super::report::{Report, Verdict};

/// Key id and tag of a signed cookie.
const KEY_ID: usize = 4;
const TAG: usize = 32;

pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let (seal, format) = match question.cookie.value.get(..3) {
        Some("s1.") => (Seal::Signed, "a signed cookie of Cloakroom, version 1"),
        Some("e1.") => (Seal::Encrypted, "an encrypted cookie of Cloakroom, version 1"),
        _ => return Ok(None),
    };
    let body = question.cookie.value.get(3..).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(body).unwrap_or_default();
    let Some(key) = bytes.first_chunk::<KEY_ID>() else {
        return Ok(Some(Report::new(format, refused(Rejected::Malformed, "", question.keyring))));
    };
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let Some(keyring) = question.keyring else {
        return Ok(Some(without_key(format, seal, &key, &bytes, question)));
    };
    let report = match open(seal, keyring, question)? {
        Ok((kind, payload)) => opened(format, kind, &payload, question),
        Err(why) => Report::new(format, refused(why, &key, Some(keyring))),
    };
    Ok(Some(report.fact("key_id", key)))
}

/// The purpose of the cookie, which its seal is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Session,
    CsrfToken,
}

fn open(seal: Seal, keyring: &Keyring, question: &Question<'_>) -> anyhow::Result<Result<(Kind, Arc<str>), Rejected>> {
    let cookie = question.cookie;
    if cookie.is_too_long() {
        return Ok(Err(Rejected::TooLong));
    }
    let opened = Sealer::new(seal, keyring, &cookie.name)?.unseal(&cookie.value);
    if opened == Err(Rejected::Forged) {
        // Double-submit tokens are sealed for a name that no cookie has.
        let token = Sealer::new(seal, keyring, &format!("csrf:{}", cookie.name))?.unseal(&cookie.value);
        if let Ok(token) = token {
            return Ok(Ok((Kind::CsrfToken, token.into())));
        }
    }
    Ok(opened.map(|payload| (Kind::Session, payload.into())))
}

fn opened(format: &'static str, kind: Kind, payload: &Arc<str>, question: &Question<'_>) -> Report {
    if kind == Kind::CsrfToken {
        let whole = CsrfToken::from_text(payload.to_string()).is_some();
        let verdict = if whole { Verdict::Opens } else { refused(Rejected::Corrupt, "", None) };
        return Report::new(format, verdict).fact("holds", "a CSRF token of double submit");
    }
    let Some((id, record)) = session(payload) else {
        return Report::new(format, refused(Rejected::Corrupt, "", None));
    };
    let verdict = match Rejected::by_times(record.times(), question.now) {
        Some(why) => refused(why, "", None),
        None => Verdict::Opens,
    };
    described(Report::new(format, verdict), id, &record, question)
}

/// Describes a cookie without its key. The contents of a signed cookie are readable, but not
/// verified.
fn without_key(format: &'static str, seal: Seal, key: &str, bytes: &[u8], question: &Question<'_>) -> Report {
    let why = "no key was given (--key-file, --key-env, CLOAKROOM_KEY)";
    let report = Report::new(format, Verdict::unchecked(why)).fact("key_id", key);
    let payload = bytes.get(KEY_ID..bytes.len().saturating_sub(TAG)).and_then(|text| std::str::from_utf8(text).ok());
    match payload.filter(|_| seal == Seal::Signed).and_then(|text| session(&text.into())) {
        Some((id, record)) => {
            described(report.fact("holds", "not verified; the cookie claims:"), id, &record, question)
        }
        None => report,
    }
}

fn session(payload: &Arc<str>) -> Option<(SessionId, Record)> {
    let id = SessionId::parse(payload.get(..SessionId::TEXT_LEN)?)?;
    Some((id, Record::decode(payload, SessionId::TEXT_LEN).ok()?))
}

fn described(report: Report, id: SessionId, record: &Record, question: &Question<'_>) -> Report {
    report.fact("session", id.store_key().prefix()).record(record, question)
}

/// Returns the verdict with the reason and advice.
pub(super) fn refused(why: Rejected, key: &str, keyring: Option<&Keyring>) -> Verdict {
    let hint = match why {
        Rejected::UnknownKey => {
            let there: Vec<String> =
                keyring.iter().flat_map(|keyring| keyring.ids()).map(|id| id.to_string()).collect();
            format!(
                "it was sealed with the key {key}, the keyring has {}: was a key removed too early?",
                there.join(", ")
            )
        }
        Rejected::Forged => {
            "it was changed in transit, or sealed for another cookie name: pass --name".to_owned()
        }
        Rejected::Malformed => "it was cut short, or changed in transit".to_owned(),
        Rejected::TooLong => "browsers keep at most 4,096 bytes of name and value".to_owned(),
        Rejected::Corrupt => "its seal is good, but its content isn't a session".to_owned(),
        Rejected::Expired(Deadline::Idle) => {
            "use it more often, or set a longer idle timeout".to_owned()
        }
        Rejected::Expired(_) => "it can't be renewed: the visitor has to sign in again".to_owned(),
        Rejected::FromFuture => "compare the clocks of the machines".to_owned(),
        Rejected::OtherTimeZone => "compare USE_TZ, TIME_ZONE and the session age of both applications".to_owned(),
        Rejected::UnsafeSerializer => {
            "it is a pickle or a similar format, which may contain code and is never read: switch the other application to JSON"
                .to_owned()
        }
        Rejected::WrongPurpose => "it was made for another cookie name: pass --name".to_owned(),
        Rejected::Bomb => "its decompressed content is larger than any session".to_owned(),
        Rejected::UnknownFormat | Rejected::Unknown | _ => "it was sealed by another factory".to_owned(),
    };
    Verdict::refused(why.as_str(), why.to_string(), hint)
}
