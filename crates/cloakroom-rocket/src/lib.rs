//! Sessions and CSRF protection in Rocket.
//!
//! | item | purpose |
//! |---|---|
//! | [`SessionFairing`] | gives each request a session, and commits it when the response is ready |
//! | [`Session`](cloakroom_session::Session) | request guard that opens the session |
//! | [`CsrfFairing`] | checks routes, and prevents a launch with routes that are neither checked nor exempt |
//!
//! This crate enables the feature `rocket` of `cloakroom-session`, which has the guard. Handlers
//! use
//! `cloakroom::Session` and return `cloakroom::Error` with `?`. For the token of a form use
//! [`FormToken`], which is a guard on protected routes, or
//! `session.masked_csrf_token()`.
//!
//! # Differences in Rocket
//! 1. A fairing can't stop a request, so the check belongs to the routes:
//!    [`CsrfFairing::protect`].
//! 2. A request body can't be read and passed on. Only its first 512 bytes are visible, so the
//!    token must be within them: make it the first field of each form, or send it in the header. A
//!    form with a later token is refused with 413, and the response gives this reason.
//! 3. A handler runs to its end even if the client disconnects, and its session is committed.
//! 4. An error of the guard becomes the page of a catcher, without `Retry-After`.
//! 5. Tokens are kept in the session. Double-submit cookies are not available.
//!
//! # Security
//! At its log level `debug` Rocket prints the headers of requests and responses, including session
//! cookies. Don't use that level if the log is stored.
//!
//! # Examples
//! ```
//! use cloakroom_rocket::{CsrfFairing, SessionFairing};
//! use cloakroom_session::{CookieSessions, CsrfRules, Error, Key, Session};
//! use rocket::http::Status;
//! use rocket::{get, post, routes};
//!
//! #[get("/")]
//! fn show(session: Session) -> Result<String, Error> {
//!     Ok(format!("{} in your cart", session.get::<u32>("cart")?.unwrap_or_default()))
//! }
//!
//! #[post("/add")]
//! fn add(session: Session) -> Result<(), Error> {
//!     session.update("cart", |count: &mut u32| *count += 1)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let csrf = CsrfFairing::new(CsrfRules::default());
//! let app = rocket::build()
//!     .attach(SessionFairing::new(CookieSessions::encrypted(key).build()?))
//!     .mount("/", csrf.protect(routes![show, add]))
//!     .attach(csrf);
//!
//! # let app = app.configure(rocket::Config { log_level: rocket::log::LogLevel::Off, ..rocket::Config::debug_default() });
//! let client = rocket::local::blocking::Client::untracked(app).map_err(|error| error.to_string())?;
//! assert_eq!(client.get("/").dispatch().status(), Status::Ok);
//! assert_eq!(client.post("/add").dispatch().status(), Status::Forbidden);
//! # Ok(())
//! # }
//! ```

mod check;
mod csrf;
mod devices;
mod sessions;

pub use csrf::CsrfFairing;
pub use sessions::SessionFairing;

#[doc(no_inline)]
pub use cloakroom_session::adapter::FormToken;
