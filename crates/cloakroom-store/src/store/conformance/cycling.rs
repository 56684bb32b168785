//! Moves: a session continues under another key and leaves a tombstone for a while.

use cloakroom_session::factory::Version;

use super::bench::{Bench, GRACE, LIFE, MILLISECOND, Outcome, ensure, nth, same};
use crate::store::{Created, Loaded, Replaced, Store};

pub(super) async fn cycle_moves_everything<S: Store>(it: Bench<S>) -> Outcome {
    let (before, again, goes_on) = (it.entry("before"), it.entry("again"), it.entry("goes on"));
    let old = it.put(&before).await?;
    it.store.replace(&old, nth(1, &before), &again, it.now).await?;
    let mut entry = it.entry("after").owner(Some("user-42".to_owned()));
    entry.deadline = Some(it.now + LIFE + LIFE);
    let new = it.key_for_move(&old)?;
    let cycled = it.store.cycle(&old, nth(2, &again), &new, &entry, it.now + GRACE, it.now).await?;
    same("cycle: the new entry has a first version", &cycled, &Replaced::Yes(nth(1, &entry)))?;
    it.live("the new key", &new, 1, &entry).await?;
    it.found("the old key", &old, it.now, &Loaded::Moved).await?;
    let replaced = it.store.replace(&new, nth(1, &entry), &goes_on, it.now).await?;
    same("replace under the new key", &replaced, &Replaced::Yes(nth(2, &goes_on)))
}

pub(super) async fn the_mark_ends_when_it_should<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    it.found("the tombstone exactly at its expiry", &old, it.now + GRACE, &Loaded::Moved).await?;
    it.found("one millisecond later", &old, it.now + GRACE + MILLISECOND, &Loaded::Absent).await?;
    it.found("the new key then", &new, it.now + GRACE + MILLISECOND, &Loaded::Live(nth(1, &entry), entry)).await
}

pub(super) async fn cycle_conflicts_and_changes_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let (one, two) = (it.entry("one"), it.entry("two"));
    let old = it.put(&one).await?;
    it.store.replace(&old, nth(1, &one), &two, it.now).await?;
    let new = it.key_for_move(&old)?;
    for (what, seen) in [
        ("none", Version::default()),
        ("the first", nth(1, &one)),
        ("a later", nth(3, &two)),
        ("another second", nth(2, &one)),
    ] {
        let cycled = it.store.cycle(&old, seen, &new, &it.entry("three"), it.now + GRACE, it.now).await?;
        same(&format!("cycle of {what} version where a second is"), &cycled, &Replaced::Conflict)?;
        it.absent("the new key after a conflict", &new).await?;
    }
    it.live("the old key after a conflict", &old, 2, &two).await
}

pub(super) async fn cycle_of_nothing_creates_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let old = it.key()?;
    let new = it.key_for_move(&old)?;
    let cycled =
        it.store.cycle(&old, nth(1, &it.entry("text")), &new, &it.entry("text"), it.now + GRACE, it.now).await?;
    same("cycle of nothing", &cycled, &Replaced::Gone)?;
    it.absent("the old key", &old).await?;
    it.absent("the new key", &new).await
}

pub(super) async fn cycle_onto_a_taken_key_changes_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let (mine, theirs) = (it.entry("mine").owner(Some("user-42".to_owned())), it.entry("theirs"));
    let old = it.put(&mine).await?;
    let (live, mark) = (it.key_for_move(&old)?, it.key_for_move(&old)?);
    it.put_under(&live, &theirs).await?;
    it.put_under(&mark, &theirs).await?;
    let moved = it.cycle(&mark, &theirs).await?;
    for (what, taken) in [("a session", live), ("a tombstone", mark)] {
        let cycled = it.store.cycle(&old, nth(1, &mine), &taken, &it.entry("moved"), it.now + GRACE, it.now).await;
        ensure(cycled.is_err(), format!("cycle onto the key of {what}: expected an error, found {cycled:?}"))?;
        it.live(&format!("the old key after a cycle onto {what}"), &old, 1, &mine).await?;
    }
    it.live("the session at the taken key", &live, 1, &theirs).await?;
    it.found("the tombstone", &mark, it.now, &Loaded::Moved).await?;
    it.live("the key that the tombstone leads to", &moved, 1, &theirs).await
}

