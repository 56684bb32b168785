//! Loads, hints and writes in every order.
//!
//! The steps of each task stay in their order, and all interleavings of the tasks are run. After
//! each step the copy is compared with the oldest version that is allowed.

use std::sync::Arc;
use std::time::Instant;

use cloakroom_session::factory::{StoreKey, Version};

use super::super::near::{Load, Near, Scope, Write};
use super::world::{NOW, entry, key, reading};
use crate::entry::Entry;
use crate::feed::Listener;
use Step::{Answer, Arrive, Begin, Echo, Established, Hint, Lost, OwnBegin, OwnEnd, OwnWrite};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A load is registered, the store answers, and the answer arrives.
    Begin(usize),
    Answer(usize),
    Arrive(usize),
    /// Another process writes, and the hint arrives.
    Write,
    Hint,
    /// This process writes: registered, executed, acknowledged. Its hint is the echo.
    OwnBegin,
    OwnWrite,
    OwnEnd,
    Echo,
    /// The feed's connection breaks, and the next one begins. Hints in between are lost.
    Lost,
    Established,
}

/// A rule that a cache breaks, to test that the orders find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// A load is registered when its answer arrives.
    RegistersLate,
    /// A write invalidates before it is sent, and not when it returns.
    InvalidatesOnce,
}

struct World<'a> {
    near: &'a Near,
    key: &'a StoreKey,
    entry: &'a Entry,
    broken: Broken,
    since: Instant,
    loads: [Option<Load<'a>>; 2],
    answers: [u64; 2],
    own: Option<Write<'a>>,
    version: u64,
    written: u64,
    own_written: u64,
    /// The copy must not be older than this version.
    floor: u64,
    /// The newest version that was seen.
    seen: u64,
}

impl World<'_> {
    fn run(&mut self, step: Step) -> Result<(), String> {
        let late = self.broken == Broken::RegistersLate;
        match step {
            Begin(load) if !late => self.loads[load] = Some(self.near.load(self.key)),
            Begin(_) => {}
            Answer(load) => self.answers[load] = self.version,
            Arrive(load) => {
                let registered = self.loads[load].take().unwrap_or_else(|| self.near.load(self.key));
                registered.keep(Version::new(self.answers[load]), self.entry, self.since);
            }
            Step::Write => {
                self.version += 1;
                self.written = self.version;
            }
            Hint => {
                self.near.changed(self.key);
                self.floor = self.floor.max(self.written);
            }
            OwnBegin => self.own = Some(self.near.write(Scope::Key(self.key))),
            OwnWrite => {
                self.version += 1;
                self.own_written = self.version;
            }
            OwnEnd => {
                let own = self.own.take();
                if self.broken == Broken::InvalidatesOnce {
                    std::mem::forget(own)
                } else {
                    drop(own)
                }
                self.floor = self.floor.max(self.own_written);
            }
            Echo => {
                self.near.changed(self.key);
                self.floor = self.floor.max(self.own_written);
            }
            Lost => self.near.all_changed(),
            Established => {
                self.near.all_changed();
                // Everything from before is known now, whether its hint arrived or not.
                self.floor = self.version;
            }
        }
        let Some((version, ..)) = self.near.get(self.key, NOW) else { return Ok(()) };
        let version = version.number();
        if version < self.floor || version < self.seen {
            return Err(format!("{version} after {step:?}; floor {}, seen {}", self.floor, self.seen));
        }
        self.seen = version;
        Ok(())
    }
}

/// Runs all interleavings. Returns their number, and those in which a copy was too old.
fn explore(tasks: &[&[Step]], broken: Broken) -> (usize, Vec<String>) {
    let (key, entry, since) = (key(1), entry("text"), reading().steady);
    let (mut orders, mut failures) = (0, Vec::new());
    let mut order = Vec::new();
    each(tasks, &mut vec![0; tasks.len()], &mut order, &mut |order| {
        orders += 1;
        let near = Near::new(1 << 20);
        let mut world = World {
            near: &near,
            key: &key,
            entry: &entry,
            broken,
            since,
            loads: [None, None],
            answers: [0; 2],
            own: None,
            version: 1,
            written: 0,
            own_written: 0,
            floor: 0,
            seen: 0,
        };
        let failure = order.iter().find_map(|step| world.run(*step).err());
        failures.extend(failure.map(|why| format!("{why} in {order:?}")));
    });
    (orders, failures)
}

