//! Moves: a session goes on under another key, and leaves a mark for a while.

use cloakroom_session::Version;

use super::bench::{Bench, GRACE, LIFE, MILLISECOND, Outcome, ensure, same};
use crate::store::{Created, Loaded, Replaced, Store};

const FIRST: Version = Version::new(1);

pub(super) async fn cycle_moves_everything<S: Store>(it: Bench<S>) -> Outcome {
    let old = it.put(&it.entry("before")).await?;
    it.store.replace(&old, FIRST, &it.entry("again"), it.now).await?;
    let mut entry = it.entry("after").owner(Some("user-42".to_owned()));
    entry.deadline = Some(it.now + LIFE + LIFE);
    let new = it.key()?;
    let cycled = it.store.cycle(&old, Version::new(2), &new, &entry, it.now + GRACE, it.now).await?;
    same("cycle: the new one starts at version 1", &cycled, &Replaced::Yes(FIRST))?;
    it.live("the new key", &new, 1, &entry).await?;
    it.found("the old key", &old, it.now, &Loaded::Moved).await?;
    let replaced = it.store.replace(&new, FIRST, &it.entry("goes on"), it.now).await?;
    same("replace under the new key", &replaced, &Replaced::Yes(Version::new(2)))
}

pub(super) async fn the_mark_ends_when_it_should<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    it.found("the mark at its end exactly", &old, it.now + GRACE, &Loaded::Moved).await?;
    it.found("one millisecond later", &old, it.now + GRACE + MILLISECOND, &Loaded::Absent).await?;
    it.found("the new key then", &new, it.now + GRACE + MILLISECOND, &Loaded::Live(FIRST, entry)).await
}

pub(super) async fn cycle_conflicts_and_changes_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let old = it.put(&it.entry("one")).await?;
    let two = it.entry("two");
    it.store.replace(&old, FIRST, &two, it.now).await?;
    let new = it.key()?;
    for seen in [0, 1, 3] {
        let cycled = it.store.cycle(&old, Version::new(seen), &new, &it.entry("three"), it.now + GRACE, it.now).await?;
        same(&format!("cycle of version {seen} where 2 is"), &cycled, &Replaced::Conflict)?;
        it.absent("the new key after a conflict", &new).await?;
    }
    it.live("the old key after a conflict", &old, 2, &two).await
}

pub(super) async fn cycle_of_nothing_creates_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let (old, new) = (it.key()?, it.key()?);
    let cycled = it.store.cycle(&old, FIRST, &new, &it.entry("text"), it.now + GRACE, it.now).await?;
    same("cycle of nothing", &cycled, &Replaced::Gone)?;
    it.absent("the old key", &old).await?;
    it.absent("the new key", &new).await
}

pub(super) async fn cycle_onto_a_taken_key_changes_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let (mine, theirs) = (it.entry("mine").owner(Some("user-42".to_owned())), it.entry("theirs"));
    let old = it.put(&mine).await?;
    let live = it.put(&theirs).await?;
    let (mark, moved) = it.moved(&theirs).await?;
    for (what, taken) in [("a session", live), ("a mark", mark)] {
        let cycled = it.store.cycle(&old, FIRST, &taken, &it.entry("moved"), it.now + GRACE, it.now).await;
        ensure(cycled.is_err(), format!("cycle onto the key of {what}: expected an error, found {cycled:?}"))?;
        it.live(&format!("the old key after a cycle onto {what}"), &old, 1, &mine).await?;
    }
    it.live("the session in whose place it was to move", &live, 1, &theirs).await?;
    it.found("the mark", &mark, it.now, &Loaded::Moved).await?;
    it.live("where the mark leads to", &moved, 1, &theirs).await
}

pub(super) async fn cycle_twice_from_the_old_is_gone<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    let third = it.key()?;
    let cycled = it.store.cycle(&old, FIRST, &third, &it.entry("other"), it.now + GRACE, it.now).await?;
    same("a second cycle from the old key", &cycled, &Replaced::Gone)?;
    it.absent("the key that it was to move to", &third).await?;
    it.live("the key that it had moved to", &new, 1, &entry).await
}

pub(super) async fn the_mark_refuses_everything<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    for seen in [0, 1, 2] {
        let replaced = it.store.replace(&old, Version::new(seen), &it.entry("other"), it.now).await?;
        same(&format!("replace of version {seen} on the mark"), &replaced, &Replaced::Gone)?;
    }
    same("touch", &it.store.touch(&old, it.now, Some(it.now + LIFE + LIFE), it.now).await?, &false)?;
    same("create", &it.store.create(&old, &it.entry("other"), it.now).await?, &Created::Taken)?;
    it.found("the mark", &old, it.now, &Loaded::Moved).await?;
    it.found("its end", &old, it.now + GRACE + MILLISECOND, &Loaded::Absent).await?;
    it.live("the new key", &new, 1, &entry).await
}

pub(super) async fn end_follows_the_move<S: Store>(it: Bench<S>) -> Outcome {
    let (old, new) = it.moved(&it.entry("text")).await?;
    same("end of a session that has moved", &it.store.end(&old, it.now).await?, &true)?;
    it.absent("where it had moved to", &new).await?;
    same("the second end", &it.store.end(&old, it.now).await?, &false)?;
    same("its end where it had moved to", &it.store.end(&new, it.now).await?, &false)
}

pub(super) async fn end_follows_two_moves<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (first, second) = it.moved(&entry).await?;
    let third = it.cycle(&second, &entry).await?;
    let fourth = it.cycle(&third, &entry).await?;
    same("end by the first of four keys", &it.store.end(&first, it.now).await?, &true)?;
    it.absent("the fourth key", &fourth).await?;
    for (what, key) in [("second", second), ("third", third), ("fourth", fourth)] {
        same(&format!("end by the {what} key then"), &it.store.end(&key, it.now).await?, &false)?;
    }
    Ok(())
}

pub(super) async fn end_after_the_mark_leaves_the_new<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (old, new) = it.moved(&entry).await?;
    let after = it.now + GRACE + MILLISECOND;
    same("end by the old key when the mark is over", &it.store.end(&old, after).await?, &false)?;
    it.found("the new key", &new, after, &Loaded::Live(FIRST, entry)).await
}
