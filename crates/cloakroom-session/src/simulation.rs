//! Random bytes that can be repeated, for the simulation of a fleet.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Takes all random bytes of this thread from a generator with this seed, until it is dropped.
///
/// # Security
/// These bytes can be predicted, and so can all ids and tokens. Never use it in an application.
#[derive(Debug)]
pub struct DangerSeeded(());

impl DangerSeeded {
    /// Begins with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        STATE.set(Some(seed));
        Self(())
    }
}

impl Drop for DangerSeeded {
    fn drop(&mut self) {
        STATE.set(None);
    }
}

/// Fills the buffer if this thread has a seed.
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    let Some(mut state) = STATE.get() else { return false };
    for chunk in bytes.chunks_mut(8) {
        // SplitMix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        for (byte, random) in chunk.iter_mut().zip(mixed.to_le_bytes()) {
            *byte = random;
        }
    }
    STATE.set(Some(state));
    true
}

#[cfg(test)]
mod tests {
    use super::DangerSeeded;
    use crate::clock::random;

    #[test]
    fn a_seed_gives_the_same_bytes_until_it_is_dropped() {
        let draw = || random::<32>().unwrap();
        let seeded = DangerSeeded::new(7);
        let first = [draw(), draw()];
        drop(seeded);
        assert_ne!(first[0], first[1]);
        let seeded = DangerSeeded::new(7);
        assert_eq!([draw(), draw()], first);
        drop(seeded);
        let seeded = DangerSeeded::new(7);
        drop(seeded);
        assert!(!first.contains(&draw()), "the system's bytes again");
    }
}
