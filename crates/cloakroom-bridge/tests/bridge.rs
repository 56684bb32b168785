//! What the bridges promise: vectors of the real frameworks, and requests that take turns.

mod bridge {
    mod browser;
    mod migration;
    #[cfg(feature = "pyramid")]
    mod pyramid;
    mod vectors;
}
