//! The guide: setup, sessions, stores, frameworks, production and migration, topic by topic.
//!
//! Start with [`quick_start`], or look for a topic in [`introduction`]. The code of all pages is
//! compiled and run with the tests. The folder `docs/guide` of the repository has the same pages as
//! a book, and the results of the benchmarks.

// `links.html` is left out of tests, which otherwise report its name instead of the page's.

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/introduction.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod introduction {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/quick-start.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod quick_start {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/concepts.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod concepts {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/sessions.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod sessions {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/flash.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod flash {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/lifetimes.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod lifetimes {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/signing-in.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod signing_in {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/csrf.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod csrf {}

#[cfg(not(doctest))] // tested in the folder `examples`
#[doc = include_str!("../guide/streams.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod streams {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "store")))]
#[doc = include_str!("../guide/header-sessions.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod header_sessions {}

#[doc = include_str!("../guide/configuration.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod configuration {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "actix", feature = "conformance")))]
#[doc = include_str!("../guide/testing.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod testing {}

#[doc = include_str!("../guide/factories.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod factories {}

#[doc = include_str!("../guide/cookie-sessions.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod cookie_sessions {}

#[doc = include_str!("../guide/stores.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod stores {}

#[doc = include_str!("../guide/memory-and-files.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod memory_and_files {}

#[doc = include_str!("../guide/sql.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod sql {}

#[doc = include_str!("../guide/redis.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod redis {}

#[doc = include_str!("../guide/dynamodb.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod dynamodb {}

#[doc = include_str!("../guide/lambda.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod lambda {}

#[doc = include_str!("../guide/pools.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod pools {}

#[doc = include_str!("../guide/revoking.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod revoking {}

#[doc = include_str!("../guide/outages.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod outages {}

#[doc = include_str!("../guide/encryption.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod encryption {}

#[doc = include_str!("../guide/near-cache.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod near_cache {}

#[doc = include_str!("../guide/shards.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod shards {}

#[doc = include_str!("../guide/axum.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod axum {}

#[doc = include_str!("../guide/actix.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod actix {}

#[cfg(not(doctest))] // tested in the folder `examples`
#[doc = include_str!("../guide/poem.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod poem {}

#[cfg(not(doctest))] // tested in the folder `examples`
#[doc = include_str!("../guide/salvo.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod salvo {}

#[cfg(not(doctest))] // tested in the folder `examples`
#[doc = include_str!("../guide/rocket.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod rocket {}

#[cfg(not(doctest))] // tested in the folder `examples`
#[doc = include_str!("../guide/warp.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod warp {}

#[cfg(any(not(doctest), feature = "axum"))]
#[doc = include_str!("../guide/templates.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod templates {}

#[cfg(any(not(doctest), feature = "axum"))]
#[doc = include_str!("../guide/htmx.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod htmx {}

#[doc = include_str!("../guide/graphql-openapi.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod graphql_openapi {}

#[doc = include_str!("../guide/other-crates.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod other_crates {}

#[cfg(any(not(doctest), feature = "axum"))]
#[doc = include_str!("../guide/single-page.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod single_page {}

#[cfg(any(not(doctest), feature = "axum"))]
#[doc = include_str!("../guide/openid.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod openid {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "store")))]
#[doc = include_str!("../guide/passkeys.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod passkeys {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/keys.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod keys {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/proxies.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod proxies {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/observability.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod observability {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/capacity.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod capacity {}

#[doc = include_str!("../guide/cli.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod cli {}

#[doc = include_str!("../guide/troubleshooting.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod troubleshooting {}

#[doc = include_str!("../guide/security-model.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod security_model {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "dbsc")))]
#[doc = include_str!("../guide/device-binding.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod device_binding {}

#[doc = include_str!("../guide/asvs.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod asvs {}

#[doc = include_str!("../guide/pyramid.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod pyramid {}

#[cfg(any(
    not(doctest),
    all(feature = "axum", feature = "actix", feature = "conformance", feature = "redis", feature = "sqlite")
))]
#[doc = include_str!("../guide/from-peers.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod from_peers {}

#[cfg(not(doctest))] // tested in the crate `cloakroom-tower-sessions`
#[doc = include_str!("../guide/tower-sessions.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod tower_sessions {}

#[cfg(feature = "bridge")]
#[doc = include_str!("../guide/bridges.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod bridges {}

#[doc = include_str!("../guide/pyramid-tests.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod pyramid_tests {}

#[cfg(all(feature = "bridge-pyramid", feature = "bridge-pyramid-nacl"))]
#[doc = include_str!("../guide/from-pyramid-shared.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod from_pyramid_shared {}

#[cfg(feature = "bridge-beaker")]
#[doc = include_str!("../guide/beaker.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod beaker {}

#[cfg(all(feature = "bridge-flask-session", feature = "bridge-redis"))]
#[doc = include_str!("../guide/flask.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod flask {}

#[cfg(all(feature = "bridge-django", feature = "bridge-postgres", feature = "bridge-sqlite"))]
#[doc = include_str!("../guide/django.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod django {}

#[cfg(all(feature = "bridge-express", feature = "bridge-redis", feature = "bridge-postgres"))]
#[doc = include_str!("../guide/express.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod express {}

#[cfg(feature = "bridge-rails")]
#[doc = include_str!("../guide/rails.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod rails {}

#[cfg(feature = "bridge-starlette")]
#[doc = include_str!("../guide/starlette.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod starlette {}

#[cfg(feature = "bridge-plug")]
#[doc = include_str!("../guide/plug.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod plug {}

#[cfg(all(feature = "bridge-tower-sessions", feature = "bridge-sqlite"))]
#[doc = include_str!("../guide/bridge-tower-sessions.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod bridge_tower_sessions {}

#[cfg(all(feature = "bridge-actix-session", feature = "bridge-redis"))]
#[doc = include_str!("../guide/actix-session.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod actix_session {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/own-store.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod own_store {}

#[cfg(any(not(doctest), all(feature = "axum", feature = "conformance")))]
#[doc = include_str!("../guide/own-factory.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod own_factory {}

#[cfg(any(not(doctest), feature = "axum"))]
#[doc = include_str!("../guide/own-adapter.md")]
#[cfg_attr(not(doctest), doc = include_str!("guide/links.html"))]
pub mod own_adapter {}
