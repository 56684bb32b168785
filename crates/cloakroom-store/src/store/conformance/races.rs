//! Races between tasks that really run in parallel.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use super::bench::{Bench, GRACE, LIFE, Outcome, Wrong, both, ensure, nth, same};
use super::owners::unique_owner;
use crate::entry::{Entry, OwnedSession};
use crate::error::StoreError;
use crate::store::{Created, Loaded, Replaced, Store};
use crate::walks::all_owned;

const RACERS: usize = 16;
/// Starts all futures at the same moment, and returns their results.
async fn race<T: Send + 'static, F: Future<Output = Result<T, StoreError>> + Send + 'static>(
    racers: Vec<F>,
) -> Result<Vec<T>, Wrong> {
    let barrier = Arc::new(Barrier::new(racers.len()));
    let tasks: Vec<_> = racers
        .into_iter()
        .map(|racer| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                racer.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await??);
    }
    Ok(results)
}

pub(super) async fn one_of_many_creates<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds.div_ceil(8) {
        let key = it.key()?;
        let racers = (0..RACERS).map(|racer| {
            let it = it.clone();
            async move { it.store.create(&key, &it.entry(&format!("racer {racer}")), it.now).await }
        });
        let created = race(racers.collect()).await?;
        let winners: Vec<_> = (0..).zip(&created).filter(|(_, created)| **created != Created::Taken).collect();
        same("the number of successful creates of one key", &winners.len(), &1)?;
        for (racer, _) in winners {
            it.live("the created entry", &key, 1, &it.entry(&format!("racer {racer}"))).await?;
        }
    }
    Ok(())
}

pub(super) async fn one_of_many_replaces<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds.div_ceil(8) {
        let key = it.put(&it.entry("before")).await?;
        let racers = (0..RACERS).map(|racer| {
            let it = it.clone();
            async move {
                it.store.replace(&key, nth(1, &it.entry("before")), &it.entry(&format!("racer {racer}")), it.now).await
            }
        });
        let replaced = race(racers.collect()).await?;
        let winners: Vec<_> = (0..).zip(&replaced).filter(|(_, it)| matches!(it, Replaced::Yes(_))).collect();
        same("the number of successful replaces of one version", &winners.len(), &1)?;
        same("whether a replace returned Gone", &replaced.contains(&Replaced::Gone), &false)?;
        for (racer, _) in winners {
            it.live("the written entry", &key, 2, &it.entry(&format!("racer {racer}"))).await?;
        }
    }
    Ok(())
}

pub(super) async fn replace_and_end_never_revive<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds {
        let key = it.put(&it.entry("before")).await?;
        let (one, other) = (it.clone(), it.clone());
        let (replaced, ended) = both(
            async move { one.store.replace(&key, nth(1, &one.entry("before")), &one.entry("after"), one.now).await },
            async move { other.store.end(&key, other.now).await },
        )
        .await?;
        same("whether the end found it", &ended, &true)?;
        same("whether the replace returned Conflict", &(replaced == Replaced::Conflict), &false)?;
        it.absent("a session that was ended while it was written", &key).await?;
    }
    Ok(())
}

pub(super) async fn cycle_and_end_leave_nothing<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds {
        let old = it.put(&it.entry("before")).await?;
        let new = it.key_for_move(&old)?;
        let (one, other) = (it.clone(), it.clone());
        let until = it.now + GRACE;
        let (_, ended) = both(
            async move {
                one.store.cycle(&old, nth(1, &one.entry("before")), &new, &one.entry("after"), until, one.now).await
            },
            async move { other.store.end(&old, other.now).await },
        )
        .await?;
        same("whether the end found it", &ended, &true)?;
        it.absent("the new key of a session ended while it moved", &new).await?;
        let live = matches!(it.store.load(&old, it.now).await?, Loaded::Live(..));
        ensure(!live, "a session that was ended while it moved is live under its old key")?;
    }
    Ok(())
}

pub(super) async fn one_of_many_cycles<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds.div_ceil(8) {
        let old = it.put(&it.entry("before")).await?;
        let news = (0..RACERS).map(|_| it.key_for_move(&old)).collect::<Result<Vec<_>, _>>()?;
        let racers = news.clone().into_iter().map(|new| {
            let it = it.clone();
            async move {
                it.store
                    .cycle(&old, nth(1, &it.entry("before")), &new, &it.entry("after"), it.now + GRACE, it.now)
                    .await
            }
        });
        let cycled = race(racers.collect()).await?;
        let winners = cycled.iter().filter(|it| matches!(it, Replaced::Yes(_))).count();
        same("the number of successful moves of one session", &winners, &1)?;
        for (new, cycled) in news.iter().zip(cycled) {
            match cycled {
                Replaced::Yes(_) => it.live("the new key", new, 1, &it.entry("after")).await?,
                Replaced::Gone | Replaced::Conflict => it.absent("the key of a failed move", new).await?,
            }
        }
        it.found("the old key", &old, it.now, &Loaded::Moved).await?;
    }
    Ok(())
}

