//! What the bridges promise: vectors of the real frameworks, and requests that take turns.

mod bridge {
    mod browser;
    #[cfg(feature = "express")]
    mod express;
    mod migration;
    #[cfg(feature = "plug")]
    mod plug;
    #[cfg(feature = "pyramid")]
    mod pyramid;
    #[cfg(feature = "rails")]
    mod rails;
    mod vectors;
}
