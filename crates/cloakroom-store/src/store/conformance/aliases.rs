//! Aliases of sessions, through the factory that applications use.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::{
    Alias, CookieHeader, Record, SessionFactory as _, SessionId, SessionState, begin_commit, fresh_token,
};
use cloakroom_session::{Error, Timestamp};

use super::bench::{Bench, Outcome, Wrong, both, ensure, same};
use super::owners::unique_owner;
use super::sweeping::long_ago;
use crate::alias::end_alias;
use crate::store::{Loaded, Store};
use crate::stored_sessions::StoredSessions;
use crate::walks::{all_owned, end_all_before};

const NAME: &str = "conformance";

/// A process that signs users in.
struct Process<S> {
    sessions: Arc<StoredSessions<S>>,
    now: Timestamp,
}

impl<S> Clone for Process<S> {
    fn clone(&self) -> Self {
        Self { sessions: Arc::clone(&self.sessions), now: self.now }
    }
}

impl<S: Store> Process<S> {
    async fn of(it: &Bench<S>) -> Result<Self, Wrong> {
        Ok(Self { sessions: it.sessions(NAME).await?, now: it.now })
    }

    async fn open(&self, id: Option<SessionId>) -> Result<SessionState, Error> {
        let line = id.map_or_else(String::new, |id| format!("{NAME}={}", id.expose()));
        self.sessions.open(CookieHeader::new([line.as_bytes()]), self.now).await
    }

    async fn commit(&self, session: SessionState) -> Result<Option<SessionId>, Error> {
        Ok(self.sessions.commit(&begin_commit(session, self.now)?).await?.session.id())
    }

    /// Signs in with an alias. Returns the id, if the session hasn't ended in the meantime.
    async fn sign_in(&self, owner: &str, alias: Alias) -> Result<Option<SessionId>, Error> {
        let mut session = self.open(None).await?;
        session.set_owner(owner, fresh_token()?, self.now);
        session.set_alias(alias);
        self.commit(session).await
    }

    async fn cycle(&self, id: SessionId) -> Result<Option<SessionId>, Error> {
        let mut session = self.open(Some(id)).await?;
        session.cycle_id(fresh_token()?);
        self.commit(session).await
    }

    /// Signs in with an alias that no other session has.
    async fn signed_in(&self, owner: &str, alias: Alias) -> Result<SessionId, Wrong> {
        self.sign_in(owner, alias).await?.ok_or_else(|| Wrong::new("a sign-in with a new alias was dropped"))
    }
}

fn unique_alias<S: Store>(it: &Bench<S>) -> Result<Alias, Wrong> {
    Ok(Alias::new("conformance", &it.key()?.to_hex()))
}

async fn is_live<S: Store>(it: &Bench<S>, id: SessionId) -> Result<bool, Wrong> {
    Ok(matches!(it.store.load(&id.store_key(), it.now).await?, Loaded::Live(..)))
}

/// Checks that the owner has no session with this alias.
async fn none_has<S: Store>(it: &Bench<S>, what: &str, owner: &str, alias: Alias) -> Outcome {
    for owned in all_owned(&*it.store, owner, it.now).await? {
        let record: Arc<Record> = owned.entry.record(&owned.key)?;
        ensure(record.alias() != Some(alias), what)?;
    }
    Ok(())
}

pub(super) async fn an_alias_ends_its_sessions_and_no_others<S: Store>(it: Bench<S>) -> Outcome {
    let (process, owner, other) = (Process::of(&it).await?, unique_owner(&it, "ann")?, unique_owner(&it, "bob")?);
    let (ended, kept, others) = (unique_alias(&it)?, unique_alias(&it)?, unique_alias(&it)?);
    let first = process.signed_in(&owner, ended).await?;
    let second = process.signed_in(&owner, ended).await?;
    let moved = process.cycle(second).await?.ok_or_else(|| Wrong::new("a session with an alias didn't move"))?;
    let (third, fourth) = (process.signed_in(&owner, kept).await?, process.signed_in(&other, others).await?);
    same("the number of sessions ended by their alias", &end_alias(&*it.store, &ended, it.now).await?, &2)?;
    for (id, live) in [(first, false), (moved, false), (third, true), (fourth, true)] {
        same("whether a session is live after the end of an alias", &is_live(&it, id).await?, &live)?;
    }
    same("the number of sessions ended the second time", &end_alias(&*it.store, &ended, it.now).await?, &0)?;
    let late = process.sign_in(&owner, ended).await?;
    same("the session of a sign-in just after the end of its alias", &late, &None)?;
    none_has(&it, "a sign-in just after the end of its alias is live", &owner, ended).await
}

pub(super) async fn an_alias_of_another_owner_is_refused<S: Store>(it: Bench<S>) -> Outcome {
    let (process, ann, bob) = (Process::of(&it).await?, unique_owner(&it, "ann")?, unique_owner(&it, "bob")?);
    let alias = unique_alias(&it)?;
    let anns = process.signed_in(&ann, alias).await?;
    // Also when no sign-in can be under way any more.
    for later in [Duration::ZERO, Duration::from_secs(10 * 60)] {
        let process = Process { now: it.now + later, ..process.clone() };
        match process.sign_in(&bob, alias).await {
            Err(error) if error.is_alias_taken() => {}
            other => return Err(Wrong::new(format!("a sign-in with an alias of another owner: {other:?}"))),
        }
    }
    ensure(is_live(&it, anns).await?, "the session of an alias ended when another owner asked for the alias")?;
    ensure(all_owned(&*it.store, &bob, it.now).await?.is_empty(), "a sign-in that was refused is live")?;
    same("the number of sessions ended by the alias", &end_alias(&*it.store, &alias, it.now).await?, &1)?;
    ensure(!is_live(&it, anns).await?, "a session whose alias another owner asked for is live after its end")
}

