//! What a server says of itself.

use std::collections::HashMap;

use cloakroom_session::Timestamp;
use cloakroom_store::{Checkup, StoreError, Topic, Verdict};
use redis::Value;

use crate::error::{of, unexpected};
use crate::fields::bytes;
use crate::link::Target;
use crate::redis_store::RedisStore;

impl RedisStore {
    /// In a Cluster each master is asked, and its findings bear its number.
    pub(crate) async fn look(&self) -> Result<Checkup, StoreError> {
        let servers = self.servers().await?;
        let mut all: Option<Checkup> = None;
        for (number, target) in (1..).zip(&servers) {
            let facts = Facts::of(self, *target).await?;
            let front = if servers.len() > 1 { format!("master {number}: ") } else { String::new() };
            let judged = facts.judged(self.durability.map(|wanted| wanted.replicas), &front);
            all = Some(match all {
                None => judged,
                Some(mut all) => {
                    all.findings.extend(judged.findings);
                    all
                }
            });
        }
        all.ok_or_else(unexpected)
    }
}

/// What `INFO`, `CONFIG GET` and `TIME` say; of the second, which may be forbidden, perhaps nothing.
#[derive(Debug, Default)]
struct Facts {
    info: HashMap<String, String>,
    appendfsync: Option<String>,
    clock: Option<Timestamp>,
}

impl Facts {
    async fn of(store: &RedisStore, target: Target<'_>) -> Result<Self, StoreError> {
        let info = store.link.command(redis::cmd("INFO"), target).await.map_err(|error| of(&error))?;
        let text = bytes_of(info).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(unexpected)?;
        let info = text.lines().filter_map(|line| line.split_once(':'));
        let info = info.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut question = redis::cmd("CONFIG");
        question.arg("GET").arg("appendfsync");
        // A managed server often forbids it.
        let appendfsync = store.link.command(question, target).await.ok().and_then(second);
        let clock = store.link.command(redis::cmd("TIME"), target).await.ok().and_then(time);
        Ok(Self { info, appendfsync, clock })
    }

    fn get(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    fn judged(&self, waits_for: Option<u32>, front: &str) -> Checkup {
        let name = if self.get("server_name") == "valkey" { "Valkey" } else { "Redis" };
        let version = [self.get("valkey_version"), self.get("redis_version")].into_iter().find(|it| !it.is_empty());
        let mut checkup =
            Checkup::new(format!("{name} {}", version.unwrap_or("of an unknown version"))).clock(self.clock);
        let writes = match self.get("role") {
            "slave" => (Verdict::Problem, "this is a replica: it refuses writes".to_owned()),
            _ => (Verdict::Good, "it takes writes".to_owned()),
        };
        for (topic, (verdict, text)) in [
            (Topic::Durability, self.durability()),
            (Topic::Eviction, self.eviction()),
            (Topic::Replication, self.replication(waits_for)),
            (Topic::Writes, writes),
        ] {
            checkup = checkup.found(topic, verdict, format!("{front}{text}"));
        }
        checkup
    }

    fn durability(&self) -> (Verdict, String) {
        let file =
            "no append-only file: a restart goes back to the last snapshot, if there is one; set `appendonly yes`";
        match (self.get("aof_enabled"), self.appendfsync.as_deref()) {
            ("0", _) => (Verdict::Problem, file.to_owned()),
            ("1", _) if self.get("aof_last_write_status") == "err" => {
                (Verdict::Problem, "the append-only file can't be written: is the disk full?".to_owned())
            }
            ("1", Some("always")) => {
                (Verdict::Good, "append-only file, appendfsync always: what was acknowledged is on the disk".to_owned())
            }
            ("1", Some("no")) => (
                Verdict::Note,
                "append-only file, appendfsync no: a loss of power may take half a minute of writes".to_owned(),
            ),
            ("1", Some(mode)) => (
                Verdict::Note,
                format!("append-only file, appendfsync {mode}: a loss of power may take the last second or two"),
            ),
            ("1", None) => {
                (Verdict::Note, "append-only file; how often it reaches the disk, the server doesn't tell".to_owned())
            }
            _ => (Verdict::Unknown, "the server doesn't tell whether it writes a file".to_owned()),
        }
    }

    fn eviction(&self) -> (Verdict, String) {
        let (policy, limit) = (self.get("maxmemory_policy"), self.get("maxmemory"));
        let evicted = match self.get("evicted_keys") {
            "" | "0" => String::new(),
            count => format!("; {count} keys were evicted since its start"),
        };
        match (policy, limit) {
            ("", _) => (Verdict::Unknown, "the server doesn't tell whether it evicts".to_owned()),
            ("noeviction", _) => (
                Verdict::Good,
                "noeviction: a server that is full refuses new sessions and keeps those it has".to_owned(),
            ),
            (_, "0") if evicted.is_empty() => (
                Verdict::Note,
                format!("{policy}, and no limit of memory: nothing is evicted until there is one; set `noeviction`"),
            ),
            _ => (
                Verdict::Problem,
                format!("{policy}: a server that is full signs people out{evicted}; set `maxmemory-policy noeviction`"),
            ),
        }
    }

    fn replication(&self, waits_for: Option<u32>) -> (Verdict, String) {
        let count: u32 = self.get("connected_slaves").parse().unwrap_or_default();
        match (count, waits_for) {
            (count, Some(wanted)) if count < wanted => {
                (Verdict::Problem, format!("{count} replicas, and writes wait for {wanted}: none succeeds"))
            }
            (0, _) => (Verdict::Note, "no replica".to_owned()),
            (count, Some(wanted)) => (Verdict::Good, format!("{count} replicas, and writes wait for {wanted}")),
            (count, None) => (
                Verdict::Note,
                format!(
                    "{count} replicas, and no write waits for them: a failover may lose the last ones; `?replicas=1` waits"
                ),
            ),
        }
    }
}

fn bytes_of(value: Value) -> Option<Vec<u8>> {
    if let Value::VerbatimString { text, .. } = value { Some(text.into_bytes()) } else { bytes(value) }
}

/// The value of the one name that was asked for.
fn second(value: Value) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the server gives pairs in one of two ways")]
    let value = match value {
        Value::Array(parts) => parts.into_iter().nth(1)?,
        Value::Map(pairs) => pairs.into_iter().next()?.1,
        _ => return None,
    };
    String::from_utf8(bytes(value)?).ok()
}

