//! HTTP sessions, flash messages and CSRF protection.
//!
//! Handlers take a [`Session`] and use it like a map: reads and writes are synchronous. A factory,
//! configured once, decides where sessions are kept: in a signed or encrypted cookie
//! ([`CookieSessions`]), in a store ([`StoredSessions`]), or in a place that your own
//! [`SessionFactory`](factory::SessionFactory) defines.
//!
//! No version has been published yet. The [quick start](guide::quick_start) shows how to depend on
//! a checkout.
//!
//! # Example
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, response::{Html, Redirect}, routing::get};
//! use cloakroom::for_axum::{CheckedForm, FormToken};
//! use cloakroom::{CookieSessions, CsrfLayer, CsrfRules, Error, Key, Session, SessionKey,
//! SessionLayer};
//!
//! const CART: SessionKey<Vec<String>> = SessionKey::new("cart");
//!
//! #[derive(serde::Deserialize)]
//! struct Add { item: String }
//!
//! async fn show(session: Session, token: FormToken) -> Result<Html<String>, Error> {
//!     let count = session.get(CART)?.unwrap_or_default().len();
//!     let messages = session.pop_flash::<String>().join(" ");
//!     let token = token.input();
//!     Ok(Html(format!("<p>{messages} {count} in your cart.</p><form method=post>{token}<input
//!     name=item></form>")))
//! }
//!
//! async fn add(session: Session, CheckedForm(form): CheckedForm<Add>) -> Result<Redirect, Error> {
//!     session.update(CART, move |cart| cart.push(form.item.clone()))?;
//!     session.flash("Added.");
//!     Ok(Redirect::to("/"))
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::from_base64(&std::env::var("SESSION_KEY")?)?;
//! let app: Router = Router::new()
//!     .route("/", get(show).post(add))
//!     .layer(CsrfLayer::new(CsrfRules::default()))
//!     .layer(SessionLayer::new(CookieSessions::encrypted(key).build()?));
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to go
//! - [`guide::quick_start`] builds a program in ten minutes. [`guide::introduction`] lists all
//!   topics. [`guide::factories`] and [`guide::stores`] help to choose.
//! - [`Session`] is the handle for handlers, [`NamedSession`] that of one of several layers, [`SessionKey`] a typed key, and [`Message`] a flash
//!   message with a level.
//! - [`CookieSessions`], [`Key`], [`Keyring`], [`Lifetimes`] and [`CookieConfig`] configure
//!   sessions.
//!
//! The root has the names that applications use. Each module is for one task:
//! - `for_axum`, `for_actix`, `for_poem`, `for_salvo` and `for_rocket` are for applications in that
//!   framework
//! - `for_tower` is for applications in another framework over `http`
//! - `config` reads the configuration of sessions from a file or the environment
//! - `bridge` has sessions shared with an application in another language
//! - [`meter`] describes the metrics
//! - [`factory`], `store` and [`adapter`] are for authors of a session factory, of a store,
//!   or of an adapter for a framework
//!
//! # Features
//! None is enabled by default. All of them need Rust 1.89, except where another version is named.
//!
//! Frameworks:
//! - `axum`: `tower`, and the extractors `Session`, `FormToken` and `CheckedForm`; errors are
//!   responses
//! - `aide`: `axum`, and the documentation of the extractors and of `Error` for aide 0.15
//! - `actix`: `SessionMiddleware`, `CsrfMiddleware` and the extractors for actix-web; errors are
//!   responses
//! - `poem`: `SessionMiddleware`, `CsrfMiddleware`, and the extractors `Session` and `FormToken` for
//!   poem
//! - `salvo`: `SessionHoop`, `CsrfHoop`, and the extractors `Session` and `FormToken` for salvo; needs
//!   Rust 1.95
//! - `rocket`: `SessionFairing`, `CsrfFairing`, and the request guards `Session` and `FormToken`
//! - `tower`: `SessionLayer` and `CsrfLayer`, for any tower service over `http`
//!
//! Stores:
//! - `store`: `StoredSessions`, `MemoryStore`, `FileStore`, `PackedStore` (encrypts records),
//!   `Sessions`, `Sweeper` and `connect`
//! - `sqlite`, `postgres`, `mysql`: `SqliteStore`, `PostgresStore`, `MysqlStore` (also for MariaDB)
//! - `sqlx-sqlite`, `sqlx-postgres`, `sqlx-mysql`: the same stores on the application's pool of sqlx
//!   0.9, without another driver; these need Rust 1.94
//! - `sqlx08-sqlite`, `sqlx08-postgres`, `sqlx08-mysql`: the same on a pool of sqlx 0.8
//! - `redis`, `redis-sentinel`, `redis-cluster`: `RedisStore`, for Redis and Valkey
//! - `dynamodb`: `DynamoDbStore`, for Amazon DynamoDB
//! - `tls`: encrypted connections to the stores
//! - `compress`: `PackedStore::compress`
//!
//! Bridges:
//! - `bridge`: `bridge::Migration`, which moves sessions from one factory to another
//! - `bridge-pyramid`, `bridge-pyramid-nacl`, `bridge-beaker`, `bridge-flask`,
//!   `bridge-flask-session`, `bridge-django`,
//!   `bridge-express`, `bridge-rails`, `bridge-plug`, `bridge-starlette`,
//!   `bridge-tower-sessions`, `bridge-actix-session`: sessions shared with an application in that
//!   framework
//! - `bridge-redis`, `bridge-postgres`, `bridge-mysql`, `bridge-sqlite`: the stores in which these
//!   frameworks keep records
//!
//! Others:
//! - `config`: `config::SessionConfig`, all options from a file that serde reads, or from the
//!   environment
//! - `dbsc`: [`DeviceBinding`], sessions that need a key of the browser's device
//! - `metrics`: counts and latencies for the `metrics` facade
//! - `conformance`: test suites for your own stores and factories, `store::conformance` and
//!   `factory::conformance`
//!
//! # Security
//! [`guide::security_model`] lists the guarantees, and [`guide::factories`] the limits of sessions in
//! cookies. Options that weaken a default are named `danger_…`.
#![cfg_attr(not(feature = "store"), doc = "[`StoredSessions`]: guide::stores")]
#![cfg_attr(not(feature = "dbsc"), doc = "[`DeviceBinding`]: guide::security_model")]

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "store")]
mod connect;
pub mod guide;
#[cfg(any(feature = "config", feature = "store"))]
mod nearest;

