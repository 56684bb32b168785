//! Aliases: second names of sessions, and the entries that lead from them to their owners.
//!
//! A session's record has its alias. An owner's sessions are found by the store's index, so the
//! store needs only one more entry for each alias, under a key that no cookie has: it names the
//! owner. It never moves with a session, and several sessions may share it.
//!
//! # The race of a sign-in and an end
//! A sign-in with an alias takes three steps: it claims the entry, writes its session, and reads
//! the entry again. Ending an alias takes two: it writes the time of the end into the entry, and
//! then ends the owner's sessions that have the alias. Each order leaves no session:
//!
//! | the time of the end is written | the session ends because |
//! |---|---|
//! | before the claim | the claim is refused |
//! | between the claim and the second reading | the sign-in sees it there, and ends its session |
//! | after the second reading | the session was written before, so the walk finds it |
//!
//! An entry is written by compare-and-set, so no end is lost.

use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{Alias, Commit, Plan, StoreKey};

use crate::entry::{ALIASES_CREATED, Entry};
use crate::error::StoreError;
use crate::skew::time_for_ends;
use crate::store::{Created, Loaded, Replaced, Store};

/// The time after an end in which the alias is refused, and after a claim in which no other owner
/// gets it. A sign-in that has begun earlier is committed by then.
const MARKED: Duration = Duration::from_secs(5 * 60);

/// The life of an entry whose session has no absolute timeout: as long as browsers keep a cookie
/// that isn't set again.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The number of races that the end of an alias may lose. A store that never lets it win is broken.
const MOST_RACES: usize = 1000;

/// The number of an owner's sessions in one step.
const PAGE: usize = 100;

/// The beginning of an entry's text. A record begins with a digit, and a packed one with `p`.
const MAGIC: &str = "alias 1";

/// The entry of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The owner of all sessions with the alias; `None` if it was ended before it was known.
    pub(crate) owner: Option<String>,
    /// The time of the last sign-in with the alias.
    claimed: Timestamp,
    /// The time at which its sessions were last ended.
    ended: Option<Timestamp>,
}

impl Claim {
    /// Creates the first claim of an alias.
    pub(crate) fn of(owner: &str, now: Timestamp) -> Self {
        Self { owner: Some(owner.to_owned()), claimed: now, ended: None }
    }

    /// Returns this claim with the time of the last end of an earlier one.
    pub(crate) fn after(&self, earlier: &Self) -> Self {
        Self { ended: earlier.ended, ..self.clone() }
    }

    /// Returns whether the alias has just been ended.
    pub(crate) fn is_ended(&self, now: Timestamp) -> bool {
        self.ended.is_some_and(|ended| now < ended + MARKED)
    }

    /// Returns whether a sign-in of another owner may still be under way.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.claimed + MARKED
    }

    /// Returns whether `newer`, which was read later, is still this claim: no other owner has the
    /// alias, and it hasn't been ended.
    pub(crate) fn is_kept_in(&self, newer: &Self) -> bool {
        (&self.owner, self.ended) == (&newer.owner, newer.ended)
    }

    /// Creates the entry, with a deadline.
    pub(crate) fn entry(&self, now: Timestamp, deadline: Timestamp) -> Entry {
        let ended = self.ended.map_or_else(|| "-".to_owned(), |ended| ended.unix_millis().to_string());
        let owner = self.owner.as_ref().map_or_else(String::new, |owner| format!(" {owner}"));
        let text = format!("{MAGIC} {} {ended}{owner}", self.claimed.unix_millis());
        Entry::new(text.into(), ALIASES_CREATED, now, Some(deadline))
    }

    /// Reads the entry under `key`.
    pub(crate) fn read(key: &StoreKey, entry: &Entry) -> Result<Self, StoreError> {
        let read = || {
            let mut words = entry.text().strip_prefix(MAGIC)?.strip_prefix(' ')?.splitn(3, ' ');
            let time = |word: &str| word.parse().ok().map(Timestamp::from_unix_millis);
            let claimed = time(words.next()?)?;
            let ended = match words.next()? {
                "-" => None,
                word => Some(time(word)?),
            };
            Some(Self { owner: words.next().map(str::to_owned), claimed, ended })
        };
        read().ok_or_else(|| match entry.is_encrypted() {
            true => StoreError::unreadable(*key, "it is encrypted, and the store has no keyring for records"),
            false => StoreError::corrupt(*key),
        })
    }
}

/// Returns the end of the entry for a session with this absolute deadline.
pub(crate) fn lives_until(absolute_deadline: Option<Timestamp>, now: Timestamp) -> Timestamp {
    absolute_deadline.unwrap_or(now + LONGEST)
}

/// Returns the alias that a commit must claim: one that is new in this store, or that will live
/// longer than its entry.
pub(crate) fn claimed_by(commit: &Commit) -> Option<Alias> {
    let (new, base) = (commit.session().record(), commit.session().base());
    let alias = new.alias()?;
    let until = |deadline| lives_until(deadline, commit.now());
    let is_claimed = match commit.plan() {
        Plan::Create | Plan::EndThenCreate => true,
        Plan::Replace | Plan::Cycle => {
            let is_known = base.alias() == Some(alias) && base.owner() == new.owner();
            !is_known || until(new.times().absolute_deadline) > until(base.times().absolute_deadline)
        }
        Plan::Nothing | Plan::IssueToken | Plan::Touch | Plan::End | Plan::Drop(_) | _ => false,
    };
    is_claimed.then_some(alias)
}

