//! Moving a session to the other side, and ending one during its move.
//!
//! A move between stores has three steps, each one commit:
//!
//! 1. **Claim**: the request's changes and the mark are written to the old record. The store merges
//!    them with those of other requests.
//! 2. **Begin**: the session is created on the new side from the record that the first step wrote.
//!    Its id is derived from the old id and the mark, so every request computes the same id, and
//!    only one of them creates it.
//! 3. **Leave**: the old record is emptied and marked as moved. It ends a minute later.
//!
//! A request that finds a claimed record finishes the move itself, so a crash after any step loses
//! no data. The browser gets the new cookie only after the third step. A change that moved with the
//! record is not made again on the new side: see [`Trace`].

use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::factory::{
    Commit, Committed, CookieHeader, CookiePayload, Plan, Record, SessionFactory, SessionId, SessionState, SetCookie,
    begin_commit, hand_on,
};
use cloakroom_session::{Error, Timestamp};

use super::mark::{self, Mark, Nonce};
use super::phase::Side;
use super::trace::{self, Trace};
use super::{Migration, joined};

/// The lifetime of a moved session's mark: longer than any request that opened the session earlier.
const MARKED: Duration = Duration::from_secs(60);

impl<O: SessionFactory, N: SessionFactory> Migration<O, N> {
    /// Returns the session to which the mark leads, if the session found has a mark.
    pub(super) async fn follow_mark(&self, found: SessionState, now: Timestamp) -> Result<SessionState, Error> {
        let (Some(old), Some(side)) = (found.id(), Side::of(&found)) else { return Ok(found) };
        let (presented, side) = match Mark::of(found.base()) {
            None | Some(Mark::Claimed(..)) => return Ok(found),
            Some(Mark::Ended(None)) => (old, side),
            Some(Mark::Moved(nonce)) => {
                let there = self.target_on(side.other(), nonce.target(old), now).await?;
                if there.id().is_some() {
                    // It may have moved back in the meantime.
                    return Box::pin(self.follow_mark(there.moving(true), now)).await;
                }
                (nonce.target(old), side.other())
            }
            // A holder of the old id must not reach the new session, but a sign-out ends it.
            Some(Mark::Cycled(nonce) | Mark::Ended(Some(nonce))) => (nonce.target(old), side.other()),
        };
        Ok(self.open_on(side, CookieHeader::default(), now).await?.detaching(presented))
    }

    /// Opens the session under this id on a side; returns a session without an id if there is none.
    async fn target_on(&self, side: Side, id: SessionId, now: Timestamp) -> Result<SessionState, Error> {
        let fresh = self.open_on(side, CookieHeader::default(), now).await?;
        if fresh.payload() == CookiePayload::Record {
            return Ok(fresh);
        }
        let wanted = SessionState::loaded(id, Record::new(now, fresh.lifetimes()), now, *fresh.lifetimes());
        self.reload_on(side, &wanted.with_payload(CookiePayload::Id), now).await
    }

    /// Commits a session on its current side.
    pub(super) async fn stay(&self, side: Side, commit: &Commit) -> Result<Committed, Error> {
        let committed = self.commit_on(side, commit).await?;
        let (session, now) = (&committed.session, commit.now());
        // A node in the next phase may have started to move the session in the meantime.
        let found = match (commit.plan(), Mark::of(session.base())) {
            // A touch hasn't read the current record. A cycled session keeps the claim, and a later
            // request finishes the move.
            (Plan::Touch, _) | (Plan::Cycle, Some(Mark::Claimed(..))) => None,
            (_, found) => found.filter(|_| self.phase().is_between()),
        };
        let Some(found) = found else { return Ok(committed) };
        let trace = Trace::of(commit, session.base(), None);
        let claimed = match found {
            // The session moves as a claim has left it.
            Mark::Claimed(nonce, _) => {
                let mut claim = session.clone();
                mark::claim(&mut claim, nonce)?;
                let claimed = self.commit_on(side, &begin_commit(claim, now)?).await?;
                Committed::new(claimed.session, committed.cookies)
            }
            Mark::Moved(_) | Mark::Cycled(_) | Mark::Ended(_) => committed,
        };
        self.finish_move(side, commit, claimed, &trace).await
    }

