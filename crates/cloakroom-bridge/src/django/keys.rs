//! The keys that Django uses in a session.

use cloakroom_session::factory::{CsrfScheme, Json, Record, Rejected};
use cloakroom_session::{Error, Lifetimes, Timestamp};

use super::csrf::DjangoTokens;
use super::expiry::{EXPIRY, Expiry, FRAMEWORK};
use super::messages;
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout, Queue, Spelling, Times, read, write};

const MESSAGES: &str = "_messages";

/// The layout of Django's sessions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DjangoKeys {
    /// New sessions store the CSRF token under a mask, as Django before 4.1 expects it.
    pub(crate) is_masked: bool,
}

impl Layout for DjangoKeys {
    fn framework(&self) -> &'static str {
        FRAMEWORK
    }

    /// Django decodes its sessions as Latin-1.
    fn spelling(&self) -> Spelling {
        Spelling { comma: ",", colon: ":", ascii: true }
    }

    /// The key of `CSRF_USE_SESSIONS`.
    fn csrf_key(&self) -> Option<&'static str> {
        Some("_csrftoken")
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        Some(if self.is_masked { &DjangoTokens::MASKED } else { &DjangoTokens::PLAIN })
    }

    fn is_hidden(&self, key: &str) -> bool {
        key == EXPIRY
    }

    fn flash_key(&self, _: &str) -> String {
        MESSAGES.to_owned()
    }

    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        if key == MESSAGES { messages::read(value) } else { None }
    }

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error> {
        messages::write(queues, was)
    }
}

/// Reads the signed text.
pub(crate) fn open(
    keys: DjangoKeys,
    payload: &[u8],
    touched: Timestamp,
    lifetimes: &Lifetimes,
) -> Result<Record, Rejected> {
    // The text is ASCII unless another serializer is configured; Django reads it as Latin-1 too.
    let payload: String = payload.iter().map(|byte| char::from(*byte)).collect();
    let object = Json::from_lenient("session", payload).map_err(|_| Rejected::Corrupt)?;
    let members = object.members().unwrap_or_default();
    let expiry = members.iter().rev().find(|(key, _)| key.as_str() == "\"_session_expiry\"");
    let expiry = expiry.map(|(_, value)| Expiry::read(value)).transpose()?.flatten();
    read(&keys, &object, expiry.map_or(Times::touched(touched), |expiry| expiry.times(touched)), lifetimes)
}

/// Writes the text to sign.
pub(crate) fn payload(keys: DjangoKeys, record: &Record, lifetimes: &Lifetimes) -> Result<String, Error> {
    let mut extras = CloakroomExtras::of(record, lifetimes, Keeps::Nothing, keys.csrf_key());
    let expiry = Expiry::of(record);
    // Django's own expiry must not be stored twice.
    match expiry {
        Some(Expiry::Date(_)) => (extras.ends, extras.idle, extras.remembered) = (None, None, false),
        Some(Expiry::Lasts(_)) => extras.idle = None,
        _ => {}
    }
    let changed: Vec<_> = Expiry::change(record, expiry).into_iter().map(|text| (EXPIRY, text)).collect();
    write(&keys, record, &extras, &changed)
}