fn each(tasks: &[&[Step]], done: &mut Vec<usize>, order: &mut Vec<Step>, run: &mut impl FnMut(&[Step])) {
    let mut is_over = true;
    for task in 0..tasks.len() {
        if let Some(step) = tasks[task].get(done[task]) {
            is_over = false;
            order.push(*step);
            done[task] += 1;
            each(tasks, done, order, run);
            done[task] -= 1;
            order.pop();
        }
    }
    if is_over {
        run(order);
    }
}

const FIRST: &[Step] = &[Begin(0), Answer(0), Arrive(0)];
const SECOND: &[Step] = &[Begin(1), Answer(1), Arrive(1)];
const OTHER: &[Step] = &[Step::Write, Hint];
const OWN: &[Step] = &[OwnBegin, OwnWrite, OwnEnd];
const OWN_AND_ECHO: &[Step] = &[OwnBegin, OwnWrite, Echo, OwnEnd];
const RECONNECT: &[Step] = &[Lost, Established];
const UNHEARD: &[Step] = &[Step::Write];

#[test]
fn no_order_leaves_a_copy_that_is_too_old() {
    for (name, tasks, count) in [
        ("two loads and another's write", &[FIRST, SECOND, OTHER][..], 560),
        ("two loads and an own write", &[FIRST, SECOND, OWN], 1680),
        ("two loads, another's write and an own one", &[FIRST, SECOND, OTHER, OWN], 92_400),
        ("a load, another's write and an own one with its echo", &[FIRST, OTHER, OWN_AND_ECHO], 1260),
        ("two loads, a reconnect and a write without a hint", &[FIRST, SECOND, RECONNECT, UNHEARD], 5040),
        ("two loads, a reconnect and another's write", &[FIRST, SECOND, RECONNECT, OTHER], 25_200),
    ] {
        let (orders, failures) = explore(tasks, Broken::Nothing);
        assert_eq!(orders, count, "{name}");
        assert!(failures.is_empty(), "{name}: {} orders fail, such as {}", failures.len(), failures[0]);
    }
}

#[test]
fn the_orders_find_a_broken_rule() {
    for (broken, tasks) in [(Broken::RegistersLate, &[FIRST, OTHER][..]), (Broken::InvalidatesOnce, &[FIRST, OWN][..])]
    {
        let (_, failures) = explore(tasks, broken);
        assert!(!failures.is_empty(), "{broken:?}");
        assert!(explore(tasks, Broken::Nothing).1.is_empty(), "{broken:?}");
    }
}

/// Loads, hints and writes of many threads at once.
#[test]
fn hits_never_go_back_while_threads_race() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let (near, store) = (Arc::new(Near::new(1 << 20)), Arc::new(AtomicU64::new(1)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (key, entry, since) = (key(1), entry("text"), reading().steady);
                let mut seen = 0;
                for _ in 0..20_000 {
                    let loading = near.load(&key);
                    let version = store.load(Ordering::SeqCst);
                    loading.keep(Version::new(version), &entry, since);
                    if let Some((version, ..)) = near.get(&key, NOW) {
                        assert!(version.number() >= seen, "{} after {seen}", version.number());
                        seen = version.number();
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20_000 {
                let written = store.fetch_add(1, Ordering::SeqCst) + 1;
                near.changed(&key(1));
                // The hint has been delivered, so no copy may be older.
                if let Some((version, ..)) = near.get(&key(1), NOW) {
                    assert!(version.number() >= written, "{} after the hint of {written}", version.number());
                }
            }
        });
    });
}
