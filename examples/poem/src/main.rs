//! Sessions in poem: `cargo run -p cloakroom-example-poem`, then <http://127.0.0.1:3000>.

use cloakroom::for_poem::{CsrfMiddleware, SessionMiddleware};
use cloakroom::{Error, Session};
use cloakroom_example_visit as visit;
use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Form, Html, Redirect};
use poem::{EndpointExt, Route, Server, get, handler, post};

#[handler]
async fn page(session: Session) -> Result<Html<String>, Error> {
    visit::page(&session).map(Html)
}

#[derive(serde::Deserialize)]
struct SignIn {
    name: String,
}

/// The CSRF middleware has already checked the form.
#[handler]
async fn sign_in(session: Session, Form(form): Form<SignIn>) -> Result<Redirect, Error> {
    visit::sign_in(&session, &form.name)?;
    Ok(Redirect::see_other("/"))
}

#[handler]
async fn sign_out(session: Session) -> Redirect {
    visit::sign_out(&session);
    Redirect::see_other("/")
}

#[handler]
async fn about() -> &'static str {
    visit::ABOUT
}

#[handler]
async fn broken(session: Session) -> poem::Result<()> {
    visit::before_failing(&session);
    Err(poem::Error::from_status(StatusCode::INTERNAL_SERVER_ERROR))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Route::new()
        .at("/", get(page))
        .at("/sign-in", post(sign_in))
        .at("/sign-out", post(sign_out))
        .at("/about", get(about))
        .at("/broken", get(broken))
        .with(CsrfMiddleware::new(visit::rules()?))
        .with(SessionMiddleware::new(visit::sessions()?));

    let port: u16 = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let acceptor = TcpListener::bind(("127.0.0.1", port)).into_acceptor().await?;
    if let Some(address) = acceptor.local_addr().iter().find_map(|address| address.as_socket_addr()) {
        println!("listening on http://{address}");
    }
    Server::new_with_acceptor(acceptor).run(app).await?;
    Ok(())
}
