//! HTTP sessions, flash messages and CSRF protection.
//!
//! Leave your things, keep the ticket. Handlers take a [`Session`] and read and write it like a
//! dictionary, without waiting; one factory, configured once, decides where sessions live: in a
//! signed cookie, in an encrypted one ([`CookieSessions`]), in a store (`StoredSessions`), or where
//! your own [`SessionFactory`] keeps them.
//!
//! ```toml
//! cloakroom = { version = "0.1", features = ["axum"] }
//! ```
//!
//! - [`Session`]: what handlers hold. [`SessionKey`]: typed names for what it holds. [`Message`]:
//!   flash messages with a level.
//! - [`CookieSessions`], [`Key`], [`Keyring`], [`Lifetimes`], [`CookieConfig`]: configuration.
//! - `SessionLayer`, `CsrfLayer` (feature `tower`), and the extractors in `axum` (feature `axum`).
//! - `actix` (feature `actix`): `SessionMiddleware`, `CsrfMiddleware`, and the extractors, for
//!   actix-web.
//! - `StoredSessions` and `connect` (feature `store`), which takes the URL of a store. Each store
//!   has a feature of its own: `sqlite`, `postgres`, `mysql`, `redis`, `redis-sentinel`,
//!   `redis-cluster`; `memory:` and `file:` need none. `tls` encrypts connections. `PackedStore`
//!   keeps records encrypted in any of them, and compressed (feature `compress`).
//! - `config::SessionConfig` (feature `config`): all of it from a file that serde reads, or from
//!   the environment.
//! - `conformance` and `factory_conformance` (feature `conformance`): the suites for tests of a
//!   store, and of a factory, of your own.
//! - [`guide`]: choosing a factory, a page for each framework, coming from Pyramid.
//!
//! # Security
//! What it promises, and what cookie sessions can't do, is written at [`CookieSessions`] and in
//! [`guide::factories`]. Options that weaken a default are called `danger_…`.

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "store")]
mod connect;
pub mod guide;
#[cfg(any(feature = "config", feature = "store"))]
mod nearest;

pub use cloakroom_session::*;

#[cfg(feature = "redis")]
pub use cloakroom_redis::RedisStore;
#[cfg(feature = "mysql")]
pub use cloakroom_sql::MysqlStore;
#[cfg(feature = "postgres")]
pub use cloakroom_sql::PostgresStore;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use cloakroom_sql::TableName;
#[cfg(feature = "sqlite")]
pub use cloakroom_sql::{SqliteConfig, SqliteStore, Synchronous};
#[cfg(feature = "store")]
pub use cloakroom_store::*;
#[cfg(feature = "tower")]
pub use cloakroom_tower::{
    CsrfFuture, CsrfLayer, CsrfService, ReplayBody, ResponseBody, SessionFuture, SessionLayer, SessionService,
    open_session,
};

#[cfg(feature = "store")]
pub use connect::{ConnectError, Packing, StoreIdentity, connect, connect_packed};

/// Middleware and extractors for actix-web.
#[cfg(feature = "actix")]
pub mod actix {
    pub use cloakroom_actix::{
        CheckedForm, CheckedFormRejection, CsrfFuture, CsrfMiddleware, CsrfService, FormToken, SessionFuture,
        SessionMiddleware, SessionService,
    };
}

/// Sessions shared with applications in other frameworks, and migrations.
#[cfg(feature = "bridge")]
pub mod bridge {
    pub use cloakroom_bridge::*;
}

/// Extractors for axum.
#[cfg(feature = "axum")]
pub mod axum {
    pub use cloakroom_tower::axum::{CheckedForm, CheckedFormRejection, FormToken};
}

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
