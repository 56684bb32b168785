//! Sessions in actix-web: `cargo run -p cloakroom-example-actix`, then <http://127.0.0.1:3000>.
//!
//! | file | content |
//! |---|---|
//! | `main` | pages and forms |
//! | `streams` | one step of a long response |
//! | `events`, `socket` | server-sent events, and a WebSocket |

mod events;
mod socket;
mod steps;
mod streams;

use std::net::TcpListener;

use actix_web::error::ErrorInternalServerError;
use actix_web::web::{self, Html, Redirect, ServiceConfig};
use actix_web::{App, HttpServer, Result};
use cloakroom::for_actix::{CheckedForm, CsrfMiddleware, SessionMiddleware};
use cloakroom::{Error, Session};
use cloakroom_example_visit as visit;

async fn page(session: Session) -> Result<Html, Error> {
    Ok(Html::new(visit::page(&session)?))
}

#[derive(serde::Deserialize)]
struct SignIn {
    name: String,
}

async fn sign_in(session: Session, CheckedForm(form): CheckedForm<SignIn>) -> Result<Redirect, Error> {
    visit::sign_in(&session, &form.name)?;
    Ok(Redirect::to("/").see_other())
}

async fn sign_out(session: Session) -> Redirect {
    visit::sign_out(&session);
    Redirect::to("/").see_other()
}

async fn about() -> &'static str {
    visit::ABOUT
}

async fn broken(session: Session) -> Result<&'static str> {
    visit::before_failing(&session);
    Err(ErrorInternalServerError("broken"))
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(page))
        .route("/sign-in", web::post().to(sign_in))
        .route("/sign-out", web::post().to(sign_out))
        .route("/about", web::get().to(about))
        .route("/broken", web::get().to(broken))
        .configure(streams::routes);
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    // Created outside the closure, so that all workers share one store.
    let sessions = SessionMiddleware::new(visit::sessions()?);
    let csrf = CsrfMiddleware::new(visit::rules()?);
    let server = HttpServer::new(move || App::new().configure(routes).wrap(csrf.clone()).wrap(sessions.clone()));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on http://{}", listener.local_addr()?);
    server.listen(listener)?.run().await?;
    Ok(())
}
