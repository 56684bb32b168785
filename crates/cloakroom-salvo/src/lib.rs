//! Sessions and CSRF protection for salvo.
//!
//! All decisions are made in `cloakroom-session`; this crate converts requests and responses.
//!
//! | module | content |
//! |---|---|
//! | `sessions` | the session hoop: its options, and the handling of a request |
//! | `csrf` | the same for the CSRF hoop |
//! | `request` | access to the session in hoops |
//! | `body` | the body of a request whose token is checked |
//! | `answers` | the responses that a hoop makes itself |
//!
//! 1. **Order**: the hoop added first is the outermost. Add the session hoop first, then the CSRF
//!    hoop.
//! 2. **Unknown paths**: the hoops of a `Router` run only if one of its routes matches. Those of a
//!    `Service` run for every request.
//! 3. **Error pages**: salvo writes the page of a `StatusError` after all hoops. The session is
//!    committed before, with the status of the error.
//!
//! This crate enables the feature `salvo` of `cloakroom-session`, which has the extractors.
//! Functions with `#[handler]` take a `cloakroom::Session` and return `cloakroom::Error` with `?`.
//! Hoops use [`SessionRequestExt`]. For the token of a form use [`FormToken`] or
//! `session.masked_csrf_token()`.
//!
//! # Examples
//! ```
//! use cloakroom_salvo::{CsrfHoop, SessionHoop};
//! use cloakroom_session::{CookieSessions, CsrfRules, Error, Key, Session};
//! use salvo::prelude::*;
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
//! let app = Router::new()
//!     .hoop(SessionHoop::new(CookieSessions::encrypted(key).build()?))
//!     .hoop(CsrfHoop::new(CsrfRules::default()))
//!     .get(visit);
//! # let _ = app;
//! # Ok(())
//! # }
//! ```

mod answers;
mod body;
mod csrf;
mod request;
mod sessions;

pub use csrf::CsrfHoop;
pub use request::SessionRequestExt;
pub use sessions::SessionHoop;

#[doc(no_inline)]
pub use cloakroom_session::adapter::FormToken;
