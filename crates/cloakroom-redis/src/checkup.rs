//! The report on a server.

use std::collections::HashMap;

use cloakroom_session::Timestamp;
use cloakroom_store::store::{Checkup, Severity, StoreError, Topic};
use redis::Value;

use crate::durability::Durability;
use crate::error::{of, unexpected};
use crate::kept::Repeat;
use crate::layout::bytes;
use crate::redis_store::RedisStore;
use crate::target::Target;

impl RedisStore {
    /// In a Cluster each master is asked, and its findings are prefixed with its number.
    pub(crate) async fn look(&self) -> Result<Checkup, StoreError> {
        let servers = self.link.servers().await?;
        let mut all: Option<Checkup> = None;
        for (number, target) in (1..).zip(&servers) {
            let facts = Facts::of(self, *target).await?;
            let front = if servers.len() > 1 { format!("master {number}: ") } else { String::new() };
            let judged = facts.judged(&self.durability, &front);
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

/// The results of `INFO`, `CONFIG GET` and `TIME`. `CONFIG GET` may be forbidden, and then returns
/// nothing.
#[derive(Debug, Default)]
struct Facts {
    info: HashMap<String, String>,
    appendfsync: Option<String>,
    /// The minimum number of replicas below which a master rejects writes.
    min_replicas: Option<String>,
    /// The idle time in seconds after which a connection is closed.
    idle: Option<String>,
    clock: Option<Timestamp>,
}

impl Facts {
    async fn of(store: &RedisStore, target: Target<'_>) -> Result<Self, StoreError> {
        let info =
            store.link.command(redis::cmd("INFO"), target, Repeat::Harmless).await.map_err(|error| of(&error))?;
        let text = bytes_of(info).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(unexpected)?;
        let info = text.lines().filter_map(|line| line.split_once(':'));
        let info = info.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let appendfsync = configured(store, target, "appendfsync").await;
        let min_replicas = configured(store, target, "min-replicas-to-write").await;
        let idle = configured(store, target, "timeout").await;
        let clock = store.link.command(redis::cmd("TIME"), target, Repeat::Harmless).await.ok().and_then(time);
        Ok(Self { info, appendfsync, min_replicas, idle, clock })
    }

    fn get(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    fn judged(&self, wanted: &Durability, front: &str) -> Checkup {
        let name = if self.get("server_name") == "valkey" { "Valkey" } else { "Redis" };
        let version = [self.get("valkey_version"), self.get("redis_version")].into_iter().find(|it| !it.is_empty());
        let mut checkup =
            Checkup::new(format!("{name} {}", version.unwrap_or("of an unknown version"))).clock(self.clock);
        let writes = match self.get("role") {
            "slave" => (Severity::Problem, "this is a replica: it rejects writes".to_owned()),
            _ => (Severity::Good, "it takes writes".to_owned()),
        };
        for (topic, (severity, text)) in [
            (Topic::Durability, if wanted.disk { self.on_disk() } else { self.durability() }),
            (Topic::Eviction, self.eviction()),
            (Topic::Replication, self.replication((wanted.replicas > 0).then_some(wanted.replicas))),
            (Topic::Writes, writes),
            (Topic::Connections, self.connections()),
        ] {
            checkup = checkup.found(topic, severity, format!("{front}{text}"));
        }
        if let Some((severity, text)) = self.cut_off(wanted.replicas) {
            checkup = checkup.found(Topic::Replication, severity, format!("{front}{text}"));
        }
        checkup
    }

    fn durability(&self) -> (Severity, String) {
        let file =
            "no append-only file: a restart goes back to the last snapshot, if there is one; set `appendonly yes`";
        match (self.get("aof_enabled"), self.appendfsync.as_deref()) {
            ("0", _) => (Severity::Problem, file.to_owned()),
            ("1", _) if self.get("aof_last_write_status") == "err" => {
                (Severity::Problem, "the append-only file can't be written: is the disk full?".to_owned())
            }
            ("1", Some("always")) => {
                (Severity::Good, "append-only file, appendfsync always: acknowledged writes are on the disk".to_owned())
            }
            ("1", Some("no")) => (
                Severity::Note,
                "append-only file, appendfsync no: a power failure may lose half a minute of writes".to_owned(),
            ),
            ("1", Some(mode)) => (
                Severity::Note,
                format!("append-only file, appendfsync {mode}: a power failure may lose the last second or two"),
            ),
            ("1", None) => (
                Severity::Note,
                "append-only file; the server doesn't report how often it is flushed to disk".to_owned(),
            ),
            _ => (Severity::Unknown, "the server doesn't report whether it writes an append-only file".to_owned()),
        }
    }

    /// Judges durability if writes are confirmed on disk.
    fn on_disk(&self) -> (Severity, String) {
        let version = self.get("redis_version").split('.').map(|part| part.parse().unwrap_or(0));
        if version.take(2).collect::<Vec<u32>>() < vec![7, 2] {
            let text = "`durability=aof` needs WAITAOF, which Redis has since 7.2: no write succeeds";
            return (Severity::Problem, text.to_owned());
        }
        match self.durability() {
            (Severity::Note | Severity::Good, _) => {
                (Severity::Good, "append-only file, and writes wait until they are on the disk".to_owned())
            }
            found => found,
        }
    }

    /// Judges whether a master that was cut off keeps accepting writes, which its successor won't
    /// have.
    fn cut_off(&self, waits_for: u32) -> Option<(Severity, String)> {
        let has_replicas = !matches!(self.get("connected_slaves"), "" | "0");
        if self.get("role") == "slave" || !(has_replicas || waits_for > 0) {
            return None;
        }
        Some(match self.min_replicas.as_deref() {
            None => (Severity::Unknown, "the server doesn't report its `min-replicas-to-write`".to_owned()),
            Some("0") => (
                Severity::Note,
                "a master that is cut off from its replicas keeps accepting writes, which are lost when another one \
                 is promoted; `min-replicas-to-write 1` makes it reject them"
                    .to_owned(),
            ),
            Some(count) => (
                Severity::Good,
                format!("a master with fewer than {count} replicas rejects writes (`min-replicas-to-write`)"),
            ),
        })
    }

    fn connections(&self) -> (Severity, String) {
        match self.idle.as_deref() {
            None => (Severity::Unknown, "the server doesn't report whether it closes idle connections".to_owned()),
            Some("0") => (Severity::Good, "idle connections stay open".to_owned()),
            Some(seconds) => (
                Severity::Note,
                format!(
                    "timeout {seconds}: idle connections are closed after {seconds} s; this is detected with RESP3, and with \
                     `protocol=resp2` the call is retried"
                ),
            ),
        }
    }

    fn eviction(&self) -> (Severity, String) {
        let (policy, limit) = (self.get("maxmemory_policy"), self.get("maxmemory"));
        let evicted = match self.get("evicted_keys") {
            "" | "0" => String::new(),
            count => format!("; {count} keys were evicted since its start"),
        };
        match (policy, limit) {
            ("", _) => (Severity::Unknown, "the server doesn't report whether it evicts".to_owned()),
            ("noeviction", _) => {
                (Severity::Good, "noeviction: a full server rejects new sessions and keeps existing ones".to_owned())
            }
            (_, "0") if evicted.is_empty() => (
                Severity::Note,
                format!("{policy}, without a memory limit: nothing is evicted until one is set; set `noeviction`"),
            ),
            _ => (
                Severity::Problem,
                format!(
                    "{policy}: a full server evicts sessions and owner indexes, which signs users out{evicted}; set `maxmemory-policy noeviction`"
                ),
            ),
        }
    }

    fn replication(&self, waits_for: Option<u32>) -> (Severity, String) {
        let count: u32 = self.get("connected_slaves").parse().unwrap_or_default();
        match (count, waits_for) {
            (count, Some(wanted)) if count < wanted => {
                (Severity::Problem, format!("{count} replicas, and writes wait for {wanted}: every write fails"))
            }
            (0, _) => (Severity::Note, "no replica".to_owned()),
            (count, Some(wanted)) => (Severity::Good, format!("{count} replicas, and writes wait for {wanted}")),
            (count, None) => (
                Severity::Note,
                format!(
                    "{count} replicas, and no write waits for them: a failover may lose the last writes; `?replicas=1` waits"
                ),
            ),
        }
    }
}

/// Reads a setting. Returns `None` if the server doesn't reveal it, as is common for managed
/// services.
async fn configured(store: &RedisStore, target: Target<'_>, name: &str) -> Option<String> {
    let mut question = redis::cmd("CONFIG");
    question.arg("GET").arg(name);
    store.link.command(question, target, Repeat::Harmless).await.ok().and_then(second)
}

fn bytes_of(value: Value) -> Option<Vec<u8>> {
    if let Value::VerbatimString { text, .. } = value { Some(text.into_bytes()) } else { bytes(value) }
}

/// Returns the value of the one requested name.
fn second(value: Value) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the server returns pairs in one of two ways")]
    let value = match value {
        Value::Array(parts) => parts.into_iter().nth(1)?,
        Value::Map(pairs) => pairs.into_iter().next()?.1,
        _ => return None,
    };
    String::from_utf8(bytes(value)?).ok()
}

/// Parses seconds and microseconds.
fn time(value: Value) -> Option<Timestamp> {
    let Value::Array(parts) = value else { return None };
    let numbers: Vec<u64> =
        parts.into_iter().filter_map(|part| String::from_utf8(bytes(part)?).ok()?.parse().ok()).collect();
    let [seconds, micros] = <[u64; 2]>::try_from(numbers).ok()?;
    Some(Timestamp::from_unix_millis(seconds * 1000 + micros / 1000))
}

#[cfg(test)]
mod tests {
    use super::{Facts, Severity};

    fn facts(info: &[(&str, &str)], appendfsync: Option<&str>) -> Facts {
        let info = info.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Facts { info, appendfsync: appendfsync.map(str::to_owned), min_replicas: None, idle: None, clock: None }
    }

    #[test]
    fn what_survives() {
        for (row, aof, fsync, expected) in [
            ("no file", "0", None, Severity::Problem),
            ("every write", "1", Some("always"), Severity::Good),
            ("every second", "1", Some("everysec"), Severity::Note),
            ("when the system decides", "1", Some("no"), Severity::Note),
            ("unknown how often", "1", None, Severity::Note),
        ] {
            assert_eq!(facts(&[("aof_enabled", aof)], fsync).durability().0, expected, "{row}");
        }
        assert_eq!(facts(&[], None).durability().0, Severity::Unknown);
    }

    #[test]
    fn idle_connections_are_judged_by_the_timeout() {
        for (row, idle, expected) in [
            ("kept open", Some("0"), Severity::Good),
            ("closed", Some("300"), Severity::Note),
            ("unknown", None, Severity::Unknown),
        ] {
            let facts = Facts { idle: idle.map(str::to_owned), ..facts(&[], None) };
            assert_eq!(facts.connections().0, expected, "{row}");
        }
    }

    #[test]
    fn eviction_is_judged_by_the_policy() {
        for (row, policy, limit, evicted, expected) in [
            ("nothing", "noeviction", "1000", "0", Severity::Good),
            ("nothing yet", "allkeys-lru", "0", "0", Severity::Note),
            ("sessions", "allkeys-lru", "1000", "0", Severity::Problem),
            ("sessions, before the limit was removed", "volatile-lru", "0", "7", Severity::Problem),
        ] {
            let facts = facts(&[("maxmemory_policy", policy), ("maxmemory", limit), ("evicted_keys", evicted)], None);
            assert_eq!(facts.eviction().0, expected, "{row}");
        }
    }

    #[test]
    fn replication_is_judged_by_the_replicas() {
        for (row, connected, wanted, expected) in [
            ("none", "0", None, Severity::Note),
            ("one, not waited for", "1", None, Severity::Note),
            ("one, waited for", "1", Some(1), Severity::Good),
            ("fewer than required", "1", Some(2), Severity::Problem),
        ] {
            assert_eq!(facts(&[("connected_slaves", connected)], None).replication(wanted).0, expected, "{row}");
        }
    }

    #[test]
    fn an_isolated_master_is_judged_by_its_replicas() {
        for (row, connected, waits_for, setting, expected) in [
            ("no replica, and none is required", "0", 0, Some("0"), None),
            ("a replica", "1", 0, Some("0"), Some(Severity::Note)),
            ("a replica that is waited for", "0", 1, Some("0"), Some(Severity::Note)),
            ("it rejects writes", "1", 1, Some("1"), Some(Severity::Good)),
            ("unknown", "1", 1, None, Some(Severity::Unknown)),
        ] {
            let facts =
                Facts { min_replicas: setting.map(str::to_owned), ..facts(&[("connected_slaves", connected)], None) };
            assert_eq!(facts.cut_off(waits_for).map(|found| found.0), expected, "{row}");
        }
        assert!(facts(&[("role", "slave"), ("connected_slaves", "1")], None).cut_off(1).is_none());
    }

    #[test]
    fn waiting_for_disks_is_judged_by_the_append_only_file() {
        for (row, version, aof, expected) in [
            ("a server without WAITAOF", "7.0.15", "1", Severity::Problem),
            ("no file", "7.2.4", "0", Severity::Problem),
            ("a file", "7.2.4", "1", Severity::Good),
            ("a newer one", "10.0.1", "1", Severity::Good),
        ] {
            let facts = facts(&[("redis_version", version), ("aof_enabled", aof)], Some("everysec"));
            assert_eq!(facts.on_disk().0, expected, "{row}");
        }
    }
}
