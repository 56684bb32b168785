//! The scan of all sessions: `SCAN` on each master.
//!
//! A cursor contains the number of the master, the position of its scan, and the run id of that
//! server. Each run of a Redis server has a different key order, so a cursor is meaningless after a
//! restart or a failover. The scan then ends with an error instead of missing sessions.

use std::borrow::Cow;

use cloakroom_session::Timestamp;
use cloakroom_store::store::{Cursor, Loaded, Page, ScannedSession, StoreError};
use redis::Value;

use crate::argument::{Argument, KEY_LEN};
use crate::call::Call;
use crate::error::{failed, unexpected};
use crate::layout::{bytes, loaded, parse_key};
use crate::redis_store::{KIND, RedisStore};
use crate::scripts::SCAN;

/// The position of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) server: usize,
    pub(crate) scan: Cow<'static, str>,
    pub(crate) run: String,
}

impl Place {
    /// The start of a scan, and its reply at the end.
    pub(crate) const BEGINNING: &str = "0";

    pub(crate) const fn start(server: usize) -> Self {
        Self { server, scan: Cow::Borrowed(Self::BEGINNING), run: String::new() }
    }

    /// Returns whether the server has been restarted or replaced since.
    pub(crate) fn is_of_another_run(&self, run: &str) -> bool {
        !self.run.is_empty() && self.run != run
    }

    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        let mut words = cursor.as_str().split(':');
        let (server, scan, run) = (words.next()?, words.next()?, words.next()?);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let whole = is_number(server) && is_number(scan) && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        (whole && words.next().is_none())
            .then(|| Some(Self { server: server.parse().ok()?, scan: scan.to_owned().into(), run: run.to_owned() }))?
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}:{}:{}", self.server, self.scan, self.run))
    }
}

impl RedisStore {
    /// Takes one round trip per page; in a Cluster one more, to find the masters.
    pub(crate) async fn scan_some(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        let place = match after {
            Some(cursor) => Place::read(cursor).ok_or_else(StoreError::foreign_cursor)?,
            None => Place::start(0),
        };
        let servers = self.link.servers().await?;
        let target = *servers.get(place.server).ok_or_else(|| failed("a server left the Cluster during the scan"))?;
        let pattern = pattern(&self.prefix);
        let count = Argument::Number(u64::try_from(limit.max(1)).unwrap_or(u64::MAX >> 1));
        let arguments = [Argument::Text(&place.scan), Argument::Text(&pattern), count];
        let call = Call { script: &SCAN, keys: &[], now, arguments: &arguments, target, about: None };
        let (run, scan, rows) = parts(call.run(self).await?).ok_or_else(unexpected)?;
        if place.is_of_another_run(&run) {
            return Err(failed("the server was restarted or replaced since the last page: start the scan again"));
        }
        let mut page = Page::new(Vec::with_capacity(rows.len()), Vec::new(), None);
        for row in rows {
            let Value::Array(row) = row else { return Err(unexpected()) };
            let mut row = row.into_iter();
            let key = row.next().and_then(bytes).and_then(|key| parse_key(&key)).ok_or_else(unexpected)?;
            match row.next().map(|value| loaded(&key, value, now)) {
                Some(Ok(Loaded::Live(version, entry))) => page.sessions.push(ScannedSession::new(key, version, entry)),
                Some(Ok(Loaded::Moved | Loaded::Absent)) => {}
                Some(Err(_)) | None => page.damaged.push(key),
            }
        }
        let next = if scan == Place::BEGINNING {
            Place::start(place.server + 1)
        } else {
            Place { scan: scan.into(), run, ..place }
        };
        page.next = (next.server < servers.len()).then(|| next.cursor());
        Ok(page)
    }
}

fn parts(value: Value) -> Option<(String, String, Vec<Value>)> {
    let Value::Array(parts) = value else { return None };
    let [run, scan, Value::Array(rows)] = <[Value; 3]>::try_from(parts).ok()? else { return None };
    Some((String::from_utf8(bytes(run)?).ok()?, String::from_utf8(bytes(scan)?).ok()?, rows))
}

/// Returns the pattern for all session keys of a prefix, which matches no index.
pub(crate) fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 16);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push(KIND);
    pattern.extend(std::iter::repeat_n('?', KEY_LEN));
    pattern
}

#[cfg(test)]
mod tests {
    use cloakroom_store::store::Cursor;

    use super::{Place, pattern};

    #[test]
    fn only_own_scan_cursors_are_parsed() {
        let place = Place { server: 2, scan: "18446744073709551615".into(), run: "0af3".to_owned() };
        for place in [Place::start(0), place] {
            assert_eq!(Place::read(&place.cursor()), Some(place));
        }
        for wrong in ["", "0", "0:0", "a:0:", "0:b:", "0:0:g", "0:0::", "-1:0:", "0:0:0:0", "99999999999999999999:0:"] {
            assert_eq!(Place::read(&Cursor::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_prefix_is_taken_literally() {
        let any = format!("s{}", "?".repeat(32));
        for (row, prefix, expected) in [
            ("plain", "cloakroom:", "cloakroom:"),
            ("empty", "", ""),
            ("with pattern characters", r"a*b?[c]\", r"a\*b\?\[c\]\\"),
        ] {
            assert_eq!(pattern(prefix), format!("{expected}{any}"), "{row}");
        }
    }
}
