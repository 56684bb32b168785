//! Bounded steps that list an owner's sessions or end many sessions.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::bench::{Bench, MILLISECOND, Outcome, Wrong, ensure, nth, same};
use super::owners::unique_owner;
use super::sweeping::long_ago;
use crate::entry::{Entry, OwnedSession};
use crate::error::StoreError;
use crate::pages::Ended;
use crate::scan::Cursor;
use crate::store::{Loaded, Replaced, Store};

/// A walk with more steps is treated as endless.
const MOST_STEPS: usize = 100_000;

/// Cursors that no store returns.
const FOREIGN: [&str; 4] = ["", "somewhere", "0:0:0:0", "\u{1f9e5}"];

/// Creates sessions of an owner, oldest first, each one millisecond younger than the one before.
async fn some<S: Store>(it: &Bench<S>, owner: &str, count: u64) -> Result<Vec<(StoreKey, Entry)>, Wrong> {
    let mut all = Vec::new();
    for number in (0..count).map(|number| number * 7 % count) {
        let mut entry = it.entry(&format!("session {number}")).owner(Some(owner.to_owned()));
        entry.created = Timestamp::from_unix_millis(it.now.unix_millis() - 1000 + number);
        all.push((it.put(&entry).await?, entry));
    }
    all.sort_by_key(|(_, entry)| entry.created);
    Ok(all)
}

/// Moves a session. Returns its new key, if it was still there.
async fn moved<S: Store>(it: &Bench<S>, key: StoreKey, entry: &Entry) -> Result<Option<StoreKey>, Wrong> {
    let new = it.key_for_move(&key)?;
    let until = it.now + MILLISECOND * 10_000;
    Ok(match it.store.cycle(&key, nth(1, entry), &new, entry, until, it.now).await? {
        Replaced::Yes(_) => Some(new),
        Replaced::Gone => None,
        Replaced::Conflict => return Err(Wrong::new("a session that only moves was written by another")),
    })
}

pub(super) async fn pages_have_each_session_once<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    // A number coprime to 7, so that the sessions are created in another order.
    let all: Vec<OwnedSession> =
        some(&it, &owner, 12).await?.into_iter().map(|(key, entry)| OwnedSession::new(key, entry)).collect();
    for limit in [1, 2, 12, 1000] {
        let (mut found, mut after) = (Vec::new(), None);
        for step in 0.. {
            ensure(step <= MOST_STEPS, "a walk through an owner's sessions never ends")?;
            let page = it.store.owned(&owner, after.as_ref(), limit, it.now).await?;
            let sessions = page.sessions.len();
            ensure(sessions <= limit, format!("a page of at most {limit} sessions has {sessions}"))?;
            found.extend(page.sessions);
            // Copied through text, as by another process.
            after = page.next.map(|next| Cursor::new(next.as_str()));
            if after.is_none() {
                break;
            }
        }
        same(&format!("an owner's sessions in pages of {limit}"), &found, &all)?;
    }
    Ok(())
}

pub(super) async fn a_session_that_moves_between_pages_is_in_one<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    let mut all = some(&it, &owner, 12).await?;
    let (mut found, mut after) = (Vec::new(), None);
    for step in 0.. {
        ensure(step <= MOST_STEPS, "a walk through an owner's sessions never ends")?;
        let page = it.store.owned(&owner, after.as_ref(), 2, it.now).await?;
        found.extend(page.sessions.into_iter().map(|owned| owned.entry));
        after = page.next;
        if after.is_none() {
            break;
        }
        // Sessions keep moving for a limited number of steps, and the walk must end even so.
        for (key, entry) in all.iter_mut().filter(|_| step < 12) {
            *key = moved(&it, *key, entry).await?.ok_or_else(|| Wrong::new("a session that only moves is gone"))?;
        }
    }
    for (number, (_, entry)) in all.iter().enumerate() {
        ensure(found.contains(entry), format!("session {number} moved between pages and was in none of them"))?;
    }
    Ok(())
}

pub(super) async fn the_count_is_that_of_live_sessions<S: Store>(it: Bench<S>) -> Outcome {
    let (owner, other) = (unique_owner(&it, "owner")?, unique_owner(&it, "other")?);
    same("the count of an owner without sessions", &it.store.count_owned(&owner, usize::MAX, it.now).await?, &0)?;
    let all = some(&it, &owner, 12).await?;
    some(&it, &other, 2).await?;
    same("the count", &it.store.count_owned(&owner, usize::MAX, it.now).await?, &12)?;
    for at_most in [0, 1, 11, 12] {
        same("a bounded count", &it.store.count_owned(&owner, at_most, it.now).await?, &at_most)?;
    }
    for (number, (key, entry)) in all.iter().take(3).enumerate() {
        match number {
            0 => _ = it.store.end(key, it.now).await?,
            1 => _ = moved(&it, *key, entry).await?,
            _ => {
                // A touch that extends a session by less may not write anything.
                let longer = entry.deadline.map(|deadline| deadline + MILLISECOND * 10_000);
                _ = it.store.touch(key, it.now, longer, it.now).await?;
            }
        }
    }
    same("the count after an end and a move", &it.store.count_owned(&owner, usize::MAX, it.now).await?, &11)?;
    let deadline = all.iter().filter_map(|(_, entry)| entry.deadline).max().unwrap_or(it.now);
    same("the count at the deadline", &it.store.count_owned(&owner, usize::MAX, deadline).await?, &11)?;
    same("the count after it", &it.store.count_owned(&owner, usize::MAX, deadline + MILLISECOND).await?, &1)
}

