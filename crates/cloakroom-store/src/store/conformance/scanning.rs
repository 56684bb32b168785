//! The scan of all sessions. Other clients may have sessions in the store, and may create and end
//! them during the scan.

use std::collections::HashMap;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use super::bench::{Bench, GRACE, LIFE, MILLISECOND, Outcome, Wrong, ensure, nth, same};
use crate::entry::Entry;
use crate::scan::{Cursor, Page};
use crate::store::{Loaded, Store};

const LIMIT: usize = 20;

/// A scan with more pages is treated as endless.
const MOST_PAGES: usize = 100_000;

type Found = HashMap<StoreKey, (Version, Entry)>;

async fn page<S: Store>(it: &Bench<S>, after: Option<&Cursor>, now: Timestamp) -> Result<Page, Wrong> {
    let page = it.store.scan(after, LIMIT, now).await?;
    let (sessions, most) = (page.sessions.len(), LIMIT * 4);
    ensure(sessions <= most, format!("a page that aims at {LIMIT} sessions has {sessions}"))?;
    Ok(page)
}

/// Completes a scan from a given page.
async fn rest<S: Store>(it: &Bench<S>, mut after: Option<Cursor>, now: Timestamp) -> Result<Found, Wrong> {
    let mut found = Found::new();
    for _ in 0..MOST_PAGES {
        let page = page(it, after.as_ref(), now).await?;
        found.extend(page.sessions.into_iter().map(|one| (one.key, (one.version, one.entry))));
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
    Err(Wrong::new("a scan never ends"))
}

async fn some<S: Store>(it: &Bench<S>, count: usize) -> Result<Vec<(StoreKey, Version, Entry)>, Wrong> {
    let mut all = Vec::new();
    for number in 0..count {
        let mut entry =
            it.entry(&format!("session {number}")).owner((number % 3 == 0).then(|| format!("owner {number}")));
        entry.created = Timestamp::from_unix_millis(it.now.unix_millis() - 1);
        all.push((it.put(&entry).await?, nth(1, &entry), entry));
    }
    Ok(all)
}

fn has(found: &Found, what: &str, all: &[(StoreKey, Version, Entry)]) -> Outcome {
    for (number, (key, version, entry)) in all.iter().enumerate() {
        let expected = Some((version.clone(), entry.clone()));
        same(&format!("{what}, {} of {}", number + 1, all.len()), &found.get(key).cloned(), &expected)?;
    }
    Ok(())
}

pub(super) async fn a_scan_finds_everything<S: Store>(it: Bench<S>) -> Outcome {
    let mut all = some(&it, 3 * LIMIT).await?;
    for (key, version, entry) in all.iter_mut().take(LIMIT) {
        *entry = entry.clone().with_text(format!("{}, replaced", entry.text()));
        it.store.replace(key, version.clone(), entry, it.now).await?;
        *version = nth(2, entry);
    }
    let (_, new) = it.moved(&it.entry("moved")).await?;
    all.push((new, nth(1, &it.entry("moved")), it.entry("moved")));
    let mut endless = it.entry("endless");
    endless.deadline = None;
    let key = it.put(&endless).await?;
    all.push((key, nth(1, &endless), endless));
    let found = rest(&it, None, it.now).await;
    // It never expires, so it must be removed here.
    it.store.end(&key, it.now).await?;
    has(&found?, "a walk through all sessions", &all)
}

pub(super) async fn a_scan_leaves_out_what_is_not_live<S: Store>(it: Bench<S>) -> Outcome {
    let mut short = it.entry("until 10 minutes from now");
    short.deadline = Some(it.now + GRACE);
    let (over, ended) = (it.put(&short).await?, it.put(&it.entry("ended")).await?);
    let (old, _) = it.moved(&it.entry("moved")).await?;
    it.store.end(&ended, it.now).await?;
    let exact = rest(&it, None, it.now + GRACE).await?;
    ensure(exact.contains_key(&over), "a session exactly at its deadline isn't in the scan")?;
    let later = rest(&it, None, it.now + GRACE + MILLISECOND).await?;
    for (what, key) in [("that has expired", over), ("that was ended", ended), ("that has moved", old)] {
        ensure(!later.contains_key(&key), format!("a session {what} is in the walk"))?;
    }
    ensure(!exact.contains_key(&old), "a tombstone is in the scan")
}

pub(super) async fn a_scan_goes_on_while_others_write<S: Store>(it: Bench<S>) -> Outcome {
    let all = some(&it, 3 * LIMIT).await?;
    let passing = some(&it, 3 * LIMIT).await?;
    let mut passing = passing.into_iter();
    let (mut found, mut after) = (Found::new(), None);
    for _ in 0..MOST_PAGES {
        let page = page(&it, after.as_ref(), it.now).await?;
        // Sessions are created and ended on both sides of the scan's position.
        if let Some((key, ..)) = passing.next() {
            it.store.end(&key, it.now).await?;
            it.put(&it.entry("created during the scan")).await?;
        }
        found.extend(page.sessions.into_iter().map(|one| (one.key, (one.version, one.entry))));
        after = page.next;
        if after.is_none() {
            return has(&found, "a scan while others are created and ended", &all);
        }
    }
    Err(Wrong::new("a scan never ends"))
}

pub(super) async fn a_scan_changes_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let entry = it.entry("text");
    let (key, (old, new)) = (it.put(&entry).await?, it.moved(&entry).await?);
    rest(&it, None, it.now + Duration::from_secs(60)).await?;
    it.live("a session after a scan", &key, 1, &entry).await?;
    it.live("a session that had moved", &new, 1, &entry).await?;
    it.found("its tombstone", &old, it.now, &Loaded::Moved).await?;
    it.found("a session after its deadline", &key, it.now + LIFE + MILLISECOND, &Loaded::Absent).await
}

pub(super) async fn a_cursor_leads_on_from_the_same_place<S: Store>(it: Bench<S>) -> Outcome {
    let all = some(&it, 3 * LIMIT).await?;
    let first = page(&it, None, it.now).await?;
    let Some(place) = first.next else {
        return Err(Wrong::new("more sessions than a page has room for, and no next page"));
    };
    let start: Found = first.sessions.into_iter().map(|one| (one.key, (one.version, one.entry))).collect();
    for round in ["for the first time", "and once more"] {
        // Copied through text, as by another process.
        let mut found = rest(&it, Some(Cursor::new(place.as_str())), it.now).await?;
        found.extend(start.clone());
        has(&found, &format!("a walk from its second page on, {round}"), &all)?;
    }
    for foreign in ["", "somewhere", "0:0:0:0", "\u{1f9e5}"] {
        let answer = it.store.scan(Some(&Cursor::new(foreign)), LIMIT, it.now).await;
        ensure(answer.is_err(), format!("a scan accepted the foreign cursor {foreign:?}"))?;
    }
    Ok(())
}

pub(super) async fn a_scan_is_refused_honestly<S: Store>(it: Bench<S>) -> Outcome {
    match it.store.scan(None, LIMIT, it.now).await {
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(page) => ensure(false, format!("{} sessions instead of an unsupported error", page.sessions.len())),
    }
}
