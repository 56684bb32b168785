//! The keys that Django uses in a session.

use std::time::Duration;

use cloakroom_session::factory::{CsrfScheme, Json, Record, Rejected};
use cloakroom_session::{Error, Lifetimes, Timestamp};

use super::csrf::DjangoTokens;
use super::messages;
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout, Queue, Spelling, Times, read, write};

const MESSAGES: &str = "_messages";

/// Set by `session.set_expiry(seconds)`.
const EXPIRY: &str = "_session_expiry";

#[derive(Debug)]
pub(crate) struct DjangoKeys;

impl Layout for DjangoKeys {
    fn framework(&self) -> &'static str {
        "django"
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
        Some(&DjangoTokens)
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
pub(crate) fn open(payload: &[u8], touched: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
    // The text is ASCII unless another serializer is configured; Django reads it as Latin-1 too.
    let payload: String = payload.iter().map(|byte| char::from(*byte)).collect();
    let object = Json::from_lenient("session", payload).map_err(|_| Rejected::Corrupt)?;
    let members = object.members().unwrap_or_default();
    let expiry = members.iter().rev().find(|(key, _)| key.as_str() == "\"_session_expiry\"");
    let idle = expiry.and_then(|(_, seconds)| expiry_of(seconds));
    read(&DjangoKeys, &object, Times { idle, ..Times::touched(touched) }, lifetimes)
}

/// Writes the text to sign.
pub(crate) fn payload(record: &Record, lifetimes: &Lifetimes) -> Result<String, Error> {
    let mut extras = CloakroomExtras::of(record, lifetimes, Keeps::Nothing, DjangoKeys.csrf_key());
    // The framework's own expiry must not be stored twice.
    let expiry = record.get(EXPIRY).as_ref().and_then(expiry_of);
    extras.idle = extras.idle.filter(|idle| *idle != expiry);
    write(&DjangoKeys, record, &extras, &[])
}

/// Parses seconds. Zero means until the browser is closed, which doesn't limit the session.
fn expiry_of(value: &Json) -> Option<Duration> {
    value.decode::<u64>(EXPIRY).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}
