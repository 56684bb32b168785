//! Sessions in salvo: `cargo run -p cloakroom-example-salvo`, then <http://127.0.0.1:3000>.

use cloakroom::for_salvo::{CsrfHoop, SessionHoop};
use cloakroom::{Error, Session};
use cloakroom_example_visit as visit;
use salvo::Listener as _;
use salvo::conn::tcp::TcpAcceptor;
use salvo::http::StatusError;
use salvo::prelude::{Redirect, Request, Router, Server, TcpListener, Text, Writer as _, handler};

#[handler]
async fn page(session: Session) -> Result<Text<String>, Error> {
    visit::page(&session).map(Text::Html)
}

/// The CSRF hoop has already checked the form.
#[handler]
async fn sign_in(session: Session, request: &mut Request) -> Result<Redirect, Error> {
    let name: Option<String> = request.form("name").await;
    visit::sign_in(&session, &name.unwrap_or_default())?;
    Ok(Redirect::other("/"))
}

#[handler]
async fn sign_out(session: Session) -> Redirect {
    visit::sign_out(&session);
    Redirect::other("/")
}

#[handler]
async fn about() -> &'static str {
    visit::ABOUT
}

#[handler]
async fn broken(session: Session) -> Result<(), StatusError> {
    visit::before_failing(&session);
    Err(StatusError::internal_server_error())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new()
        .hoop(SessionHoop::new(visit::sessions()?))
        .hoop(CsrfHoop::new(visit::rules()?))
        .get(page)
        .push(Router::with_path("sign-in").post(sign_in))
        .push(Router::with_path("sign-out").post(sign_out))
        .push(Router::with_path("about").get(about))
        .push(Router::with_path("broken").get(broken));

    let port: u16 = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let acceptor: TcpAcceptor = TcpListener::new(("127.0.0.1", port)).try_bind().await?;
    println!("listening on http://{}", acceptor.local_addr()?);
    Server::new(acceptor).serve(app).await;
    Ok(())
}
