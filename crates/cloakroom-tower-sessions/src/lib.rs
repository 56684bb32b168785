//! Code written against tower-sessions, on Cloakroom's sessions.
//!
//! A layer inside Cloakroom's `SessionLayer` gives each request a `tower_sessions::Session` whose
//! store is the Cloakroom session of this request. Handlers, extractors and crates such as
//! axum-login 0.18 and axum-messages 0.8 run unchanged. Concurrent requests don't overwrite each
//! other's changes, a sign-out is final, and the browser has one cookie. The guide's page
//! "tower-sessions in ten minutes" (`tower-sessions.md`) moves an application step by step.
//!
//! | module | for | used by |
//! |---|---|---|
#![cfg_attr(feature = "v0-14", doc = "| [`v0_14`] | tower-sessions 0.14 | axum-login 0.18, axum-messages 0.8 |")]
#![cfg_attr(feature = "v0-15", doc = "| [`v0_15`] | tower-sessions 0.15 | applications |")]
//!
//! Both modules have the same types. An application may use both: the two versions of `Session`
//! are different types, and both save to the same Cloakroom session.
//!
//! # Calls
//! Nothing is stored before the response is ready, except by `save`:
//!
//! | tower-sessions | Cloakroom |
//! |---|---|
//! | the first `get`, `insert` or `remove` | opens the session: one load. A request that doesn't touch its session costs no store call |
//! | `insert`, `remove`, `clear`, at the end of the request | `insert` and `remove` for each key that differs from the loaded ones, merged with concurrent requests |
//! | `save().await` | the same at once, then [`commit_now`](cloakroom_session::Session::commit_now) |
//! | `load().await` | [`refresh`](cloakroom_session::Session::refresh) |
//! | `cycle_id().await` | [`cycle_id`](cloakroom_session::Session::cycle_id) |
//! | `flush().await`, `delete().await` | [`invalidate`](cloakroom_session::Session::invalidate) |
//! | `id()` | half of the session's store key. It is the same in all requests until the id is cycled, and opens nothing |
//! | `set_expiry(…)` | see below |
//!
//! # Expiry
//! The timeouts are those of the factory ([`Lifetimes`](cloakroom_session::Lifetimes)).
//! `set_expiry` overrides them for one session, and later requests keep the setting.
//! (tower-sessions itself forgets it at the next write.)
//!
//! | `set_expiry(Some(…))` | idle timeout | absolute timeout | cookie |
//! |---|---|---|---|
//! | `OnInactivity(span)` | `span` | none | persistent |
//! | `AtDateTime(time)` | none | `time`; the session ends if it has passed | persistent until then |
//! | `OnSessionEnd` | the factory's | the factory's | ends with the browser session |
//!
//! `None` is the default and changes nothing. `expiry`, `expiry_date` and `expiry_age` return only
//! values that this request has set; the real deadline is
//! [`expires_at`](cloakroom_session::Session::expires_at) of the Cloakroom session.
//!
//! # Deployment
//! 1. **Order**: `SessionLayer` is the outermost, then this layer, then axum-login, axum-messages
//!    and others that use the session. In axum the layer added last is the outermost.
//! 2. **Remove `SessionManagerLayer`.** If it is outside this layer, a warning in the trace says
//!    so. Inside this layer it hides the session of this layer, and keeps its own.
//! 3. **axum-login**: `AuthManagerLayerBuilder` adds a `SessionManagerLayer`. Use its `AuthManager`
//!    directly, as in the example.
//! 4. **Error responses**: tower-sessions doesn't save with a status of 500 and above. Here the
//!    commit policy of `SessionLayer` decides, and its default is to commit. Set
//!    `CommitPolicy::NotOnServerError` for the behaviour of tower-sessions.
//!
//! # Examples
//! An application of axum-login:
#![cfg_attr(feature = "v0-14", doc = "```")]
#![cfg_attr(not(feature = "v0-14"), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::{get, post}};
//! use axum_login::{AuthManager, AuthSession, AuthUser, AuthnBackend, UserId};
//! use cloakroom::{MemoryStore, SessionLayer, StoredSessions};
//! use cloakroom_tower_sessions::v0_14::TowerSessionsLayer;
//!
//! #[derive(Clone, Debug)]
//! struct User(u32);
//!
//! impl AuthUser for User {
//!     type Id = u32;
//!     fn id(&self) -> u32 { self.0 }
//!     fn session_auth_hash(&self) -> &[u8] { b"a hash of the password" }
//! }
//!
//! #[derive(Clone, Debug)]
//! struct Backend;
//!
//! impl AuthnBackend for Backend {
//!     type User = User;
//!     type Credentials = String;
//!     type Error = std::convert::Infallible;
//!
//!     async fn authenticate(&self, password: String) -> Result<Option<User>, Self::Error> {
//!         Ok((password == "hunter42").then_some(User(1)))
//!     }
//!     async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, Self::Error> {
//!         Ok(Some(User(*id)))
//!     }
//! }
//!
//! async fn sign_in(mut auth: AuthSession<Backend>, password: String) -> Result<(), StatusCode> {
//!     let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
//!     let user = auth.authenticate(password).await.map_err(failed)?.ok_or(StatusCode::UNAUTHORIZED)?;
//!     auth.login(&user).await.map_err(failed)
//! }
//!
//! async fn account(auth: AuthSession<Backend>) -> String {
//!     auth.user.map_or("nobody".to_owned(), |user| format!("user {}", user.0))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = tower_layer::layer_fn(|inner| AuthManager::new(inner, Backend, "axum-login.data"));
//! let app: Router = Router::new()
//!     .route("/sign-in", post(sign_in))
//!     .route("/", get(account))
//!     .layer(auth)
//!     .layer(TowerSessionsLayer::new())
//!     .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?));
//!
//! # use axum::{body::Body, http::{Request, header::{COOKIE, SET_COOKIE}}};
//! # use http_body_util::BodyExt;
//! # use tower::ServiceExt;
//! let response = app.clone().oneshot(Request::post("/sign-in").body(Body::from("hunter42"))?).await?;
//! let cookie = response.headers()[SET_COOKIE].to_str()?.split(';').next().unwrap_or_default().to_owned();
//! let page = Request::get("/").header(COOKIE, cookie).body(Body::empty())?;
//! let response = app.oneshot(page).await?;
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "user 1");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    not(any(feature = "v0-14", feature = "v0-15")),
    allow(dead_code, unused_imports, unused_macros, reason = "they are for a version")
)]

mod deletion;
mod difference;
mod expiry;
mod failure;
mod foreign;
mod head;
mod public_id;
mod request;
mod service;
mod version;

/// The layer for tower-sessions 0.14, which axum-login 0.18 and axum-messages 0.8 use.
#[cfg(feature = "v0-14")]
pub mod v0_14 {
    crate::version::tower_sessions!(tower_sessions_core_0_14, "0.14", "# // tower-sessions 0.14", "v0_14");
}

/// The code of the guide's page, which needs this crate.
#[cfg(all(doctest, feature = "v0-14"))]
#[doc = include_str!("../../../docs/guide/tower-sessions.md")]
mod guide {}

/// The layer for tower-sessions 0.15.
#[cfg(feature = "v0-15")]
pub mod v0_15 {
    crate::version::tower_sessions!(
        tower_sessions_core_0_15,
        "0.15",
        "# use tower_sessions_0_15 as tower_sessions;",
        "v0_15"
    );
}