pub(super) async fn aliases_are_no_sessions<S: Store>(it: Bench<S>) -> Outcome {
    let (process, owner, alias) = (Process::of(&it).await?, unique_owner(&it, "ann")?, unique_alias(&it)?);
    let id = process.signed_in(&owner, alias).await?;
    end_alias(&*it.store, &unique_alias(&it)?, it.now).await?;
    let keys: Vec<_> = all_owned(&*it.store, &owner, it.now).await?.into_iter().map(|owned| owned.key).collect();
    same("the sessions of an owner with an alias", &keys, &vec![id.store_key()])?;
    same("the number of an owner's sessions", &it.store.count_owned(&owner, 10, it.now).await?, &1)?;
    let Loaded::Live(_, entry) = it.store.load(&alias.store_key(), it.now).await? else {
        return Err(Wrong::new("the entry of an alias is missing"));
    };
    ensure(entry.is_alias() && entry.owner.is_none(), "the entry of an alias came back as that of a session")
}

pub(super) async fn the_end_of_older_sessions_leaves_aliases<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 1);
    let (process, owner, alias) = (Process::of(&it).await?, unique_owner(&it, "ann")?, unique_alias(&it)?);
    let older = process.signed_in(&owner, alias).await?;
    let point = it.now + Duration::from_secs(1);
    let later = Process { now: point, ..process.clone() }.signed_in(&owner, alias).await?;
    end_all_before(&*it.store, point, point).await?;
    same("whether the older session is live", &is_live(&it, older).await?, &false)?;
    same("the number of sessions ended by the alias", &end_alias(&*it.store, &alias, point).await?, &1)?;
    same("whether the later session is live", &is_live(&it, later).await?, &false)
}

pub(super) async fn a_sign_in_and_the_end_of_its_alias_leave_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let (process, owner) = (Process::of(&it).await?, unique_owner(&it, "ann")?);
    for _ in 0..it.rounds {
        let alias = unique_alias(&it)?;
        let (one, other, ann) = (process.clone(), it.clone(), owner.clone());
        both(async move { one.sign_in(&ann, alias).await }, async move {
            end_alias(&*other.store, &alias, other.now).await
        })
        .await?;
        none_has(&it, "a session is live after its sign-in and the end of its alias", &owner, alias).await?;
    }
    Ok(())
}

pub(super) async fn a_move_and_the_end_of_its_alias_leave_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let (process, owner) = (Process::of(&it).await?, unique_owner(&it, "ann")?);
    for _ in 0..it.rounds {
        let alias = unique_alias(&it)?;
        let id = process.signed_in(&owner, alias).await?;
        let (one, other) = (process.clone(), it.clone());
        let (_, ended) =
            both(async move { one.cycle(id).await }, async move { end_alias(&*other.store, &alias, other.now).await })
                .await?;
        // A store that moves in two steps has it under both keys for a moment.
        ensure((1..=2).contains(&ended), format!("{ended} sessions ended while one moved"))?;
        none_has(&it, "a session is live after its move and the end of its alias", &owner, alias).await?;
    }
    Ok(())
}

pub(super) async fn one_of_two_owners_gets_an_alias<S: Store>(it: Bench<S>) -> Outcome {
    let (process, ann, bob) = (Process::of(&it).await?, unique_owner(&it, "ann")?, unique_owner(&it, "bob")?);
    for _ in 0..it.rounds.div_ceil(4) {
        let alias = unique_alias(&it)?;
        let sign_in = |owner: &str| {
            let (process, owner) = (process.clone(), owner.to_owned());
            async move {
                match process.sign_in(&owner, alias).await {
                    Err(error) if error.is_alias_taken() => Ok(None),
                    signed_in => signed_in,
                }
            }
        };
        let (anns, bobs) = both(sign_in(&ann), sign_in(&bob)).await?;
        let Some(id) = anns.xor(bobs) else {
            return Err(Wrong::new(format!("two owners asked for one alias, and got {anns:?} and {bobs:?}")));
        };
        same("the number of sessions ended by the alias", &end_alias(&*it.store, &alias, it.now).await?, &1)?;
        ensure(!is_live(&it, id).await?, "the session of the owner that got the alias is live")?;
    }
    Ok(())
}

pub(super) async fn aliases_are_refused_honestly<S: Store>(it: Bench<S>) -> Outcome {
    let (process, owner, alias) = (Process::of(&it).await?, unique_owner(&it, "ann")?, unique_alias(&it)?);
    match process.sign_in(&owner, alias).await {
        Err(error) if error.is_unsupported() => {}
        other => return Err(Wrong::new(format!("an alias without an owner index: {other:?}"))),
    }
    match end_alias(&*it.store, &alias, it.now).await {
        Err(error) if error.is_unsupported() => Ok(()),
        other => Err(Wrong::new(format!("the end of an alias without an owner index: {other:?}"))),
    }
}
