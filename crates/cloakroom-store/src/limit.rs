//! The number of sessions that an owner may have.
//!
//! A sign-in counts its owner's sessions, without reading them. At the limit it is refused, or it
//! ends the oldest ones once it has succeeded: all that are too many, but at most [`MOST_ENDED`] in
//! one bounded step. An owner who has 50,000 from before there was a limit gets rid of them over
//! some hundred sign-ins, or at once with [`Sessions::end_others`](crate::Sessions::end_others).

use cloakroom_session::{Commit, Error, SessionState, StoreKey};

use crate::builder::AtLimit;
use crate::call::Operation;
use crate::deadline::Course;
use crate::store::{Loaded, Store};
use crate::stored_sessions::StoredSessions;

/// The limit of a factory that isn't told another one: more than the devices of a person, and few
/// enough to list on one page.
pub(crate) const DEFAULT: usize = 100;

/// One sign-in ends at most this many sessions.
const MOST_ENDED: usize = 100;

/// How many sessions an owner may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnerLimit {
    pub(crate) sessions: usize,
    pub(crate) at_limit: AtLimit,
    /// The application has asked for it. If not, a store without an index of owners needs none.
    pub(crate) is_asked_for: bool,
}

impl OwnerLimit {
    pub(crate) const fn default_of_all() -> Self {
        Self { sessions: DEFAULT, at_limit: AtLimit::EndOldest, is_asked_for: false }
    }
}

/// The number of an owner's sessions that must end once the new one is there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surplus(usize);

impl<S: Store> StoredSessions<S> {
    /// Makes sure that an owner who signs in has a place, and counts the sessions that must give
    /// way.
    pub(crate) async fn admit(&self, commit: &Commit, course: &mut Course) -> Result<Surplus, Error> {
        let session: &SessionState = commit.session();
        let (Some(limit), Some(owner)) = (self.owner_limit, session.record().owner()) else {
            return Ok(Surplus::default());
        };
        if session.base().owner() == Some(owner) {
            return Ok(Surplus::default());
        }
        let count = || self.store.count_owned(owner, commit.now());
        let count = match self.insist(course, Operation::Owned, None, count).await {
            Err(error) if error.is_unsupported() && !limit.is_asked_for => return Ok(Surplus::default()),
            count => count?,
        };
        if count < limit.sessions {
            return Ok(Surplus::default());
        }
        // A session that this commit ends, or that an earlier attempt of it has begun, makes room
        // for itself.
        let mut own = 0;
        for id in [commit.ended_id(), commit.new_id().filter(|_| commit.is_resumed())].into_iter().flatten() {
            own += usize::from(self.is_of(owner, &id.store_key(), commit, course).await?);
        }
        let surplus = (count + 1).saturating_sub(limit.sessions + own);
        match limit.at_limit {
            AtLimit::RefuseNew if surplus > 0 => Err(Error::too_many_sessions(limit.sessions)),
            AtLimit::RefuseNew | AtLimit::EndOldest => Ok(Surplus(surplus)),
        }
    }

    async fn is_of(&self, owner: &str, key: &StoreKey, commit: &Commit, course: &mut Course) -> Result<bool, Error> {
        let load = || self.store.load(key, commit.now());
        let loaded = self.insist(course, Operation::Load, Some(key), load).await?;
        Ok(matches!(loaded, Loaded::Live(_, entry) if entry.owner.as_deref() == Some(owner)))
    }

    /// Ends the oldest sessions of an owner who has just signed in, in one bounded step.
    pub(crate) async fn dismiss(&self, surplus: Surplus, commit: &Commit, new: &StoreKey, course: &Course) {
        let (Surplus(surplus @ 1..), Some(owner)) = (surplus, commit.session().record().owner()) else { return };
        let end = self.store.end_owned(owner, Some(new), surplus.min(MOST_ENDED), commit.now());
        // The new session stands. What isn't ended now ends by itself, or at the next sign-in.
        match self.call_by(course.deadline, Operation::EndOwned, None, end).await {
            Ok(ended) => {
                tracing::debug!(ended = ended.count, surplus, "sessions beyond their owner's limit were ended")
            }
            Err(error) => tracing::warn!(surplus, %error, "sessions beyond their owner's limit weren't ended"),
        }
    }
}
