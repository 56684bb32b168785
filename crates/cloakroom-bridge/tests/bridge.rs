//! What the bridges promise: vectors of the real frameworks, and requests that take turns.

mod bridge {
    #[cfg(all(feature = "beaker", feature = "records"))]
    mod beaker;
    mod browser;
    #[cfg(all(feature = "django", feature = "records"))]
    mod django;
    #[cfg(feature = "express")]
    mod express;
    #[cfg(feature = "flask")]
    mod flask;
    mod migration;
    #[cfg(feature = "plug")]
    mod plug;
    #[cfg(feature = "pyramid")]
    mod pyramid;
    #[cfg(feature = "rails")]
    mod rails;
    #[cfg(all(feature = "django", feature = "records"))]
    mod shared;
    #[cfg(all(feature = "records-redis", feature = "records-postgres", feature = "records-sqlite"))]
    mod stores;
    mod vectors;
}
