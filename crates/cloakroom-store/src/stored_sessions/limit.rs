//! The limit of sessions per owner.
//!
//! A sign-in counts its owner's sessions, without reading them, and no further than it must. At the
//! limit it is either refused, or it ends the oldest sessions once it has succeeded: all surplus
//! sessions, but at most [`MOST_ENDED`] in one bounded step. An owner with 50,000 sessions from
//! before the limit was introduced loses the surplus over some hundred sign-ins, or at once with
//! [`Sessions::end_others`](crate::Sessions::end_others).

use cloakroom_session::Error;
use cloakroom_session::factory::{Commit, SessionId, SessionState, StoreKey};

use super::StoredSessions;
use super::call::Operation;
use super::settings::AtLimit;
use crate::deadline::Course;
use crate::store::{Loaded, Store};

/// The maximum number of sessions that one sign-in ends.
const MOST_ENDED: usize = 100;

/// The most sessions that a commit itself ends or has created.
const OWN: usize = 2;

/// The number of an owner's sessions to end once the new one exists.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surplus(usize);

impl<S: Store> StoredSessions<S> {
    /// Enforces the owner limit for a sign-in, and counts the sessions to end afterwards.
    pub(crate) async fn admit(&self, commit: &Commit, course: &mut Course) -> Result<Surplus, Error> {
        let session: &SessionState = commit.session();
        let (Some(limit), Some(owner)) = (self.owner_limit, session.record().owner()) else {
            return Ok(Surplus::default());
        };
        if session.base().owner() == Some(owner) {
            return Ok(Surplus::default());
        }
        // Enough to know what this sign-in ends, whatever number the owner has.
        let at_most = limit.sessions.saturating_add(MOST_ENDED + OWN);
        let count = || self.store.count_owned(owner, at_most, commit.now());
        let count = match self.insist(course, Operation::Owned, None, count).await {
            Err(error) if error.is_unsupported() && !limit.is_asked_for => return Ok(Surplus::default()),
            count => count?,
        };
        if count < limit.sessions {
            return Ok(Surplus::default());
        }
        // Don't count a session that this commit ends, or that an earlier attempt of it created.
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
        let load = || self.store.load_latest(key, commit.now());
        let loaded = self.insist(course, Operation::Load, Some(key), load).await?;
        Ok(matches!(loaded, Loaded::Live(_, entry) if entry.owner.as_deref() == Some(owner)))
    }

    /// Ends the oldest sessions of an owner who has just signed in, in one bounded step.
    ///
    /// The session `new` is kept. Its id is hashed only here: most new sessions end no other one,
    /// and a hash is a tenth of a new session's cost.
    pub(crate) async fn dismiss(&self, surplus: Surplus, commit: &Commit, new: SessionId, course: &Course) {
        let (Surplus(surplus @ 1..), Some(owner)) = (surplus, commit.session().record().owner()) else { return };
        let kept = new.store_key();
        let end = self.store.end_owned(owner, Some(&kept), surplus.min(MOST_ENDED), commit.now());
        // The new session is already valid. Remaining surplus sessions expire, or are ended at the
        // next sign-in.
        match self.call_by(course.limit(), Operation::EndOwned, None, end).await {
            Ok(ended) => {
                tracing::debug!(ended = ended.count, surplus, "sessions beyond their owner's limit were ended")
            }
            Err(error) => tracing::warn!(surplus, %error, "sessions beyond their owner's limit weren't ended"),
        }
    }
}
