//! Decoding a framework's object to a record.

use std::collections::HashMap;
use std::time::Duration;

use cloakroom_session::factory::{FrameworkData, Json, Record, Rejected, SessionTimes, Text};
use cloakroom_session::{CsrfToken, Lifetimes, Timestamp};

use super::{Layout, Role, name, role};
use crate::extras::{CloakroomExtras, EXTRAS_KEY};

/// The maximum number of keys; each costs a comparison with all others.
const MOST_MEMBERS: usize = 4096;

/// The times that a framework keeps of a session.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// The creation time, if the framework keeps it.
    pub(crate) created: Option<Timestamp>,
    /// Its original text, if it isn't a member of the object: it may be more precise than
    /// milliseconds.
    pub(crate) spelled: Option<Text>,
    /// The time of the last use or write.
    pub(crate) touched: Timestamp,
    /// The absolute deadline, if the framework keeps one.
    pub(crate) expires: Option<Timestamp>,
    /// The idle timeout of this session, if the framework has one. The inner `None` means "never".
    pub(crate) idle: Option<Option<Duration>>,
    /// The cookie survives the end of the browser session until `expires`.
    pub(crate) remembered: bool,
}

impl Times {
    /// Only the time of the last write is known.
    #[cfg(any(
        feature = "flask",
        feature = "django",
        feature = "express",
        feature = "rails",
        feature = "plug",
        feature = "starlette",
        feature = "tower-sessions",
        feature = "actix-session"
    ))]
    pub(crate) const fn touched(touched: Timestamp) -> Self {
        Self { created: None, spelled: None, touched, expires: None, idle: None, remembered: false }
    }

    fn times(&self, extras: &CloakroomExtras, lifetimes: &Lifetimes) -> SessionTimes {
        let created = self.created.or(extras.created).unwrap_or(self.touched);
        let idle = SessionTimes::start(self.touched, lifetimes).idle_deadline;
        let absolute = SessionTimes::start(created, lifetimes).absolute_deadline;
        let absolute = extras.ends.unwrap_or(absolute);
        // The framework's own setting may be newer than ours.
        let own_idle = self.idle.or(extras.idle);
        let mut times = SessionTimes::start(created, lifetimes);
        times.touched = self.touched;
        times.idle_deadline = own_idle.map_or(idle, |idle| idle.map(|idle| self.touched + idle));
        times.absolute_deadline = absolute.into_iter().chain(self.expires).min();
        times.own_idle = own_idle;
        times.remembered = self.remembered || extras.remembered;
        times
    }
}

/// Reads a session from its object.
pub(crate) fn read(
    layout: &dyn Layout,
    object: &Json,
    times: Times,
    lifetimes: &Lifetimes,
) -> Result<Record, Rejected> {
    let members = distinct(object.members().ok_or(Rejected::Corrupt)?)?;
    let extras = members.iter().find(|(spelled, _)| name(spelled).is_some_and(|key| key == EXTRAS_KEY));
    let extras = extras.map(|(_, value)| CloakroomExtras::read(value)).unwrap_or_default();
    let mut record = Record::with_times(times.times(&extras, lifetimes));
    for (spelled, value) in &members {
        // A key with a lone surrogate can't be represented here. It stays with the framework's own
        // data.
        let Some(key) = name(spelled) else { continue };
        match role(layout, &key, value) {
            Role::Value => record.restore(key, layout.read_value(value)),
            Role::Csrf(token) => record.restore_csrf(spelled_as(token, layout)),
            Role::Flashes(waiting) => {
                waiting.into_iter().for_each(|(queue, body)| record.restore_flash(queue, body));
            }
            Role::Extras | Role::Hidden => {}
        }
    }
    extras.restore(&mut record, |token| spelled_as(token, layout));
    record.restore_foreign(FrameworkData::new(layout.framework()).noting(times.spelled).members(members));
    Ok(record)
}

fn spelled_as(token: CsrfToken, layout: &dyn Layout) -> CsrfToken {
    match layout.csrf_scheme() {
        Some(scheme) => token.with_scheme(scheme),
        None => token,
    }
}

/// Removes duplicate names: as in a Python dictionary, the last value counts, in the position of
/// the first.
fn distinct(members: Vec<(Json, Json)>) -> Result<Vec<(Json, Json)>, Rejected> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<(Json, Json)> = Vec::with_capacity(members.len().min(MOST_MEMBERS));
    for (spelled, value) in members {
        let key = name(&spelled).unwrap_or_else(|| spelled.as_str().to_owned());
        let count = kept.len();
        match places.get(&key).and_then(|place| kept.get_mut(*place)) {
            Some(member) => member.1 = value,
            None if count == MOST_MEMBERS => return Err(Rejected::Bomb),
            None => {
                places.insert(key, count);
                kept.push((spelled, value));
            }
        }
    }
    Ok(kept)
}
