//! Sessions in warp: `cargo run -p cloakroom-example-warp`, then <http://127.0.0.1:3000>.

use cloakroom::adapter::SessionSlot;
use cloakroom::for_tower::open_session;
use cloakroom::{CsrfLayer, Error, Session, SessionLayer};
use cloakroom_example_visit as visit;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::Layer as _;
use warp::http::{HeaderMap, StatusCode, Uri};
use warp::reject::{Reject, Rejection};
use warp::reply::{Reply, html};
use warp::{Filter, redirect, reply};

/// Opens the session, for the filters that need it.
fn session() -> impl Filter<Extract = (Session,), Error = Rejection> + Clone {
    let parts = warp::ext::optional().and(warp::header::headers_cloned());
    parts.and_then(|slot: Option<SessionSlot>, headers: HeaderMap| async move {
        open_session(slot.as_ref(), &headers).await.map_err(failed)
    })
}

/// Rejection that carries a session error to [`sorry`].
#[derive(Debug)]
struct Failed(Error);

impl Reject for Failed {}

fn failed(error: Error) -> Rejection {
    warp::reject::custom(Failed(error))
}

/// Responds with the status alone. If a rejection isn't recovered, warp sends its full text to the
/// client.
async fn sorry(rejection: Rejection) -> Result<impl Reply, Rejection> {
    let Some(Failed(error)) = rejection.find() else { return Err(rejection) };
    eprintln!("session error: {error}");
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(reply::with_status(status.canonical_reason().unwrap_or_default(), status))
}

#[derive(serde::Deserialize)]
struct SignIn {
    name: String,
}

async fn page(session: Session) -> Result<impl Reply, Rejection> {
    visit::page(&session).map(html).map_err(failed)
}

async fn sign_in(session: Session, form: SignIn) -> Result<impl Reply, Rejection> {
    visit::sign_in(&session, &form.name).map_err(failed)?;
    Ok(redirect::see_other(Uri::from_static("/")))
}

async fn sign_out(session: Session) -> Result<impl Reply, Rejection> {
    visit::sign_out(&session);
    Ok(redirect::see_other(Uri::from_static("/")))
}

#[derive(Debug)]
struct Broken;

impl Reject for Broken {}

async fn broken(session: Session) -> Result<StatusCode, Rejection> {
    visit::before_failing(&session);
    Err(warp::reject::custom(Broken))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let routes = warp::path::end().and(warp::get()).and(session()).and_then(page);
    let routes =
        routes.or(warp::path!("sign-in").and(warp::post()).and(session()).and(warp::body::form()).and_then(sign_in));
    let routes = routes.or(warp::path!("sign-out").and(warp::post()).and(session()).and_then(sign_out));
    let routes = routes.or(warp::path!("about").and(warp::get()).map(|| visit::ABOUT));
    let routes = routes.or(warp::path!("broken").and(warp::get()).and(session()).and_then(broken));

    let checked = CsrfLayer::new(visit::rules()?).layer(warp::service(routes.recover(sorry)));
    let service = SessionLayer::new(visit::sessions()?).layer(checked);

    let port: u16 = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
    }
}