pub(super) async fn replace_and_cycle_agree<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds {
        let old = it.put(&it.entry("before")).await?;
        let new = it.key_for_move(&old)?;
        let (one, other) = (it.clone(), it.clone());
        let until = it.now + GRACE;
        let (replaced, cycled) = both(
            async move { one.store.replace(&old, nth(1, &one.entry("before")), &one.entry("replaced"), one.now).await },
            async move {
                other
                    .store
                    .cycle(&old, nth(1, &other.entry("before")), &new, &other.entry("moved"), until, other.now)
                    .await
            },
        )
        .await?;
        match (replaced, cycled) {
            (Replaced::Yes(_), Replaced::Conflict) => {
                it.live("written, not moved", &old, 2, &it.entry("replaced")).await?;
                it.absent("the key of the failed move", &new).await?;
            }
            (Replaced::Gone, Replaced::Yes(_)) => {
                it.found("moved, not written", &old, it.now, &Loaded::Moved).await?;
                it.live("the new key", &new, 1, &it.entry("moved")).await?;
            }
            other => return Err(Wrong::new(format!("a replace and a cycle of the same version: {other:?}"))),
        }
    }
    Ok(())
}

pub(super) async fn touch_and_replace_keep_both<S: Store>(it: Bench<S>) -> Outcome {
    for _ in 0..it.rounds {
        let key = it.put(&it.entry("before")).await?;
        let (one, other) = (it.clone(), it.clone());
        let longer: Timestamp = it.now + LIFE + LIFE;
        let (touched, replaced) =
            both(async move { one.store.touch(&key, one.now, Some(longer), one.now).await }, async move {
                let mut entry = other.entry("after");
                entry.deadline = Some(longer);
                other.store.replace(&key, nth(1, &other.entry("before")), &entry, other.now).await
            })
            .await?;
        same("whether the touch found it", &touched, &true)?;
        same("the replace concurrent with a touch", &replaced, &Replaced::Yes(nth(2, &it.entry("after"))))?;
        let mut expected = it.entry("after");
        expected.deadline = Some(longer);
        it.live("touched and written", &key, 2, &expected).await?;
    }
    Ok(())
}

/// A session that moves from key to key until it is gone or told to stop.
pub(super) struct Mover {
    task: JoinHandle<Result<StoreKey, Wrong>>,
    moves: Arc<AtomicUsize>,
    stay: Arc<AtomicBool>,
}

impl Mover {
    /// Starts a session that moves at most `times` times.
    pub(super) async fn start<S: Store>(it: &Bench<S>, entry: &Entry, times: usize) -> Result<Self, Wrong> {
        let (it, entry) = (it.clone(), entry.clone());
        let (moves, stay) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, told) = (Arc::clone(&moves), Arc::clone(&stay));
        let mut key = it.put(&entry).await?;
        let task = tokio::spawn(async move {
            while !told.load(Ordering::SeqCst) && count.load(Ordering::SeqCst) < times {
                let new = it.key_for_move(&key)?;
                match it.store.cycle(&key, nth(1, &entry), &new, &entry, it.now + GRACE, it.now).await? {
                    Replaced::Yes(_) => key = new,
                    Replaced::Gone => break,
                    Replaced::Conflict => return Err(Wrong::new("a session that only moves was written by another")),
                }
                count.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
            Ok(key)
        });
        Ok(Self { task, moves, stay })
    }

    /// Waits until the session has moved this often, or is gone.
    pub(super) async fn moved(&self, times: usize) {
        while self.moves.load(Ordering::SeqCst) < times && !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    /// Stops the moves and returns the last key.
    pub(super) async fn stay(self) -> Result<StoreKey, Wrong> {
        self.stay.store(true, Ordering::SeqCst);
        self.task.await?
    }
}

/// The number of concurrent readers. On two threads, one of them reads while the session moves.
const LOOKERS: usize = 4;

pub(super) async fn what_moves_is_owned<S: Store>(it: Bench<S>) -> Outcome {
    let owner = unique_owner(&it, "owner")?;
    let entry = it.entry("text").owner(Some(owner.clone()));
    let mover = Arc::new(Mover::start(&it, &entry, it.rounds * LOOKERS).await?);
    let lookers = (0..LOOKERS).map(|_| {
        let (it, owner, mover) = (it.clone(), owner.clone(), Arc::clone(&mover));
        tokio::spawn(async move {
            for round in 0..it.rounds {
                mover.moved(round).await;
                let owned = all_owned(&*it.store, &owner, it.now).await?;
                ensure(!owned.is_empty(), "a session that moved during the walk is missing in its owner's list")?;
            }
            Ok::<_, Wrong>(())
        })
    });
    for looker in lookers.collect::<Vec<_>>() {
        looker.await??;
    }
    let mover = Arc::into_inner(mover).ok_or_else(|| Wrong::new("a reader is still running"))?;
    let key = mover.stay().await?;
    same(
        "an owner's session after its moves",
        &all_owned(&*it.store, &owner, it.now).await?,
        &vec![OwnedSession::new(key, entry)],
    )
}
