//! Create, load, replace and end: the register and its versions.

use cloakroom_session::factory::Version;

use super::bench::{Bench, GRACE, LIFE, MILLISECOND, Outcome, Wrong, ensure, nth, same};
use crate::store::{Created, Loaded, Replaced, Store};

pub(super) async fn nothing_is_absent<S: Store>(it: Bench<S>) -> Outcome {
    let key = it.key()?;
    it.absent("load of an unused key", &key).await?;
    it.absent("the second load: a load creates nothing", &key).await
}

pub(super) async fn created_is_loaded_as_it_was<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry(r#"{"cart":["hat"]}"#).owner(Some("user-42".to_owned()));
    // Detects stores that keep only seconds, at any time of the run.
    let second = it.now.unix_millis() / 1000 * 1000;
    entry.created = cloakroom_session::Timestamp::from_unix_millis(second - 123_457);
    entry.touched = cloakroom_session::Timestamp::from_unix_millis(second - 7);
    let key = it.put(&entry).await?;
    it.live("load after create, times to the millisecond", &key, 1, &entry).await
}

/// The version is that of [`Entry::next_version`](crate::store::Entry::next_version) for the
/// written entry, and larger than all earlier ones.
pub(super) async fn versions_grow<S: Store>(it: Bench<S>) -> Outcome {
    let first = it.entry("write 1");
    let key = it.put(&first).await?;
    let mut seen = nth(1, &first);
    for write in 2..7 {
        let entry = it.entry(&format!("write {write}"));
        let next = entry.next_version(Some(&seen));
        ensure(next > seen, format!("{next:?} isn't larger than {seen:?}"))?;
        let replaced = it.store.replace(&key, seen, &entry, it.now).await?;
        same("replace of the current version", &replaced, &Replaced::Yes(next.clone()))?;
        it.live("load after replace", &key, write, &entry).await?;
        seen = next;
    }
    Ok(())
}

/// A store may go back in time, when a replica without the last writes takes over or a backup is
/// restored. A slow request that has seen a lost write must not overwrite one that was acknowledged
/// since.
pub(super) async fn a_store_that_went_back_in_time_gives_no_version_twice<S: Store>(it: Bench<S>) -> Outcome {
    let (before, lost, since) = (it.entry("before"), it.entry("lost"), it.entry("since"));
    let key = it.put(&before).await?;
    let Replaced::Yes(seen) = it.store.replace(&key, nth(1, &before), &lost, it.now).await? else {
        return Err(Wrong::new("a replace of the version there did nothing"));
    };
    // Simulate the older copy: the earlier entry with its earlier version.
    it.store.end(&key, it.now).await?;
    same("the older copy", &it.store.create(&key, &before, it.now).await?, &Created::Yes(nth(1, &before)))?;
    let replaced = it.store.replace(&key, nth(1, &before), &since, it.now).await?;
    same("a write on the older copy", &replaced, &Replaced::Yes(nth(2, &since)))?;
    let slow = it.store.replace(&key, seen.clone(), &it.entry("slow"), it.now).await?;
    same("a replace of a version that was lost", &slow, &Replaced::Conflict)?;
    let new = it.key_for_move(&key)?;
    let slow = it.store.cycle(&key, seen, &new, &it.entry("slow"), it.now + GRACE, it.now).await?;
    same("a cycle of a version that was lost", &slow, &Replaced::Conflict)?;
    it.absent("the new key of that cycle", &new).await?;
    it.live("the write acknowledged since", &key, 2, &since).await
}

/// Versions counted by a store from 1, before versions had tags, are valid versions.
pub(super) async fn versions_without_a_tag_conflict<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let key = it.put(&entry).await?;
    for seen in [0, 1, 2, u64::from(u32::MAX), i64::MAX as u64] {
        let replaced = it.store.replace(&key, Version::new(seen), &it.entry("other"), it.now).await?;
        same(&format!("replace of version {seen}"), &replaced, &Replaced::Conflict)?;
    }
    it.live("the existing entry", &key, 1, &entry).await
}

