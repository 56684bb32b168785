//! Sessions and CSRF protection for poem.
//!
//! All decisions are made in `cloakroom-session`; this crate converts requests and responses.
//!
//! | module | content |
//! |---|---|
//! | `sessions` | the session middleware: its options, and the handling of a request |
//! | `csrf` | the same for the CSRF middleware |
//! | `body` | the body of a request whose token is checked |
//! | `answers` | the responses that a middleware makes itself |
//!
//! 1. **Order**: the middleware added last is the outermost. Add the CSRF middleware first and the
//!    session middleware last.
//! 2. **Errors become responses** at the middleware, because a session is committed for a response.
//!    Put a `catch_error` inside.
//! 3. For an unknown path, or a method that a route doesn't support, poem creates an error inside
//!    the middleware. Its response passes through it.
//!
//! This crate enables the feature `poem` of `cloakroom-session`, which has the extractors. Handlers
//! use `cloakroom::Session` and return `cloakroom::Error` with `?`. For the token of a form use
//! [`FormToken`] or `session.masked_csrf_token()`.
//!
//! # Examples
//! ```
//! use cloakroom_poem::{CsrfMiddleware, SessionMiddleware};
//! use cloakroom_session::{CookieSessions, CsrfRules, Error, Key, Session};
//! use poem::test::TestClient;
//! use poem::{EndpointExt, Route, get, handler};
//!
//! #[handler]
//! async fn visit(session: Session) -> Result<String, Error> {
//!     let visits = session.update("visits", |visits: &mut u32| { *visits += 1; *visits })?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let app = Route::new()
//!     .at("/", get(visit))
//!     .with(CsrfMiddleware::new(CsrfRules::default()))
//!     .with(SessionMiddleware::new(CookieSessions::encrypted(key).build()?));
//!
//! let response = TestClient::new(app).get("/").send().await;
//! response.assert_header_exist("set-cookie");
//! response.assert_text("visit 1").await;
//! # Ok(())
//! # }
//! ```

mod answers;
mod body;
mod csrf;
mod sessions;

pub use csrf::{CsrfEndpoint, CsrfMiddleware};
pub use sessions::{SessionEndpoint, SessionMiddleware};

#[doc(no_inline)]
pub use cloakroom_session::adapter::FormToken;
