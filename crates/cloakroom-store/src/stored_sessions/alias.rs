//! Commits of sessions with an alias: the steps of a sign-in in [`crate::alias`].

use std::sync::atomic::Ordering;

use cloakroom_session::Error;
use cloakroom_session::factory::{Alias, Commit, StoreKey};

use super::StoredSessions;
use super::call::Operation;
use super::outcome::Outcome;
use crate::alias::{Claim, is_in_use, lives_until};
use crate::deadline::Course;
use crate::skew::time_for_ends;
use crate::store::{Created, Loaded, Replaced, Store};

impl<S: Store> StoredSessions<S> {
    /// Carries out a commit that gives a session an alias, so that no end of the alias misses it.
    pub(crate) async fn carry_out_with(&self, alias: &Alias, commit: &Commit) -> Result<Outcome, Error> {
        let mut course = self.course(commit);
        let Some(claim) = self.claim(alias, commit, &mut course).await? else {
            return self.refuse(commit, &mut course).await;
        };
        let outcome = self.carry_out(commit).await?;
        let Outcome::Kept(id, ..) = &outcome else { return Ok(outcome) };
        let key = id.store_key();
        let mut course = self.course(commit);
        let kept = match self.is_kept(alias, &claim, commit, &mut course).await {
            Ok(false) => self.end_key(&key, commit, &mut course).await.map(|()| false),
            kept => kept,
        };
        if kept.is_err() && Some(*id) != commit.session().id() {
            // No browser has this id, unless the commit is retried.
            self.orphans.add(&self.store, self.patience.call, key, commit.now());
        }
        Ok(if kept? { outcome } else { Outcome::Dropped })
    }

    /// Claims an alias for the owner of the session. Returns `None` if it has just been ended.
    async fn claim(&self, alias: &Alias, commit: &Commit, course: &mut Course) -> Result<Option<Claim>, Error> {
        let (key, now, record) = (alias.store_key(), commit.now(), commit.session().record());
        let Some(owner) = record.owner() else { return Err(Error::corrupt("an alias without an owner")) };
        self.ask_for_index(owner, commit, course).await?;
        let (claim, until) = (Claim::of(owner, now), lives_until(record.times().absolute_deadline, now));
        let first = claim.entry(now, until);
        loop {
            // Nearly every alias is new.
            let create = || self.store.create(&key, &first, now);
            if let Created::Yes(_) = self.insist(course, Operation::Create, Some(&key), create).await? {
                return Ok(Some(claim));
            }
            let load = || self.store.load_latest(&key, now);
            if let Loaded::Live(seen, entry) = self.insist(course, Operation::Load, Some(&key), load).await? {
                let there = Claim::read(&key, &entry)?;
                if there.is_ended(now) {
                    return Ok(None);
                }
                self.check_owner(alias, &there, owner, commit, course).await?;
                let claim = claim.after(&there);
                let renewed = claim.entry(now, entry.deadline.map_or(until, |deadline| deadline.max(until)));
                let replace = || self.store.replace(&key, seen.clone(), &renewed, now);
                if let Replaced::Yes(_) = self.insist(course, Operation::Replace, Some(&key), replace).await? {
                    return Ok(Some(claim));
                }
            }
            course.retries.conflict(commit).await?;
        }
    }

    /// Fails if another owner has a session with this alias, or may be about to get one. The alias
    /// of an owner who has none left is free.
    async fn check_owner(
        &self,
        alias: &Alias,
        there: &Claim,
        owner: &str,
        commit: &Commit,
        course: &mut Course,
    ) -> Result<(), Error> {
        let Some(other) = there.owner.as_deref().filter(|other| *other != owner) else { return Ok(()) };
        let ended = commit.ended_id().map(|id| id.store_key());
        let is_in_use = || is_in_use(&*self.store, other, alias, ended.as_ref(), commit.now());
        // A sign-in that has just claimed the alias may not have written its session yet.
        if there.is_fresh(commit.now()) || self.insist(course, Operation::Owned, None, is_in_use).await? {
            return Err(Error::alias_taken());
        }
        Ok(())
    }

    /// Fails if the store has no owner index, without which no alias could be ended. Asks once.
    async fn ask_for_index(&self, owner: &str, commit: &Commit, course: &mut Course) -> Result<(), Error> {
        if !self.has_index.0.load(Ordering::Relaxed) {
            let ask = || self.store.owned(owner, None, 1, commit.now());
            self.insist(course, Operation::Owned, None, ask).await?;
            self.has_index.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Returns whether an alias hasn't been ended since it was claimed.
    async fn is_kept(&self, alias: &Alias, claim: &Claim, commit: &Commit, course: &mut Course) -> Result<bool, Error> {
        let key = alias.store_key();
        let load = || self.store.load_latest(&key, commit.now());
        Ok(match self.insist(course, Operation::Load, Some(&key), load).await? {
            Loaded::Live(_, entry) => claim.is_kept_in(&Claim::read(&key, &entry)?),
            Loaded::Absent | Loaded::Moved => {
                tracing::warn!(?key, "the entry of an alias is gone: does the store evict entries?");
                true
            }
        })
    }

    /// Drops a commit whose alias has been ended, and ends the sessions that it concerns.
    async fn refuse(&self, commit: &Commit, course: &mut Course) -> Result<Outcome, Error> {
        let session = commit.session();
        // The alias names this session, or an earlier attempt has written it.
        let named = session.store_key().filter(|_| session.base().owner().is_some());
        if let Some(key) = named {
            self.end_key(&key, commit, course).await?;
        }
        if let Some(id) = commit.new_id().filter(|_| commit.is_resumed()) {
            self.undo_half(commit, &id.store_key(), course).await?;
            self.orphans.add(&self.store, self.patience.call, id.store_key(), commit.now());
        }
        // A sign-out always takes effect.
        if let Some(id) = commit.ended_id() {
            self.end_key(&id.store_key(), commit, course).await?;
        }
        Ok(Outcome::Dropped)
    }

    async fn end_key(&self, key: &StoreKey, commit: &Commit, course: &mut Course) -> Result<(), Error> {
        let end = || self.store.end(key, time_for_ends(commit.now()));
        self.insist(course, Operation::End, Some(key), end).await.map(drop)
    }
}
