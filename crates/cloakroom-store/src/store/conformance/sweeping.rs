//! Operations on many sessions at once, dated in the years 1971 to 1974 so that they affect no
//! other sessions.

use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::bench::{Bench, LIFE, MILLISECOND, Outcome, Wrong, ensure, nth, same};
use super::races::Mover;
use crate::store::{Loaded, Store};
use crate::walks::end_all_before;

const YEAR: u64 = 365 * 24 * 60 * 60;

/// Uses a random time in each run, so that concurrent runs rarely overlap.
pub(super) fn long_ago<S: Store>(it: &Bench<S>, years: u64) -> Bench<S> {
    it.clone().at(Timestamp::from_unix_secs(years * YEAR + it.below(YEAR / 2)))
}

pub(super) async fn ends_what_is_older_and_no_more<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 1);
    let point = it.now + Duration::from_secs(60);
    let mut older = it.entry("older");
    older.created = Timestamp::from_unix_millis(point.unix_millis() - 1);
    let mut exact = it.entry("exact");
    exact.created = point;
    let mut over = it.entry("over");
    over.deadline = Some(it.now);
    let (first, over) = (it.put(&older).await?, it.put(&over).await?);
    let (old, moved) = it.moved(&older).await?;
    let kept = it.put(&exact).await?;
    let now = point + Duration::from_secs(1);
    let ended = end_all_before(&*it.store, point, now).await?;
    ensure(ended >= 2, format!("2 sessions were older, {ended} were ended"))?;
    let then = it.clone().at(now);
    then.absent("an older session", &first).await?;
    then.absent("an older session that had moved", &moved).await?;
    then.absent("an expired session", &over).await?;
    same("end by the tombstone of an ended session", &it.store.end(&old, now).await?, &false)?;
    then.live("a session created exactly at that point", &kept, 1, &exact).await
}

/// The number of moves: a store may give up on a session that never stops moving.
const MOVES: usize = 8;

pub(super) async fn what_moves_is_ended_with_all<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 1);
    let mut entry = it.entry("older");
    entry.created = Timestamp::from_unix_millis(it.now.unix_millis() - 1);
    for _ in 0..it.rounds {
        let mover = Mover::start(&it, &entry, MOVES).await?;
        mover.moved(1).await;
        end_all_before(&*it.store, it.now, it.now).await?;
        let key = mover.stay().await?;
        it.absent("a session that moved while all older ones were ended", &key).await?;
    }
    Ok(())
}

pub(super) async fn end_before_is_refused_honestly<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 1);
    match end_all_before(&*it.store, it.now, it.now).await {
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(ended) => ensure(false, format!("{ended} sessions ended instead of an unsupported error")),
    }
}

/// Sweeps in small steps until nothing is left to do.
async fn sweep_all<S: Store>(it: &Bench<S>, now: Timestamp) -> Result<usize, Wrong> {
    let mut total = 0;
    for _ in 0..100_000 {
        let swept = it.store.sweep(now, 3).await?;
        ensure(swept <= 3, format!("at most 3 were to be swept, {swept} were"))?;
        total += swept;
        if swept == 0 {
            return Ok(total);
        }
    }
    Err(Wrong::new("a sweep never ends"))
}

async fn some<S: Store>(it: &Bench<S>, count: usize) -> Result<Vec<StoreKey>, Wrong> {
    let mut keys = Vec::new();
    for number in 0..count {
        keys.push(it.put(&it.entry(&format!("session {number}"))).await?);
    }
    Ok(keys)
}

pub(super) async fn a_sweep_removes_what_is_over<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 2);
    let keys = some(&it, 10).await?;
    let (old, new) = it.moved(&it.entry("moved")).await?;
    let swept = sweep_all(&it, it.now + LIFE + MILLISECOND).await?;
    ensure(swept >= 12, format!("11 entries and a tombstone had expired, {swept} were swept"))?;
    for key in keys.iter().chain([&old, &new]) {
        // Asked for at a time at which it would still be valid if it hadn't been removed.
        it.absent("one that was swept", key).await?;
    }
    Ok(())
}

pub(super) async fn a_sweep_leaves_the_living<S: Store>(it: Bench<S>) -> Outcome {
    let it = long_ago(&it, 3);
    let keys = some(&it, 10).await?;
    let entry = it.entry("moved");
    let (old, new) = it.moved(&entry).await?;
    let mut endless = it.entry("endless");
    endless.deadline = None;
    let for_ever = it.put(&endless).await?;
    sweep_all(&it, it.now + super::bench::GRACE).await?;
    it.found("a tombstone exactly at its expiry", &old, it.now, &Loaded::Moved).await?;
    sweep_all(&it, it.now + LIFE).await?;
    for (number, key) in keys.iter().enumerate() {
        it.live("one at its deadline exactly", key, 1, &it.entry(&format!("session {number}"))).await?;
    }
    it.live("one that had moved", &new, 1, &entry).await?;
    sweep_all(&it, it.now + LIFE + LIFE).await?;
    it.found("one without a deadline", &for_ever, it.now, &Loaded::Live(nth(1, &endless), endless)).await?;
    // It never expires, so it must be removed here.
    it.store.end(&for_ever, it.now).await?;
    Ok(())
}