/// Seconds and microseconds.
fn time(value: Value) -> Option<Timestamp> {
    let Value::Array(parts) = value else { return None };
    let numbers: Vec<u64> =
        parts.into_iter().filter_map(|part| String::from_utf8(bytes(part)?).ok()?.parse().ok()).collect();
    let [seconds, micros] = <[u64; 2]>::try_from(numbers).ok()?;
    Some(Timestamp::from_unix_millis(seconds * 1000 + micros / 1000))
}

#[cfg(test)]
mod tests {
    use super::{Facts, Verdict};

    fn facts(info: &[(&str, &str)], appendfsync: Option<&str>) -> Facts {
        let info = info.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Facts { info, appendfsync: appendfsync.map(str::to_owned), clock: None }
    }

    #[test]
    fn what_survives() {
        for (row, aof, fsync, expected) in [
            ("no file", "0", None, Verdict::Problem),
            ("every write", "1", Some("always"), Verdict::Good),
            ("every second", "1", Some("everysec"), Verdict::Note),
            ("when the system likes", "1", Some("no"), Verdict::Note),
            ("it doesn't say how often", "1", None, Verdict::Note),
        ] {
            assert_eq!(facts(&[("aof_enabled", aof)], fsync).durability().0, expected, "{row}");
        }
        assert_eq!(facts(&[], None).durability().0, Verdict::Unknown);
    }

    #[test]
    fn what_is_thrown_away() {
        for (row, policy, limit, evicted, expected) in [
            ("nothing", "noeviction", "1000", "0", Verdict::Good),
            ("nothing yet", "allkeys-lru", "0", "0", Verdict::Note),
            ("sessions", "allkeys-lru", "1000", "0", Verdict::Problem),
            ("sessions, before the limit was taken away", "volatile-lru", "0", "7", Verdict::Problem),
        ] {
            let facts = facts(&[("maxmemory_policy", policy), ("maxmemory", limit), ("evicted_keys", evicted)], None);
            assert_eq!(facts.eviction().0, expected, "{row}");
        }
    }

    #[test]
    fn who_has_a_copy() {
        for (row, connected, wanted, expected) in [
            ("nobody", "0", None, Verdict::Note),
            ("one, who isn't waited for", "1", None, Verdict::Note),
            ("one, who is", "1", Some(1), Verdict::Good),
            ("fewer than are waited for", "1", Some(2), Verdict::Problem),
        ] {
            assert_eq!(facts(&[("connected_slaves", connected)], None).replication(wanted).0, expected, "{row}");
        }
    }
}
