//! Deadlines, touches and clocks: the caller's `now` decides, independently of the store's own
//! clock.

use std::time::Duration;

use cloakroom_session::Timestamp;

use super::bench::{Bench, GRACE, LIFE, MILLISECOND, Outcome, Wrong, ensure, nth, same};
use crate::store::{Created, Loaded, Replaced, Store};

pub(super) async fn valid_at_its_deadline_and_not_after<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry("text");
    let deadline = it.now + LIFE + Duration::from_millis(it.below(1000));
    entry.deadline = Some(deadline);
    let key = it.put(&entry).await?;
    let live = Loaded::Live(nth(1, &entry), entry);
    it.found("long before its deadline", &key, it.now, &live).await?;
    it.found("exactly at its deadline", &key, deadline, &live).await?;
    it.found("one millisecond later", &key, deadline + MILLISECOND, &Loaded::Absent).await
}

pub(super) async fn everything_is_over_after_the_deadline<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let later = it.clone().at(it.now + LIFE + MILLISECOND);
    let longer = Some(later.now + LIFE);
    let key = it.put(&entry).await?;
    same("touch", &it.store.touch(&key, later.now, longer, later.now).await?, &false)?;
    let key = it.put(&entry).await?;
    same("replace", &it.store.replace(&key, nth(1, &entry), &entry, later.now).await?, &Replaced::Gone)?;
    let key = it.put(&entry).await?;
    let until = later.now + GRACE;
    let new = it.key_for_move(&key)?;
    let cycled = it.store.cycle(&key, nth(1, &entry), &new, &later.entry("new"), until, later.now).await?;
    same("cycle", &cycled, &Replaced::Gone)?;
    later.absent("the new key of that cycle", &new).await?;
    later.absent("the old key of that cycle", &key).await
}

pub(super) async fn no_deadline_is_for_ever<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry("text");
    entry.deadline = None;
    let key = it.put(&entry).await?;
    let far = Timestamp::from_unix_secs(4_000_000_000);
    it.found("in the year 2096", &key, far, &Loaded::Live(nth(1, &entry), entry.clone())).await?;
    same("a touch", &it.store.touch(&key, it.now, Some(it.now + LIFE), it.now).await?, &true)?;
    it.found("a touch with a deadline shortens", &key, far, &Loaded::Live(nth(1, &entry), entry)).await
}

/// "Remember me for ever" is a deadline at the end of time, which must not overflow into the past.
pub(super) async fn the_last_deadline_there_is<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry("text");
    entry.deadline = Some(it.now + Duration::MAX);
    let key = it.put(&entry).await?;
    let far = Timestamp::from_unix_secs(200_000_000_000);
    for now in [it.now, far] {
        match it.store.load(&key, now).await? {
            Loaded::Live(_, found) => {
                let deadline = found.deadline.map_or(u64::MAX, Timestamp::unix_millis);
                ensure(deadline >= 1 << 53, format!("the deadline at the end of time became {deadline}"))?;
            }
            Loaded::Moved | Loaded::Absent => {
                return Err(Wrong::new(format!("a session whose deadline is the end of time wasn't there at {now:?}")));
            }
        }
    }
    let touched = it.store.touch(&key, it.now, Some(it.now + Duration::MAX), it.now).await?;
    same("a touch until the end of time", &touched, &true)?;
    let replaced = it.store.replace(&key, nth(1, &entry), &entry, it.now).await?;
    same("a replace until the end of time", &replaced, &Replaced::Yes(nth(2, &entry)))
}

pub(super) async fn over_when_it_comes<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry("text");
    entry.deadline = Some(Timestamp::from_unix_millis(it.now.unix_millis() - 1));
    let key = it.put(&entry).await?;
    it.absent("an entry created after its deadline", &key).await?;
    let created = it.store.create(&key, &it.entry("next"), it.now).await?;
    same("create in its place", &created, &Created::Yes(nth(1, &it.entry("next"))))
}

