//! The owner index.

use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::bench::{Bench, GRACE, LIFE, MILLISECOND, Outcome, Wrong, ensure, nth, same};
use super::values::OWNERS;
use crate::entry::{Entry, OwnedSession};
use crate::store::Store;
use crate::walks::all_owned;

/// Returns an owner that is used by no other check or run.
pub(super) fn unique_owner<S: Store>(it: &Bench<S>, name: &str) -> Result<String, Wrong> {
    Ok(format!("{name} {}{}", it.key()?.prefix(), it.key()?.prefix()))
}

async fn list<S: Store>(
    it: &Bench<S>,
    what: &str,
    owner: &str,
    now: Timestamp,
    expected: &[(StoreKey, Entry)],
) -> Outcome {
    let expected: Vec<OwnedSession> =
        expected.iter().map(|(key, entry)| OwnedSession::new(*key, entry.clone())).collect();
    same(what, &all_owned(&*it.store, owner, now).await?, &expected)
}

pub(super) async fn oldest_first<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    list(&it, "an owner without sessions", &owner, it.now, &[]).await?;
    let mut all = Vec::new();
    for number in 0..12_u64 {
        let mut entry = it.entry(&format!("session {number}")).owner(Some(owner.clone()));
        // In an order that is neither that of creation nor that of keys.
        entry.created = Timestamp::from_unix_millis(it.now.unix_millis() - 1 - (number * 7 % 12) * 1001);
        all.push((it.put(&entry).await?, entry));
    }
    all.sort_by_key(|(_, entry)| entry.created);
    list(&it, "an owner's sessions, oldest first", &owner, it.now, &all).await
}

pub(super) async fn only_the_owners_own<S: Store>(it: Bench<S>) -> Outcome {
    let (one, other) = (unique_owner(&it, "one")?, unique_owner(&it, "other")?);
    let ones = it.entry("one's").owner(Some(one.clone()));
    let others = it.entry("other's").owner(Some(other.clone()));
    let (first, second) = (it.put(&ones).await?, it.put(&others).await?);
    it.put(&it.entry("nobody's")).await?;
    list(&it, "one's", &one, it.now, &[(first, ones)]).await?;
    list(&it, "the other's", &other, it.now, &[(second, others)]).await
}

/// A database that treats `user` and `User` as equal would show one user the sessions of another.
pub(super) async fn look_alikes_are_not_the_owner<S: Store>(it: Bench<S>) -> Outcome {
    // Contains a letter, so that its upper case differs.
    let run = unique_owner(&it, "a")?;
    let long = "x".repeat(950);
    let mut names: Vec<String> = OWNERS.iter().map(|name| format!("{run}{name}")).collect();
    names.extend([format!("{run}{long}"), format!("{run}{long}x"), run.clone(), run.to_uppercase() + "user"]);
    let mut all = Vec::new();
    for name in &names {
        let entry = it.entry(name).owner(Some(name.clone()));
        all.push((name, it.put(&entry).await?, entry));
    }
    for (name, key, entry) in all {
        list(&it, &format!("the sessions of {name:?}"), name, it.now, &[(key, entry)]).await?;
    }
    Ok(())
}

pub(super) async fn ended_and_over_are_not_listed<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    let mut shorter = it.entry("until 10 minutes from now").owner(Some(owner.clone()));
    shorter.deadline = Some(it.now + GRACE);
    let entry = it.entry("until 20 minutes from now").owner(Some(owner.clone()));
    let (ended, short) = (it.put(&entry).await?, it.put(&shorter).await?);
    it.store.end(&ended, it.now).await?;
    list(&it, "without the one that was ended", &owner, it.now, &[(short, shorter.clone())]).await?;
    let mut last = it.entry("last").owner(Some(owner.clone()));
    last.created = it.now + MILLISECOND;
    let key = it.put(&last).await?;
    let both = [(short, shorter), (key, last.clone())];
    list(&it, "at the shorter one's deadline", &owner, it.now + GRACE, &both).await?;
    list(&it, "after it", &owner, it.now + GRACE + MILLISECOND, &[(key, last)]).await?;
    list(&it, "after all deadlines", &owner, it.now + LIFE + MILLISECOND, &[]).await
}

pub(super) async fn moved_is_listed_once<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    let entry = it.entry("text").owner(Some(owner.clone()));
    let (old, new) = it.moved(&entry).await?;
    list(&it, "a session that moved", &owner, it.now, &[(new, entry)]).await?;
    it.store.end(&old, it.now).await?;
    list(&it, "and was ended", &owner, it.now, &[]).await
}

pub(super) async fn a_change_of_owner_is_seen<S: Store>(it: Bench<S>) -> Outcome {
    let (one, other) = (unique_owner(&it, "one")?, unique_owner(&it, "other")?);
    let nobodys = it.entry("nobody's");
    let key = it.put(&nobodys).await?;
    let ones = it.entry("one's").owner(Some(one.clone()));
    it.store.replace(&key, nth(1, &nobodys), &ones, it.now).await?;
    list(&it, "owned since a replace", &one, it.now, &[(key, ones.clone())]).await?;
    let others = it.entry("other's").owner(Some(other.clone()));
    let new = it.key_for_move(&key)?;
    it.store.cycle(&key, nth(2, &ones), &new, &others, it.now + GRACE, it.now).await?;
    list(&it, "no longer since a cycle", &one, it.now, &[]).await?;
    list(&it, "owned since a cycle", &other, it.now, &[(new, others.clone())]).await?;
    it.store.replace(&new, nth(1, &others), &nobodys, it.now).await?;
    list(&it, "no owner since a replace", &other, it.now, &[]).await
}

pub(super) async fn a_touch_is_seen<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    let mut entry = it.entry("text").owner(Some(owner.clone()));
    let key = it.put(&entry).await?;
    entry.touched = it.now + Duration::from_secs(5);
    entry.deadline = Some(it.now + LIFE + LIFE);
    it.store.touch(&key, entry.touched, entry.deadline, it.now).await?;
    list(&it, "after a touch", &owner, it.now + LIFE + LIFE, &[(key, entry)]).await
}

pub(super) async fn owners_are_refused_honestly<S: Store>(it: Bench<S>) -> Outcome {
    match all_owned(&*it.store, "somebody", it.now).await {
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(owned) => ensure(false, format!("a list of {} sessions instead of an unsupported error", owned.len())),
    }
}