/// Returns whether a session of this owner, other than `except`, has the alias.
pub(crate) async fn is_in_use<S: Store>(
    store: &S,
    owner: &str,
    alias: &Alias,
    except: Option<&StoreKey>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let page = store.owned(owner, after.as_ref(), PAGE, now).await?;
        if page.sessions.iter().any(|owned| Some(&owned.key) != except && has(&owned.entry, &owned.key, owner, alias)) {
            return Ok(true);
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}

/// Ends the sessions that have this alias, and refuses it for five minutes. Returns their number.
///
/// A sign-in that is under way doesn't escape: see [`Session::set_alias`].
///
/// # Errors
/// If the store has no owner index, or as [`Store::owned`]. Sessions already ended stay ended;
/// calling again is safe.
///
/// [`Session::set_alias`]: cloakroom_session::Session::set_alias
pub async fn end_alias<S: Store>(store: &S, alias: &Alias, now: Timestamp) -> Result<usize, StoreError> {
    let Some(owner) = mark_ended(store, alias, now).await? else {
        // A store without an index has no aliases: don't report success.
        store.owned("", None, 1, now).await?;
        return Ok(0);
    };
    let (mut ended, mut after) = (0, None);
    loop {
        let page = store.owned(&owner, after.as_ref(), PAGE, time_for_ends(now)).await?;
        for owned in page.sessions.iter().filter(|owned| has(&owned.entry, &owned.key, &owner, alias)) {
            ended += usize::from(store.end(&owned.key, time_for_ends(now)).await?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(ended);
        }
    }
}

/// Writes the time of the end into the entry of an alias. Returns its owner.
async fn mark_ended<S: Store>(store: &S, alias: &Alias, now: Timestamp) -> Result<Option<String>, StoreError> {
    let (key, until) = (alias.store_key(), now + MARKED);
    // Others win a race at most a few times: each has a sign-in or an end of this alias.
    for _ in 0..MOST_RACES {
        match store.load_latest(&key, now).await? {
            Loaded::Live(seen, entry) => {
                let claim = Claim { ended: Some(now), ..Claim::read(&key, &entry)? };
                let marked = claim.entry(now, entry.deadline.map_or(until, |deadline| deadline.max(until)));
                if let Replaced::Yes(_) = store.replace(&key, seen, &marked, now).await? {
                    return Ok(claim.owner);
                }
            }
            Loaded::Absent | Loaded::Moved => {
                let marked = Claim { owner: None, claimed: now, ended: Some(now) }.entry(now, until);
                if let Created::Yes(_) = store.create(&key, &marked, now).await? {
                    return Ok(None);
                }
            }
        }
    }
    Err(StoreError::unavailable("the entry of an alias changed each time before it was written"))
}

/// Returns whether a session in the list of `owner` has the alias.
fn has(entry: &Entry, key: &StoreKey, owner: &str, alias: &Alias) -> bool {
    // Compare the owner again, as `Sessions` does: a store may have a lax collation.
    if entry.owner.as_deref() != Some(owner) {
        return false;
    }
    let record = entry.record(key);
    if record.is_err() {
        tracing::error!(?key, "a session in its owner's list is damaged, so its alias is unknown");
    }
    record.is_ok_and(|record| record.alias().as_ref() == Some(alias))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let key = Alias::new("issuer", "sid").store_key();
        for (name, owner) in [("an owner", "ann"), ("spaces and lines", " a b\nc "), ("the empty owner", "")] {
            for ended in [None, Some(NOW)] {
                let claim = Claim { ended, ..Claim::of(owner, NOW) };
                let entry = claim.entry(NOW, NOW);
                assert_eq!(Claim::read(&key, &entry).unwrap(), claim, "{name}");
                assert!(entry.is_alias() && entry.owner.is_none(), "{name}");
                assert!(entry.record(&key).is_err(), "a cookie could open it: {name}");
            }
        }
        let unknown = Claim { owner: None, claimed: NOW, ended: Some(NOW) };
        assert_eq!(Claim::read(&key, &unknown.entry(NOW, NOW)).unwrap(), unknown);
        for text in ["", "alias 1", "alias 1 x - ann", "alias 1 5", "alias 2 5 - ann", "1c0;t0;"] {
            let entry = Entry::new(text.into(), NOW, NOW, None);
            assert!(Claim::read(&key, &entry).unwrap_err().is_corrupt(), "{text}");
        }
    }

    #[test]
    fn an_alias_is_refused_for_five_minutes_after_its_end() {
        let claim = Claim { ended: Some(NOW), ..Claim::of("ann", NOW) };
        let last = NOW + MARKED;
        assert!(claim.is_ended(NOW) && claim.is_ended(Timestamp::from_unix_millis(last.unix_millis() - 1)));
        assert!(!claim.is_ended(last));
        // Another node's clock may be behind.
        assert!(claim.is_ended(Timestamp::from_unix_secs(1_699_999_999)));
    }
}