// An application sees these names. `tests/root.rs` counts them: a name that only authors of
// factories, stores or adapters need belongs in one of the modules below.
pub use cloakroom_session::{
    Clock, CommitPolicy, ConfigError, ConflictPolicy, CookieConfig, CookieSessions, CookieSessionsBuilder, CsrfGuard,
    CsrfRules, CsrfRulesBuilder, CsrfToken, Engine, Error, FlashQueue, IntoKey, Key, Keyring, Level, Lifetimes,
    ManualClock, Message, NamedSession, NotLocal, RefMut, Refusal, ReturnPath, SameSite, Session, SessionHeader,
    SessionKey, SystemClock, Timestamp, TokenPolicy, meter,
};

#[cfg(feature = "dbsc")]
pub use cloakroom_session::{DeviceBinding, DeviceProof};

#[cfg(feature = "dynamodb")]
pub use cloakroom_dynamodb::DynamoDbStore;
#[cfg(feature = "redis")]
pub use cloakroom_redis::RedisStore;
#[cfg(any(feature = "mysql", feature = "sqlx-mysql", feature = "sqlx08-mysql"))]
pub use cloakroom_sql::MysqlStore;
#[cfg(any(feature = "postgres", feature = "sqlx-postgres", feature = "sqlx08-postgres"))]
pub use cloakroom_sql::PostgresStore;
#[cfg(any(feature = "sqlite", feature = "sqlx-sqlite", feature = "sqlx08-sqlite"))]
pub use cloakroom_sql::SqliteStore;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
pub use cloakroom_sql::TableName;
#[cfg(feature = "sqlite")]
pub use cloakroom_sql::{SqliteConfig, Synchronous};
#[cfg(feature = "store")]
pub use cloakroom_store::{
    AnyStore, AtLimit, Durability, FileStore, MemoryStore, PackedStore, SessionInfo, Sessions, StoredSessions,
    StoredSessionsBuilder, Sweeper,
};
#[cfg(feature = "tower")]
pub use cloakroom_tower::{CsrfLayer, SessionLayer};
#[cfg(feature = "store")]
pub use connect::{ConnectError, Packing, connect, connect_packed};