/// Ends sessions of an owner, at most `limit` in each of at most `steps` steps.
async fn end_owned<S: Store>(
    it: &Bench<S>,
    owner: &str,
    keep: Option<&StoreKey>,
    limit: usize,
    steps: usize,
) -> Result<Ended, Wrong> {
    let mut total = Ended::new(0, true);
    for _ in 0..steps {
        let step = it.store.end_owned(owner, keep, limit, it.now).await?;
        ensure(step.count <= limit, format!("a step of at most {limit} ended {}", step.count))?;
        total = Ended::new(total.count + step.count, step.more);
        if !step.more {
            break;
        }
    }
    Ok(total)
}

pub(super) async fn ends_the_oldest_of_an_owner_and_keeps_one<S: Store>(it: Bench<S>) -> Outcome {
    let (owner, other) = (unique_owner(&it, "owner")?, unique_owner(&it, "other")?);
    let all = some(&it, &owner, 12).await?;
    let others = some(&it, &other, 2).await?;
    let [_, _, (kept, _), ..] = &all[..] else { return Err(Wrong::new("twelve sessions were created")) };
    let live = async |what: &str, expected: &[(StoreKey, Entry)]| {
        for (number, (key, entry)) in all.iter().enumerate() {
            let is_live = matches!(it.store.load(key, it.now).await?, Loaded::Live(..));
            let expected = expected.contains(&(*key, entry.clone()));
            same(&format!("{what}, session {number} is live"), &is_live, &expected)?;
        }
        Ok::<(), Wrong>(())
    };
    let ended = end_owned(&it, &owner, Some(kept), 4, 1).await?;
    same("a step of 4 of 12", &ended, &Ended::new(4, true))?;
    let rest: Vec<_> = all.iter().take(3).skip(2).chain(all.iter().skip(5)).cloned().collect();
    live("after a step that ends the 4 oldest but the third", &rest).await?;
    let ended = end_owned(&it, &owner, Some(kept), 3, MOST_STEPS).await?;
    same("all others", &ended, &Ended::new(7, false))?;
    let last: Vec<_> = rest.iter().take(1).cloned().collect();
    live("after all others were ended", &last).await?;
    let ended = end_owned(&it, &owner, Some(kept), 3, MOST_STEPS).await?;
    same("all others once more", &ended, &Ended::new(0, false))?;
    let ended = end_owned(&it, &owner, None, 3, MOST_STEPS).await?;
    same("the last one", &ended, &Ended::new(1, false))?;
    live("after the last one has ended", &[]).await?;
    for (key, entry) in &others {
        it.live("a session of another owner", key, 1, entry).await?;
    }
    Ok(())
}

pub(super) async fn what_moves_between_steps_is_ended<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 1);
    let mut entry = it.entry("older");
    entry.created = Timestamp::from_unix_millis(it.now.unix_millis() - 1);
    let mut keys = Vec::new();
    for _ in 0..60 {
        keys.push(it.put(&entry).await?);
    }
    let mut after = None;
    for step in 0.. {
        ensure(step <= MOST_STEPS, "a walk that ends all sessions never ends")?;
        after = it.store.end_before(it.now, after.as_ref(), it.now).await?.next;
        if after.is_none() {
            break;
        }
        // Sessions keep moving for a limited number of steps, and the walk must end even so.
        if step < 12 {
            let mut left = Vec::new();
            for key in keys {
                left.extend(moved(&it, key, &entry).await?);
            }
            keys = left;
        }
    }
    for key in keys {
        let is_live = matches!(it.store.load(&key, it.now).await?, Loaded::Live(..));
        ensure(!is_live, "a session that moved between the steps that end all is live")?;
    }
    Ok(())
}

fn is_refused<T>(what: &str, answer: &Result<T, StoreError>) -> Outcome {
    ensure(answer.is_err(), format!("{what}: a foreign cursor was accepted"))
}

pub(super) async fn a_foreign_cursor_of_an_owner_is_an_error<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    some(&it, &owner, 2).await?;
    for foreign in FOREIGN {
        let answer = it.store.owned(&owner, Some(&Cursor::new(foreign)), 1, it.now).await;
        is_refused(&format!("an owner's sessions after {foreign:?}"), &answer)?;
    }
    Ok(())
}

pub(super) async fn a_foreign_cursor_ends_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 1);
    for foreign in FOREIGN {
        let answer = it.store.end_before(it.now, Some(&Cursor::new(foreign)), it.now).await;
        is_refused(&format!("the end of all sessions after {foreign:?}"), &answer)?;
    }
    Ok(())
}
