//! Sessions in salvo: `cargo run -p cloakroom-example-salvo`, then <http://127.0.0.1:3000>.

mod extract;

use cloakroom::for_tower::ReplayBody;
use cloakroom::{CsrfLayer, SessionLayer};
use cloakroom_example_visit as visit;
use extract::{CurrentSession, Failed};
use http_body_util::BodyExt as _;
use salvo::Listener as _;
use salvo::conn::tcp::TcpAcceptor;
use salvo::http::{ReqBody, StatusError};
use salvo::hyper;
use salvo::prelude::{
    Redirect, Request, Router, Server, TcpListener, Text, TowerLayerCompat as _, Writer as _, handler,
};
use tower::ServiceBuilder;

#[handler]
async fn page(session: CurrentSession) -> Result<Text<String>, Failed> {
    Ok(Text::Html(visit::page(&session)?))
}

#[handler]
async fn sign_in(session: CurrentSession, request: &mut Request) -> Result<Redirect, Failed> {
    let name: Option<String> = request.form("name").await;
    visit::sign_in(&session, &name.unwrap_or_default())?;
    Ok(Redirect::other("/"))
}

#[handler]
async fn sign_out(session: CurrentSession) -> Redirect {
    visit::sign_out(&session);
    Redirect::other("/")
}

#[handler]
async fn about() -> &'static str {
    visit::ABOUT
}

#[handler]
async fn broken(session: CurrentSession) -> Result<(), StatusError> {
    visit::before_failing(&session);
    Err(StatusError::internal_server_error())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // salvo's adapter requires the innermost service to take a request with salvo's own body.
    let salvo_body = |request: hyper::Request<ReplayBody<ReqBody>>| {
        request.map(|body| ReqBody::Boxed { inner: Box::pin(body.map_err(Into::into)), fuse_config: None })
    };
    let layers = ServiceBuilder::new()
        .layer(SessionLayer::new(visit::sessions()?))
        .layer(CsrfLayer::new(visit::rules()?))
        .map_request(salvo_body);
    let app = Router::new()
        .hoop(layers.compat())
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