pub(super) async fn taken_by_a_live_entry<S: Store>(it: Bench<S>) -> Outcome {
    let first = it.entry("first");
    let key = it.put(&first).await?;
    let created = it.store.create(&key, &it.entry("second"), it.now).await?;
    same("create over a session", &created, &Created::Taken)?;
    it.live("the existing entry", &key, 1, &first).await
}

pub(super) async fn taken_by_a_moved_mark<S: Store>(it: Bench<S>) -> Outcome {
    let first = it.entry("first");
    let (old, new) = it.moved(&first).await?;
    let created = it.store.create(&old, &it.entry("second"), it.now).await?;
    same("create over a tombstone", &created, &Created::Taken)?;
    it.found("the tombstone", &old, it.now, &Loaded::Moved).await?;
    it.live("the new key", &new, 1, &first).await
}

pub(super) async fn free_again_when_over<S: Store>(it: Bench<S>) -> Outcome {
    let key = it.put(&it.entry("first")).await?;
    let (old, new) = it.moved(&it.entry("moved")).await?;
    let later = it.clone().at(it.now + LIFE + MILLISECOND);
    let second = later.entry("second");
    for (what, key) in [("an expired entry", key), ("an expired tombstone", old), ("an expired entry that moved", new)]
    {
        let created = it.store.create(&key, &second, later.now).await?;
        same(&format!("create over {what}"), &created, &Created::Yes(nth(1, &second)))?;
        later.live("the entry created there", &key, 1, &second).await?;
    }
    // Nothing of the tombstone is left: an end of this key ends its new session only.
    same("end of an entry created over a tombstone", &it.store.end(&old, later.now).await?, &true)?;
    later.live("the key that the tombstone led to", &new, 1, &second).await
}

pub(super) async fn replace_conflicts_on_another_version<S: Store>(it: Bench<S>) -> Outcome {
    let (one, two) = (it.entry("one"), it.entry("two"));
    let key = it.put(&one).await?;
    it.store.replace(&key, nth(1, &one), &two, it.now).await?;
    for (what, seen) in [
        ("none", Version::default()),
        ("the first", nth(1, &one)),
        ("a later", nth(3, &two)),
        ("another second", nth(2, &one)),
    ] {
        let replaced = it.store.replace(&key, seen, &it.entry("three"), it.now).await?;
        same(&format!("replace of {what} version where a second is"), &replaced, &Replaced::Conflict)?;
    }
    it.live("the existing entry", &key, 2, &two).await
}

pub(super) async fn replace_never_creates<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (never, ended, expired) = (it.key()?, it.put(&entry).await?, it.put(&entry).await?);
    it.store.end(&ended, it.now).await?;
    let later = it.clone().at(it.now + LIFE + MILLISECOND);
    let new = later.entry("revived");
    for (what, key) in [("nothing ever was", never), ("a session was ended", ended), ("one has expired", expired)] {
        for seen in [Version::default(), nth(1, &entry)] {
            let replaced = it.store.replace(&key, seen, &new, later.now).await?;
            same(&format!("replace where {what}"), &replaced, &Replaced::Gone)?;
        }
        later.absent(&format!("after a replace where {what}"), &key).await?;
    }
    Ok(())
}

pub(super) async fn replace_may_shorten<S: Store>(it: Bench<S>) -> Outcome {
    let before = it.entry("for 20 minutes");
    let key = it.put(&before).await?;
    let mut entry = it.entry("for 10 minutes");
    entry.deadline = Some(it.now + GRACE);
    let replaced = it.store.replace(&key, nth(1, &before), &entry, it.now).await?;
    same("replace", &replaced, &Replaced::Yes(nth(2, &entry)))?;
    it.live("with the deadline that it was given", &key, 2, &entry).await?;
    it.found("after that deadline", &key, it.now + GRACE + MILLISECOND, &Loaded::Absent).await
}

