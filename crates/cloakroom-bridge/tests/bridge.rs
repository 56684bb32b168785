//! What the bridges promise: vectors of the real frameworks, and requests that take turns.

mod bridge {
    #[cfg(feature = "beaker")]
    mod beaker;
    mod browser;
    #[cfg(feature = "django")]
    mod django;
    #[cfg(feature = "flask")]
    mod flask;
    mod migration;
    #[cfg(feature = "pyramid")]
    mod pyramid;
    #[cfg(feature = "django")]
    mod shared;
    mod vectors;
}
