//! Session data that the framework has no place for.

use std::time::Duration;

use cloakroom_session::factory::{CommitId, Json, Record, SessionTimes};
use cloakroom_session::{CsrfToken, Error, Lifetimes, Timestamp};

/// The member of the framework's object that holds the data.
pub(crate) const EXTRAS_KEY: &str = "_cloakroom";

/// Owner, label, the lifetime that a handler set for this session, and the last commits.
///
/// Encoded as a JSON object with the members that are set: `created` and `ends` in milliseconds
/// since 1970, `idle` in milliseconds (0: never), `remembered`, `owner`, `label`, `csrf`, `commits`
/// (their ids as numbers, oldest first) and `committed` (the time of the last commit, in
/// milliseconds since 1970).
#[derive(Debug, Default)]
pub(crate) struct CloakroomExtras {
    pub(crate) created: Option<Timestamp>,
    /// The inner `None` means "never".
    pub(crate) ends: Option<Option<Timestamp>>,
    pub(crate) idle: Option<Option<Duration>>,
    pub(crate) remembered: bool,
    owner: Option<String>,
    label: Option<String>,
    csrf: Option<CsrfToken>,
    /// Only records in a store have any: writing a cookie is never retried.
    commits: Vec<CommitId>,
    committed: Option<Timestamp>,
}

/// The facts of a session that the framework itself keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    Created,
    Nothing,
}

impl CloakroomExtras {
    /// Collects the data of a record that the framework doesn't keep.
    pub(crate) fn of(record: &Record, lifetimes: &Lifetimes, keeps: Keeps, csrf_key: Option<&str>) -> Self {
        let times = record.times();
        let (commits, committed) = record.commits();
        let usual = SessionTimes::start(times.created, lifetimes).absolute_deadline;
        Self {
            created: (keeps == Keeps::Nothing).then_some(times.created),
            ends: (times.absolute_deadline != usual).then_some(times.absolute_deadline),
            idle: times.own_idle,
            remembered: times.remembered,
            owner: record.owner().map(str::to_owned),
            label: record.label().map(str::to_owned),
            csrf: record.csrf().filter(|_| csrf_key.is_none()).cloned(),
            commits: commits.to_vec(),
            committed,
        }
    }

    /// Reads the member. Ignores everything that is not in the format written by `write`.
    pub(crate) fn read(json: &Json) -> Self {
        let mut extras = Self::default();
        for (key, value) in json.members().unwrap_or_default() {
            let number = || value.decode::<u64>(EXTRAS_KEY).ok();
            let text = || value.decode::<String>(EXTRAS_KEY).ok();
            match key.as_str() {
                "\"created\"" => extras.created = number().map(Timestamp::from_unix_millis),
                "\"ends\"" => extras.ends = number().map(|at| (at > 0).then(|| Timestamp::from_unix_millis(at))),
                "\"idle\"" => extras.idle = number().map(|idle| (idle > 0).then(|| Duration::from_millis(idle))),
                "\"remembered\"" => extras.remembered = value.as_str() == "true",
                "\"owner\"" => extras.owner = text(),
                "\"label\"" => extras.label = text(),
                "\"csrf\"" => extras.csrf = text().and_then(CsrfToken::from_text),
                "\"commits\"" => {
                    let ids = value.decode::<Vec<u64>>(EXTRAS_KEY).unwrap_or_default();
                    extras.commits = ids.into_iter().filter_map(CommitId::from_number).collect();
                }
                "\"committed\"" => extras.committed = number().map(Timestamp::from_unix_millis),
                _ => {}
            }
        }
        extras
    }

    pub(crate) fn restore(self, record: &mut Record, spell: impl FnOnce(CsrfToken) -> CsrfToken) {
        if let Some(owner) = self.owner {
            record.restore_owner(owner);
        }
        if let Some(label) = self.label {
            record.restore_label(label);
        }
        if let Some(token) = self.csrf.filter(|_| record.csrf().is_none()) {
            record.restore_csrf(spell(token));
        }
        if let Some(committed) = self.committed {
            record.restore_commits(self.commits, committed);
        }
    }

    /// Returns the member's value, or `None` if there is nothing to keep.
    pub(crate) fn write(&self) -> Result<Option<String>, Error> {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
        let text = |value: &Option<String>| value.as_deref().map(crate::spelling::quoted).transpose();
        let commits = || self.commits.iter().map(|id| id.number().to_string()).collect::<Vec<_>>().join(",");
        let members = [
            ("created", self.created.map(|at| at.unix_millis().to_string())),
            ("ends", self.ends.map(|at| at.map_or(0, Timestamp::unix_millis).to_string())),
            ("idle", self.idle.map(|idle| idle.map_or(0, millis).to_string())),
            ("remembered", self.remembered.then(|| "true".to_owned())),
            ("owner", text(&self.owner)?),
            ("label", text(&self.label)?),
            ("csrf", self.csrf.as_ref().map(|token| crate::spelling::quoted(token.expose())).transpose()?),
            ("commits", self.committed.map(|_| format!("[{}]", commits()))),
            ("committed", self.committed.map(|at| at.unix_millis().to_string())),
        ];
        let members: Vec<String> =
            members.into_iter().filter_map(|(key, value)| Some(format!("\"{key}\":{}", value?))).collect();
        Ok((!members.is_empty()).then(|| format!("{{{}}}", members.join(","))))
    }
}