    /// Moves a session to the other side, including the request's changes.
    pub(super) async fn shift(&self, from: Side, commit: &Commit) -> Result<Committed, Error> {
        let session = commit.session();
        if session.payload() == CookiePayload::Record {
            return self.leave_cookie(from, commit).await;
        }
        let mut claim = session.clone().staying();
        let number = mark::claim(&mut claim, Nonce::of(commit.new_id())?)?;
        let claimed = self.commit_on(from, &hand_on(commit, claim)?).await?;
        let trace = Trace::of(commit, claimed.session.base(), Some(&number));
        self.finish_move(from, commit, claimed, &trace).await
    }

    /// Moves a session that is entirely in its cookie: no other request can access it there.
    async fn leave_cookie(&self, from: Side, commit: &Commit) -> Result<Committed, Error> {
        let (session, now) = (commit.session(), commit.now());
        let fresh = self.open_on(from.other(), CookieHeader::default(), now).await?;
        let begun = hand_on(commit, fresh.import(session, now).requested_by(session.request()))?;
        match self.commit_on(from.other(), &begun).await {
            Ok(mut committed) => {
                let ended = self.end(from, session, now).await?;
                committed.cookies = joined(ended, committed.cookies);
                self.has_moved(from.other());
                Ok(committed)
            }
            Err(error) => self.keep_here(from, error, self.commit_on(from, commit)).await,
        }
    }

    /// Begins a new session instead of one that ends.
    pub(super) async fn begin_anew(&self, from: Side, to: Side, commit: &Commit) -> Result<Committed, Error> {
        let (session, now) = (commit.session(), commit.now());
        // End first: if the rest fails, the visitor is signed out, which is the safe outcome.
        let ended = self.end(from, session, now).await?;
        let fresh = self.open_on(to, CookieHeader::default(), now).await?;
        let begun = hand_on(commit, fresh.import(session, now).requested_by(session.request()))?;
        let mut committed = self.commit_on(to, &begun).await?;
        committed.cookies = joined(ended, committed.cookies);
        Ok(committed)
    }

    /// Runs the second and third steps of a move, for a session with a mark.
    async fn finish_move(
        &self,
        from: Side,
        commit: &Commit,
        claimed: Committed,
        trace: &Trace,
    ) -> Result<Committed, Error> {
        let (session, now, to) = (commit.session(), commit.now(), from.other());
        let (there, cookies) = (&claimed.session, &claimed.cookies);
        // A first write under a reserved id may have found the session that another one has begun.
        let Some(old) = there.id().map(|id| session.id().unwrap_or(id)) else {
            return Ok(Committed::dropped(commit));
        };
        let Some(found) = Mark::of(there.base()) else {
            return Err(Error::corrupt(format!("the session key {:?} belongs to migrations", mark::KEY)));
        };
        let own = Nonce::of(commit.new_id())?;
        let is_own = commit.new_id().is_some() && found.nonce() == Some(own);
        let cycles = commit.plan() == Plan::Cycle;
        let nonce = match found {
            Mark::Claimed(nonce, _) | Mark::Moved(nonce) => nonce,
            // An earlier attempt of this commit moved it; its answer was lost.
            Mark::Cycled(nonce) if is_own && commit.is_resumed() => nonce,
            Mark::Cycled(_) | Mark::Ended(_) => return Ok(Committed::dropped(commit)),
        };
        let target = nonce.target(old);
        let mut begun = None;
        let mut newest = self.target_on(to, target, now).await?;
        // Its device may have been registered just now.
        if matches!(found, Mark::Claimed(..)) && self.is_bound_to_stay(there.base(), to) {
            return Ok(claimed);
        }
        if newest.id().is_none() && matches!(found, Mark::Claimed(..)) {
            match self.begin(to, commit, there, nonce, old).await {
                Ok(committed) => begun = Some(committed),
                Err(error) => return self.keep_here(from, error, async { Ok(claimed) }).await,
            }
        }
        let left = match (found, &begun) {
            (Mark::Claimed(..), Some(begun)) if begun.session.payload() == CookiePayload::Record => {
                self.leave_for_cookie(from, commit, there).await?
            }
            (Mark::Claimed(..), _) => self.leave(from, there, cycles && is_own, now).await?,
            (mark, _) => Left { first: false, mark: Some(mark) },
        };
        // Another request may have been faster with the same id; then the store assigned a
        // different one.
        let is_other =
            |it: &mut Committed| it.session.payload() == CookiePayload::Id && it.session.id() != Some(target);
        if let Some(other) = begun.take_if(is_other) {
            newest = self.target_on(to, target, now).await?;
            // A bridge to another framework generates its own ids, and a factory may ignore the id
            // that it is given. If it doesn't, another request began the session, which has ended
            // or has a new id since then.
            let is_only_one = newest.id().is_none() && left.first && !self.begins_as_given_on(to);
            if newest.id() == other.session.id() || is_only_one {
                begun = Some(other);
            } else {
                self.end(to, &other.session, now).await?;
            }
        }
        match left.mark {
            Some(Mark::Moved(_)) => {}
            Some(Mark::Cycled(_)) if cycles && is_own => {}
            // Another request gave the session an id that this request must not learn.
            Some(Mark::Cycled(_)) => return Ok(Committed::dropped(commit)),
            // The user signed out in between.
            Some(Mark::Claimed(..) | Mark::Ended(_)) | None => {
                if let Some(begun) = &begun {
                    self.end(to, &begun.session, now).await?;
                }
                self.end_under(to, target, now).await?;
                return Ok(Committed::dropped(commit));
            }
        }
        // Requests that hold the old id may have learned the new one.
        let cycles = cycles && matches!(left.mark, Some(Mark::Moved(_)));
        if let Some(begun) = begun.take_if(|_| cycles) {
            newest = begun.session;
        }
        let mut moved = match begun {
            Some(begun) => begun,
            None => match self.follow(to, commit, newest, cycles, &(trace, nonce)).await? {
                Some(moved) => moved,
                None => return Ok(Committed::dropped(commit)),
            },
        };
        let removals: Vec<SetCookie> = cookies.iter().map(SetCookie::removal).collect();
        moved.cookies = joined(removals, moved.cookies);
        if left.first {
            self.has_moved(to);
        }
        Ok(moved)
    }

