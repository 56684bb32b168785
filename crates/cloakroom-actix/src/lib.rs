//! Sessions and CSRF protection as actix-web middleware.
//!
//! Handlers take a [`Session`](cloakroom_session::Session), a [`FormToken`] or a [`CheckedForm`] as
//! an argument, and return the session's [`Error`](cloakroom_session::Error) with `?`. All
//! decisions are made in `cloakroom-session`, as for every adapter; this crate converts requests
//! and responses.
//!
//! | module | content |
//! |---|---|
//! | `middleware`, `service` | the session middleware: its options, and the handling of a request |
//! | `answers` | the responses that a middleware makes itself |
//! | `csrf` | the same for the CSRF middleware, and the payload that is read and passed on |
//! | `checked_form` | the extractor for forms that passed the CSRF check |
//! | `outcome` | responses, and errors that become responses |
//!
//! # Order of middleware
//! 1. Use `wrap` on an `App`, a `web::scope` or a `web::resource`. The middleware wrapped **last**
//!    is the outermost: first [`CsrfMiddleware`], then [`SessionMiddleware`].
//! 2. Create it outside the closure that builds the `App`, and clone it inside: all workers then
//!    share one factory, its store and its connections. A `MemoryStore` created inside is a
//!    separate one in each worker.
//! 3. A handler that returns an `Err`, an extractor that fails, and an inner middleware that
//!    returns an `Err` all commit according to the
//!    [`CommitPolicy`](cloakroom_session::CommitPolicy), and their responses carry the cookie.
//!
//! # Examples
//! ```
//! use actix_web::{App, HttpResponse, test, web};
//! use cloakroom_actix::{CsrfMiddleware, FormToken, SessionMiddleware};
//! use cloakroom_session::{CookieSessions, CsrfRules, Error, Key, Session};
//!
//! async fn page(session: Session, token: FormToken) -> Result<HttpResponse, Error> {
//!     let visits = session.update("visits", |visits: &mut u32| { *visits += 1; *visits })?;
//!     Ok(HttpResponse::Ok().body(format!("<p>visit {visits}</p><form method=post>{}</form>", token.input())))
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
//! let sessions = SessionMiddleware::new(CookieSessions::encrypted(key).build()?);
//! let csrf = CsrfMiddleware::new(CsrfRules::default());
//! // In a program: `HttpServer::new(move || App::new()…wrap(csrf.clone()).wrap(sessions.clone()))`.
//! let app = App::new().route("/", web::get().to(page)).wrap(csrf.clone()).wrap(sessions.clone());
//!
//! let app = test::init_service(app).await;
//! let response = test::call_service(&app, test::TestRequest::get().uri("/").to_request()).await;
//! assert!(response.headers().contains_key("set-cookie"));
//! # Ok(())
//! # }
//! ```

mod answers;
mod checked_form;
mod csrf;
mod middleware;
mod outcome;
mod service;

pub use checked_form::{CheckedForm, CheckedFormRejection};
pub use csrf::{CsrfFuture, CsrfMiddleware, CsrfService};
pub use middleware::SessionMiddleware;
pub use service::{SessionFuture, SessionService};

#[doc(no_inline)]
pub use cloakroom_session::adapter::{FormToken, SessionSlot};
