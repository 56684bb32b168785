//! Feeds that repeat, reorder, invent and delay hints, and that stop.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use cloakroom_session::factory::{StoreKey, Version};

use super::world::{World, entry, key};
use crate::feed::Connection;
use crate::store::{Loaded, Store};

const KEYS: usize = 3;
const BOUND: Duration = Duration::from_secs(1);

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

/// A write of another process, and when it was acknowledged.
struct Written {
    at: Instant,
    number: usize,
    version: Version,
}

/// The rest of the network: the writes, and the hints under way.
struct Elsewhere {
    newest: Vec<Version>,
    writes: Vec<Written>,
    under_way: VecDeque<usize>,
    is_connected: bool,
}

fn session(number: usize) -> StoreKey {
    key(number as u8)
}

#[tokio::test]
async fn no_hit_is_older_than_the_bound() {
    let mut hits = 0;
    for seed in 0..40 {
        hits += run(seed, 2000, true).await.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
    assert!(hits > 10_000, "{hits}: the cache has to be used for this to say something");
}

/// The bound comes from the proof: a feed that proves changes that it never announced is found out.
#[tokio::test]
async fn a_feed_with_a_false_proof_is_noticed_by_this_test() {
    let mut failed = 0;
    for seed in 0..10 {
        failed += usize::from(run(seed, 2000, false).await.is_err());
    }
    assert!(failed > 0);
}

/// Runs random events. Returns the number of hits.
async fn run(seed: u64, events: usize, is_honest: bool) -> Result<u64, String> {
    let (world, mut random) = (World::new(), Random(seed));
    let mut there =
        Elsewhere { newest: Vec::new(), writes: Vec::new(), under_way: VecDeque::new(), is_connected: true };
    for number in 0..KEYS {
        there.newest.push(world.created(&session(number), &entry("0")).await);
    }
    for event in 0..events {
        let number = random.below(KEYS as u64) as usize;
        match random.below(20) {
            0 => {
                let version = world.written(&session(number), &there.newest[number], &event.to_string()).await;
                there.newest[number] = version.clone();
                there.writes.push(Written { at: world.time(), number, version });
                if there.is_connected {
                    there.under_way.push_back(number);
                }
            }
            // Any hint that is under way arrives: they overtake each other.
            1..=3 if is_honest && !there.under_way.is_empty() => {
                let index = random.below(there.under_way.len() as u64) as usize;
                let arrived = there.under_way[index];
                // Sometimes it is repeated later.
                if random.below(4) > 0 {
                    there.under_way.remove(index);
                }
                world.feed(|feed| feed.changed(&session(arrived)));
            }
            // An invented hint.
            4 => world.feed(|feed| feed.changed(&session(number))),
            5..=6 if there.is_connected && (there.under_way.is_empty() || !is_honest) => world.prove(),
            7 if random.below(5) == 0 => {
                world.feed(if there.is_connected { Connection::lost } else { Connection::established });
                there.is_connected = !there.is_connected;
                there.under_way.clear();
            }
            8..=9 => world.pass(random.below(300)),
            _ => read(&world, &there, number).await?,
        }
    }
    Ok(world.cached.stats().hits)
}

async fn read(world: &World, there: &Elsewhere, number: usize) -> Result<(), String> {
    let time = world.time();
    let loaded = world.cached.load(&session(number), super::world::NOW).await.map_err(|error| error.to_string())?;
    let Loaded::Live(version, _) = loaded else { return Err(format!("{loaded:?}")) };
    let mut earlier = there.writes.iter().rev().filter(|written| written.number == number);
    // More than the bound before this request began.
    match earlier.find(|written| time.duration_since(written.at) > BOUND) {
        Some(written) if version < written.version => {
            Err(format!("{version:?}, although {:?} is {:?} old", written.version, time.duration_since(written.at)))
        }
        _ => Ok(()),
    }
}