    /// Runs the second step: creates the session on the other side from the first step's record,
    /// under this id if it is free.
    async fn begin(
        &self,
        to: Side,
        commit: &Commit,
        claimed: &SessionState,
        nonce: Nonce,
        old: SessionId,
    ) -> Result<Committed, Error> {
        let (session, now) = (commit.session(), commit.now());
        let mut record = claimed.base().clone();
        record.unrestore(mark::KEY);
        trace::note_begin(&mut record, claimed.base(), nonce, now);
        let fresh = self.open_on(to, CookieHeader::default(), now).await?;
        let mut begun = fresh.adopting_record(&record, session, now).requested_by(session.request());
        // An empty session is still a session.
        begun.changed();
        self.commit_on(to, &hand_on(commit, begun)?.beginning_as(nonce.target(old))).await
    }

    /// Runs the third step if the new side keeps sessions in cookies: no request could follow
    /// there.
    async fn leave_for_cookie(&self, from: Side, commit: &Commit, claimed: &SessionState) -> Result<Left, Error> {
        let mut session = claimed.clone();
        session.invalidate(commit.now());
        let ended = self.commit_on(from, &begin_commit(session, commit.now())?).await?;
        // A factory removes the cookie only of a session that it ended. An earlier attempt may have
        // ended it.
        let was_there = !ended.cookies.is_empty() || commit.is_resumed();
        Ok(Left {
            first: true,
            mark: Mark::of(claimed.base()).and_then(Mark::nonce).filter(|_| was_there).map(Mark::Moved),
        })
    }

    /// Runs the third step: empties the old record and marks it with the session's new place.
    async fn leave(&self, from: Side, claimed: &SessionState, cycles: bool, now: Timestamp) -> Result<Left, Error> {
        let mut left = claimed.clone();
        let keys: Vec<String> = left.base().entries().map(|(key, _)| key.to_owned()).collect();
        let queues: Vec<String> = left.base().flashes().map(|(queue, _)| queue.to_owned()).collect();
        for key in keys.iter().filter(|key| *key != mark::KEY) {
            left.remove(key);
        }
        for queue in &queues {
            left.pop_flash_json(queue);
        }
        left.set_absolute_timeout(Some(MARKED), now);
        let first = mark::moved(&mut left, cycles)?;
        let left = self.commit_on(from, &begin_commit(left, now)?).await?.session;
        Ok(Left { first: first.was_first(), mark: Mark::of(left.base()) })
    }