pub(super) async fn cycle_twice_from_the_old_is_gone<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    let third = it.key_for_move(&old)?;
    let cycled = it.store.cycle(&old, nth(1, &entry), &third, &it.entry("other"), it.now + GRACE, it.now).await?;
    same("a second cycle from the old key", &cycled, &Replaced::Gone)?;
    it.absent("the target of the failed move", &third).await?;
    it.live("the target of the first move", &new, 1, &entry).await
}

pub(super) async fn the_mark_refuses_everything<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    for seen in [Version::default(), nth(1, &entry), nth(2, &entry)] {
        let replaced = it.store.replace(&old, seen.clone(), &it.entry("other"), it.now).await?;
        same(&format!("replace of {seen:?} on the tombstone"), &replaced, &Replaced::Gone)?;
    }
    same("touch", &it.store.touch(&old, it.now, Some(it.now + LIFE + LIFE), it.now).await?, &false)?;
    same("create", &it.store.create(&old, &it.entry("other"), it.now).await?, &Created::Taken)?;
    it.found("the tombstone", &old, it.now, &Loaded::Moved).await?;
    it.found("the tombstone after its expiry", &old, it.now + GRACE + MILLISECOND, &Loaded::Absent).await?;
    it.live("the new key", &new, 1, &entry).await
}

pub(super) async fn end_follows_the_move<S: Store>(it: Bench<S>) -> Outcome {
    let (old, new) = it.moved(&it.entry("text")).await?;
    same("end of a session that has moved", &it.store.end(&old, it.now).await?, &true)?;
    it.absent("its new key", &new).await?;
    same("the second end", &it.store.end(&old, it.now).await?, &false)?;
    same("the end by its new key", &it.store.end(&new, it.now).await?, &false)
}

/// Ends a session after this number of moves, by each of its keys but the last.
async fn ends_after<S: Store>(it: &Bench<S>, moves: usize) -> Outcome {
    for by in 0..moves {
        let entry = it.entry("text");
        let mut last = it.put(&entry).await?;
        let mut keys = vec![last];
        for _ in 0..moves {
            last = it.cycle(&last, &entry).await?;
            keys.push(last);
        }
        let mut number = 0..;
        for key in keys.iter().skip(by).chain(&keys) {
            let (ended, first) = (it.store.end(key, it.now).await?, number.next() == Some(0));
            same(&format!("end by key {} of {}, and then by all", by + 1, keys.len()), &ended, &first)?;
        }
        it.absent(&format!("the last key after an end by key {} of {}", by + 1, keys.len()), &last).await?;
    }
    Ok(())
}

pub(super) async fn end_follows_two_moves<S: Store>(it: Bench<S>) -> Outcome {
    ends_after(&it, 2).await
}

/// The number of moves of a user who repeatedly signs in and out within the grace time, or of a
/// client that does so in a loop.
pub(super) async fn end_follows_many_moves<S: Store>(it: Bench<S>) -> Outcome {
    ends_after(&it, 3).await?;
    ends_after(&it, 12).await
}

/// `true` means that a live session was ended. A tombstone alone cannot be ended.
pub(super) async fn end_by_a_mark_is_true_once<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    let third = it.cycle(&new, &entry).await?;
    same("end of the session by its own key", &it.store.end(&third, it.now).await?, &true)?;
    for (what, key) in [("first", old), ("second", new)] {
        same(&format!("end by its {what} key then"), &it.store.end(&key, it.now).await?, &false)?;
    }
    let mut short = it.entry("expires before its tombstone");
    short.deadline = Some(it.now + MILLISECOND);
    let old = it.put(&short).await?;
    let new = it.cycle(&old, &short).await?;
    let later = it.now + MILLISECOND + MILLISECOND;
    same("end by a tombstone of an expired session", &it.store.end(&old, later).await?, &false)?;
    it.found("the expired session", &new, later, &Loaded::Absent).await
}

pub(super) async fn end_after_the_mark_leaves_the_new<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    let after = it.now + GRACE + MILLISECOND;
    same("end by the old key after the tombstone has expired", &it.store.end(&old, after).await?, &false)?;
    it.found("the new key", &new, after, &Loaded::Live(nth(1, &entry), entry)).await
}
