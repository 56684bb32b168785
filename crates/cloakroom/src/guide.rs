//! The guide. Every code block in it is compiled and run with the tests.
//!
//! These pages cover factories, stores, frameworks and tools. CSRF, keys, lifetimes, proxies,
//! testing, ASVS and other topics are in the book, in the folder `docs/guide` of the repository.
//! Its pages link to each other, which is not possible here.

#[doc = include_str!("../guide/factories.md")]
pub mod factories {}

#[doc = include_str!("../guide/stores.md")]
pub mod stores {}

#[doc = include_str!("../guide/axum.md")]
pub mod axum {}

#[doc = include_str!("../guide/actix.md")]
pub mod actix {}

#[doc = include_str!("../guide/pyramid.md")]
pub mod pyramid {}

#[doc = include_str!("../guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../guide/cli.md")]
pub mod cli {}

#[cfg(feature = "bridge")]
#[doc = include_str!("../guide/bridges.md")]
pub mod bridges {}

#[cfg(all(feature = "bridge-pyramid", feature = "bridge-pyramid-nacl"))]
#[doc = include_str!("../guide/from-pyramid-shared.md")]
pub mod pyramid_shared {}

#[cfg(feature = "bridge-beaker")]
#[doc = include_str!("../guide/beaker.md")]
pub mod beaker {}

#[cfg(feature = "bridge-flask")]
#[doc = include_str!("../guide/flask.md")]
pub mod flask {}

#[cfg(all(feature = "bridge-django", feature = "bridge-postgres", feature = "bridge-sqlite"))]
#[doc = include_str!("../guide/django.md")]
pub mod django {}

#[cfg(all(feature = "bridge-express", feature = "bridge-redis", feature = "bridge-postgres"))]
#[doc = include_str!("../guide/express.md")]
pub mod express {}

#[cfg(feature = "bridge-rails")]
#[doc = include_str!("../guide/rails.md")]
pub mod rails {}

#[cfg(feature = "bridge-plug")]
#[doc = include_str!("../guide/plug.md")]
pub mod plug {}

/// Pages of the book that are compiled and run, but not shown here, because their links to each
/// other don't work in this documentation.
#[cfg(all(doctest, feature = "axum", feature = "conformance"))]
mod book {
    #[doc = include_str!("../guide/quick-start.md")]
    mod quick_start {}

    #[doc = include_str!("../guide/concepts.md")]
    mod concepts {}

    #[doc = include_str!("../guide/sessions.md")]
    mod sessions {}

    #[doc = include_str!("../guide/flash.md")]
    mod flash {}

    #[doc = include_str!("../guide/signing-in.md")]
    mod signing_in {}

    #[doc = include_str!("../guide/csrf.md")]
    mod csrf {}

    #[doc = include_str!("../guide/lifetimes.md")]
    mod lifetimes {}

    #[doc = include_str!("../guide/keys.md")]
    mod keys {}

    #[doc = include_str!("../guide/proxies.md")]
    mod proxies {}

    #[doc = include_str!("../guide/testing.md")]
    mod testing {}

    #[doc = include_str!("../guide/observability.md")]
    mod observability {}

    #[doc = include_str!("../guide/capacity.md")]
    mod capacity {}

    #[doc = include_str!("../guide/own-store.md")]
    mod own_store {}

    #[doc = include_str!("../guide/own-factory.md")]
    mod own_factory {}

    #[doc = include_str!("../guide/own-adapter.md")]
    mod own_adapter {}

    #[doc = include_str!("../guide/from-peers.md")]
    mod from_peers {}
}
