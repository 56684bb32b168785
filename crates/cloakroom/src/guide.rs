//! The guide, page by page; every block of code in it is compiled and run with the tests.

#[doc = include_str!("../../../docs/guide/factories.md")]
pub mod factories {}

#[doc = include_str!("../../../docs/guide/stores.md")]
pub mod stores {}

#[doc = include_str!("../../../docs/guide/axum.md")]
pub mod axum {}

#[doc = include_str!("../../../docs/guide/actix.md")]
pub mod actix {}

#[doc = include_str!("../../../docs/guide/pyramid.md")]
pub mod pyramid {}

#[doc = include_str!("../../../docs/guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../../../docs/guide/cli.md")]
pub mod cli {}

#[doc = include_str!("../../../docs/guide/csrf.md")]
pub mod csrf {}

#[doc = include_str!("../../../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../../../docs/guide/keys.md")]
pub mod keys {}

#[doc = include_str!("../../../docs/guide/proxies.md")]
pub mod proxies {}

#[doc = include_str!("../../../docs/guide/lifetimes.md")]
pub mod lifetimes {}

#[doc = include_str!("../../../docs/guide/from-peers.md")]
pub mod from_peers {}

#[doc = include_str!("../../../docs/guide/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("../../../docs/guide/security-model.md")]
pub mod security_model {}

#[doc = include_str!("../../../docs/guide/asvs.md")]
pub mod asvs {}

#[doc = include_str!("../../../docs/guide/own-store.md")]
pub mod own_store {}

#[doc = include_str!("../../../docs/guide/own-factory.md")]
pub mod own_factory {}

#[doc = include_str!("../../../docs/guide/observability.md")]
pub mod observability {}

#[doc = include_str!("../../../docs/guide/quick-start.md")]
pub mod quick_start {}

#[doc = include_str!("../../../docs/guide/concepts.md")]
pub mod concepts {}

#[cfg(feature = "bridge")]
#[doc = include_str!("../../../docs/guide/bridges.md")]
pub mod bridges {}

#[cfg(all(feature = "bridge-pyramid", feature = "bridge-pyramid-nacl"))]
#[doc = include_str!("../../../docs/guide/from-pyramid-shared.md")]
pub mod pyramid_shared {}

#[cfg(feature = "bridge-beaker")]
#[doc = include_str!("../../../docs/guide/beaker.md")]
pub mod beaker {}

#[cfg(feature = "bridge-flask")]
#[doc = include_str!("../../../docs/guide/flask.md")]
pub mod flask {}

#[cfg(all(feature = "bridge-django", feature = "bridge-postgres", feature = "bridge-sqlite"))]
#[doc = include_str!("../../../docs/guide/django.md")]
pub mod django {}

#[cfg(all(feature = "bridge-express", feature = "bridge-redis", feature = "bridge-postgres"))]
#[doc = include_str!("../../../docs/guide/express.md")]
pub mod express {}

#[cfg(feature = "bridge-rails")]
#[doc = include_str!("../../../docs/guide/rails.md")]
pub mod rails {}