    /// Makes the changes of a commit on the moved session, unless they moved with it. Returns
    /// `None` if the session no longer exists.
    async fn follow(
        &self,
        to: Side,
        commit: &Commit,
        newest: SessionState,
        cycles: bool,
        (trace, nonce): &(&Trace, Nonce),
    ) -> Result<Option<Committed>, Error> {
        let mut newest = newest;
        if newest.id().is_none() {
            // An earlier attempt of this commit may have given it another new id.
            let Some(new) = commit.new_id().filter(|_| commit.is_resumed()) else { return Ok(None) };
            newest = self.target_on(to, new, commit.now()).await?;
            if newest.id().is_none() || !commit.has_written(newest.base()) {
                return Ok(None);
            }
        } else if cycles {
            newest = newest.cycling();
        }
        let newest = newest.moving(true).requested_by(commit.session().request());
        let is_done = commit.plan() == Plan::Touch || trace.is_in(newest.base(), *nonce)?;
        let mut next = if is_done { newest } else { newest.repeating(commit.session())? };
        // Always a write, for the cookie: a touch doesn't notice that the session moves back, and
        // would extend the lifetime of the record that it leaves.
        next.changed();
        // It may be on its way back.
        let committed = Box::pin(self.stay(to, &hand_on(commit, next)?)).await?;
        Ok(committed.session.id().is_some().then_some(committed))
    }

    /// Ends a session of a side, wherever it has moved to. Returns the removal cookies.
    pub(super) async fn end(
        &self,
        side: Side,
        session: &SessionState,
        now: Timestamp,
    ) -> Result<Vec<SetCookie>, Error> {
        let mut elsewhere = Vec::new();
        if session.payload() == CookiePayload::Id && self.phase().is_between() {
            elsewhere = self.end_moved(side, session, now).await?;
        }
        let mut session = session.clone();
        session.invalidate(now);
        let ended = self.commit_on(side, &begin_commit(session, now)?).await?.cookies;
        Ok(joined(elsewhere, ended))
    }

    /// Stops a move in progress, and ends the session on the other side.
    async fn end_moved(&self, side: Side, session: &SessionState, now: Timestamp) -> Result<Vec<SetCookie>, Error> {
        let Some(old) = session.id().or(session.ended_id()) else { return Ok(Vec::new()) };
        let found = if session.id().is_some() {
            self.reload_on(side, session, now).await?
        } else {
            let mut record = Record::new(now, session.lifetimes());
            if let Some(foreign) = session.ended_foreign() {
                record.restore_foreign(foreign.clone());
            }
            let wanted = SessionState::loaded(old, record, now, *session.lifetimes()).with_payload(CookiePayload::Id);
            self.reload_on(side, &wanted, now).await?
        };
        let mut found = found;
        if found.id().is_none() {
            return Ok(Vec::new());
        }
        mark::ended(&mut found)?;
        let marked = self.commit_on(side, &begin_commit(found, now)?).await?;
        match Mark::of(marked.session.base()) {
            Some(Mark::Ended(Some(nonce))) => self.end_under(side.other(), nonce.target(old), now).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Ends the session that has or had this id.
    async fn end_under(&self, side: Side, id: SessionId, now: Timestamp) -> Result<Vec<SetCookie>, Error> {
        let session = self.target_on(side, id, now).await?;
        // It may have moved back in the meantime. Each move has a different id, so the recursion
        // terminates.
        Box::pin(self.end(side, &session, now)).await
    }

    /// Keeps a session on its side if it is too large for the other one: a move must not make a
    /// request fail.
    async fn keep_here(
        &self,
        from: Side,
        error: Error,
        here: impl Future<Output = Result<Committed, Error>>,
    ) -> Result<Committed, Error> {
        if !error.is_too_large() || !self.phase().reads(from) {
            return Err(error);
        }
        tracing::warn!(%error, "a session is too large to move");
        here.await
    }

    fn has_moved(&self, to: Side) {
        self.counters.moved.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(?to, "session moved");
    }
}

/// The old record after the third step.
struct Left {
    /// This request was the one that completed the step.
    first: bool,
    /// The mark that the record has now; `None` if it has ended.
    mark: Option<Mark>,
}