/// For authors of session factories: the trait, sessions, records and seals.
///
/// Applications need it only to write a factory instead of using [`CookieSessions`] or
/// `StoredSessions`, or to read records. The page "Writing a factory" of the book
/// (`docs/guide/own-factory.md`) explains the contract.
pub mod factory {
    pub use cloakroom_session::factory::*;
}

/// For authors of stores: the trait, entries, pages and errors.
///
/// Applications need it only to write a store, or to name a type in a signature of `Sessions` or
/// `Sweeper`. The page "Writing a store" of the book (`docs/guide/own-store.md`) has a complete
/// one.
#[cfg(feature = "store")]
pub mod store {
    pub use crate::connect::StoreIdentity;
    #[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
    pub use cloakroom_sql::SqlxPool;
    pub use cloakroom_store::store::*;
    pub use cloakroom_store::{CachedStore, ShardedStore};
}

/// For authors of adapters: the slots of a request, and its head, body and response.
///
/// Applications need it only with a web framework that has no module here. The page "Writing an
/// adapter" of the book (`docs/guide/own-adapter.md`) has a complete adapter and its extractor.
pub mod adapter {
    pub use cloakroom_session::adapter::*;
}

// The names of these modules differ from those of the crates: `use cloakroom::*` next to `axum::`
// would be ambiguous.

/// For any tower service over `http`: access to the session, and the services behind the layers.
///
/// [`SessionLayer`] and [`CsrfLayer`] are in the root of the crate.
#[cfg(feature = "tower")]
pub mod for_tower {
    pub use cloakroom_tower::{
        CsrfFuture, CsrfService, ReplayBody, ResponseBody, SessionFuture, SessionService, open_session,
    };
}

/// Extractors for axum.
#[cfg(feature = "axum")]
pub mod for_axum {
    pub use cloakroom_tower::axum::{CheckedForm, CheckedFormRejection, FormToken};
}

/// Middleware and extractors for actix-web.
#[cfg(feature = "actix")]
pub mod for_actix {
    pub use cloakroom_actix::{
        CheckedForm, CheckedFormRejection, CsrfFuture, CsrfMiddleware, CsrfService, FormToken, SessionFuture,
        SessionMiddleware, SessionService,
    };
}

/// Middleware and extractors for poem.
#[cfg(feature = "poem")]
pub mod for_poem {
    pub use cloakroom_poem::{CsrfEndpoint, CsrfMiddleware, FormToken, SessionEndpoint, SessionMiddleware};
}

/// Fairings and request guards for Rocket.
#[cfg(feature = "rocket")]
pub mod for_rocket {
    pub use cloakroom_rocket::{CsrfFairing, FormToken, SessionFairing};
}

/// Hoops and extractors for salvo.
#[cfg(feature = "salvo")]
pub mod for_salvo {
    pub use cloakroom_salvo::{CsrfHoop, FormToken, SessionHoop, SessionRequestExt};
}

/// Sessions shared with applications in other frameworks, and migrations.
#[cfg(feature = "bridge")]
pub mod bridge {
    pub use cloakroom_bridge::*;
}

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "axum", feature = "actix", feature = "store"))]
#[doc = include_str!("../COMPARE.md")]
struct Compare;