pub(super) async fn ended_is_gone<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let key = it.put(&entry).await?;
    same("end of a live session", &it.store.end(&key, it.now).await?, &true)?;
    it.absent("load after the end", &key).await?;
    same("replace", &it.store.replace(&key, nth(1, &entry), &entry, it.now).await?, &Replaced::Gone)?;
    same("touch", &it.store.touch(&key, it.now, Some(it.now + LIFE), it.now).await?, &false)?;
    let new = it.key_for_move(&key)?;
    let cycled = it.store.cycle(&key, nth(1, &entry), &new, &entry, it.now + GRACE, it.now).await?;
    same("cycle", &cycled, &Replaced::Gone)?;
    it.absent("the new key of that cycle", &new).await?;
    it.absent("the key at the end", &key).await
}

/// A store may execute an operation whose answer is lost. A retry must learn that it was executed,
/// and nothing may happen twice.
pub(super) async fn a_lost_answer_is_found_out_by_doing_it_again<S: Store>(it: Bench<S>) -> Outcome {
    let (entry, next) = (it.entry("first"), it.entry("second"));
    let key = it.put(&entry).await?;
    // A store may also recognise the repeated call.
    match it.store.create(&key, &entry, it.now).await? {
        Created::Taken => {}
        again => same("the same create again", &again, &Created::Yes(nth(1, &entry)))?,
    }
    it.live("after a create and the same again", &key, 1, &entry).await?;
    it.store.replace(&key, nth(1, &entry), &next, it.now).await?;
    let again = it.store.replace(&key, nth(1, &entry), &next, it.now).await?;
    let second_version = next.next_version(Some(&nth(1, &entry)));
    if again != Replaced::Conflict {
        same("the same replace again", &again, &Replaced::Yes(second_version))?;
    }
    let second = Loaded::Live(next.next_version(Some(&nth(1, &entry))), next.clone());
    it.found("after a replace and the same again", &key, it.now, &second).await?;
    let (new, until) = (it.key_for_move(&key)?, it.now + GRACE);
    let seen = next.next_version(Some(&nth(1, &entry)));
    it.store.cycle(&key, seen.clone(), &new, &next, until, it.now).await?;
    let again = it.store.cycle(&key, seen, &new, &next, until, it.now).await?;
    if again != Replaced::Gone {
        same("the same move again", &again, &Replaced::Yes(nth(1, &next)))?;
    }
    it.live("after a move and the same again", &new, 1, &next).await?;
    same("an end", &it.store.end(&new, it.now).await?, &true)?;
    same("the same end again", &it.store.end(&new, it.now).await?, &false)
}

pub(super) async fn end_twice_is_false_the_second_time<S: Store>(it: Bench<S>) -> Outcome {
    let key = it.put(&it.entry("text")).await?;
    same("the first end", &it.store.end(&key, it.now).await?, &true)?;
    same("the second end", &it.store.end(&key, it.now).await?, &false)?;
    same("the end of nothing", &it.store.end(&it.key()?, it.now).await?, &false)
}

pub(super) async fn end_when_over_is_false<S: Store>(it: Bench<S>) -> Outcome {
    let key = it.put(&it.entry("text")).await?;
    let (old, _) = it.moved(&it.entry("moved")).await?;
    let later = it.now + LIFE + MILLISECOND;
    same("end of an expired session", &it.store.end(&key, later).await?, &false)?;
    same("end of an expired tombstone", &it.store.end(&old, later).await?, &false)
}

pub(super) async fn keys_are_told_apart<S: Store>(it: Bench<S>) -> Outcome {
    let mut all = Vec::new();
    for number in 0..20 {
        let entry = it.entry(&format!("session {number}"));
        all.push((it.put(&entry).await?, entry));
    }
    if let Some((key, _)) = all.pop() {
        it.store.end(&key, it.now).await?;
        it.absent("the one that was ended", &key).await?;
    }
    for (key, entry) in &all {
        it.live("one of the others", key, 1, entry).await?;
    }
    Ok(())
}