/// The clocks of nodes differ from the store's, by years if one of them is broken.
pub(super) async fn other_clocks<S: Store>(it: Bench<S>) -> Outcome {
    for (what, secs) in [
        ("1980", 315_532_800),
        ("2001", 978_307_200),
        ("2037", 2_114_380_800),
        ("2040", 2_208_988_800),
        ("2150", 5_680_281_600),
    ] {
        let then = it.clone().at(Timestamp::from_unix_secs(secs) + Duration::from_millis(it.below(1000)));
        let entry = then.entry(what);
        let key = then.put(&entry).await?;
        let live = Loaded::Live(nth(1, &entry), entry.clone());
        then.found(&format!("created in {what}"), &key, then.now, &live).await?;
        then.found(&format!("at its deadline in {what}"), &key, then.now + LIFE, &live).await?;
        let after = then.now + LIFE + MILLISECOND;
        then.found(&format!("after its deadline in {what}"), &key, after, &Loaded::Absent).await?;
        let key = then.put(&entry).await?;
        let longer = then.now + LIFE + LIFE;
        same(&format!("touch in {what}"), &it.store.touch(&key, then.now, Some(longer), then.now).await?, &true)?;
        let extended = match then.store.load(&key, longer).await? {
            Loaded::Live(_, found) => found.deadline,
            Loaded::Moved | Loaded::Absent => None,
        };
        same(&format!("the deadline that a touch extended in {what}"), &extended, &Some(longer))?;
        let replaced = it.store.replace(&key, nth(1, &entry), &entry, then.now).await?;
        same(&format!("replace in {what}"), &replaced, &Replaced::Yes(nth(2, &entry)))?;
        let (old, new) = then.moved(&entry).await?;
        then.found(&format!("a tombstone in {what}"), &old, then.now + GRACE, &Loaded::Moved).await?;
        then.live(&format!("moved in {what}"), &new, 1, &entry).await?;
        same(&format!("end in {what}"), &it.store.end(&old, then.now).await?, &true)?;
    }
    Ok(())
}

pub(super) async fn touch_extends<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry("text").owner(Some("user-42".to_owned()));
    let key = it.put(&entry).await?;
    entry.touched = it.now + Duration::from_millis(1234);
    entry.deadline = Some(it.now + LIFE + LIFE);
    let there = it.store.touch(&key, entry.touched, entry.deadline, entry.touched).await?;
    same("touch of a live session", &there, &true)?;
    let live = Loaded::Live(nth(1, &entry), entry);
    it.found("the session after a touch", &key, it.now, &live).await?;
    it.found("at the extended deadline", &key, it.now + LIFE + LIFE, &live).await?;
    it.found("after it", &key, it.now + LIFE + LIFE + MILLISECOND, &Loaded::Absent).await
}

pub(super) async fn touch_never_shortens<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let key = it.put(&entry).await?;
    let earlier = Timestamp::from_unix_millis(it.now.unix_millis() - 60_000);
    let there = it.store.touch(&key, earlier, Some(it.now + GRACE), it.now).await?;
    same("a late touch", &there, &true)?;
    it.live("a late touch changes nothing", &key, 1, &entry).await
}

pub(super) async fn touch_never_creates<S: Store>(it: Bench<S>) -> Outcome {
    let key = it.key()?;
    same("touch of nothing", &it.store.touch(&key, it.now, Some(it.now + LIFE), it.now).await?, &false)?;
    it.absent("after a touch of nothing", &key).await?;
    same("touch of nothing, for ever", &it.store.touch(&key, it.now, None, it.now).await?, &false)?;
    it.absent("after that", &key).await
}

pub(super) async fn touch_leaves_text_and_version<S: Store>(it: Bench<S>) -> Outcome {
    let key = it.put(&it.entry("one")).await?;
    it.store.replace(&key, nth(1, &it.entry("one")), &it.entry("two"), it.now).await?;
    it.store.touch(&key, it.now, Some(it.now + LIFE + LIFE), it.now).await?;
    let mut expected = it.entry("two");
    expected.deadline = Some(it.now + LIFE + LIFE);
    it.live("after a touch", &key, 2, &expected).await?;
    let replaced = it.store.replace(&key, nth(2, &expected), &it.entry("three"), it.now).await?;
    same("a replace after a touch", &replaced, &Replaced::Yes(nth(3, &it.entry("three"))))
}

pub(super) async fn touch_takes_the_deadline_away<S: Store>(it: Bench<S>) -> Outcome {
    let mut entry = it.entry("text");
    let key = it.put(&entry).await?;
    same("a touch for ever", &it.store.touch(&key, it.now, None, it.now).await?, &true)?;
    entry.deadline = None;
    let far = Timestamp::from_unix_secs(4_000_000_000);
    it.found("in the year 2096", &key, far, &Loaded::Live(nth(1, &entry), entry)).await
}

pub(super) async fn load_extends_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let key = it.put(&entry).await?;
    for _ in 0..3 {
        it.found("shortly before the end", &key, it.now + LIFE, &Loaded::Live(nth(1, &entry), entry.clone())).await?;
    }
    it.found("after the end", &key, it.now + LIFE + MILLISECOND, &Loaded::Absent).await
}
