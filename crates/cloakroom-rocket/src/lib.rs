//! Sessions and CSRF protection in Rocket.
//!
//! | | |
//! |---|---|
//! | [`SessionFairing`] | gives each request a session, and commits it when the response is ready |
//! | [`Session`](cloakroom_session::Session) | is a request guard: it opens the session |
//! | [`CsrfFairing`] | checks the routes that it was given, and refuses to launch without the others having been thought of |
//!
//! The guard is there as soon as this crate is: with it comes the feature `rocket` of
//! `cloakroom-session`. Handlers name `cloakroom::Session` and return `cloakroom::Error` with `?`.
//! The token for a page's forms is a [`FormToken`](cloakroom_session::FormToken), a guard on routes
//! that are protected, or `session.masked_csrf_token()`.
//!
//! # What is different in Rocket
//! 1. A fairing can't stop a request, so it is the routes that are checked:
//!    [`CsrfFairing::protect`].
//! 2. Nobody can read a request's body and hand it on. Only its first 512 bytes can be looked at,
//!    so the token must stand there: make it the first field of each form, or send it in the
//!    header. A token that stands later is a refusal (413) that says so.
//! 3. A handler runs to its end even if the client goes away, and its session is committed.
//! 4. An error of the guard becomes the page of a catcher, without `Retry-After`.
//! 5. Tokens live in the session. A double-submit cookie isn't offered.
//!
//! # Security
//! At its log level `debug` Rocket prints the headers of requests and responses, and with them
//! session cookies. Don't use that level where the log is kept.
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
mod sessions;

pub use csrf::CsrfFairing;
pub use sessions::SessionFairing;
