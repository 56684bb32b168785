//! Signing in at an OpenID Connect provider, and being signed out by it:
//!
//! ```text
//! OPENID_ISSUER=https://… OPENID_CLIENT_ID=… OPENID_CLIENT_SECRET=… cargo run -p cloakroom-example-openid
//! ```
//!
//! Register <http://127.0.0.1:3000/callback> at the provider.

mod enter;
mod flows;
mod logout;
mod pages;
mod provider;
mod refused;

use std::sync::Arc;

use axum::extract::{Query, RawForm, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use cloakroom::for_axum::{CheckedForm, FormToken};
use cloakroom::{
    Clock as _, CsrfLayer, CsrfRules, MemoryStore, ReturnPath, Session, SessionLayer, Sessions, StoredSessions,
    SystemClock,
};
use serde::Deserialize;
use tokio::net::TcpListener;

use logout::{Done, Whom};
use provider::{Provider, Settings};
use refused::Refused;

struct App {
    provider: Provider,
    sessions: Sessions<MemoryStore>,
    done: Done,
}

fn now() -> u64 {
    SystemClock.now().unix_secs()
}

/// The way back. An address of another site becomes the start page.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: ReturnPath,
}

async fn start(session: Session, token: FormToken) -> Html<String> {
    pages::start(session.owner().as_deref(), &token)
}

async fn sign_in_form(Query(Next { next }): Query<Next>, token: FormToken) -> Html<String> {
    pages::sign_in(&next, &token)
}

/// Begins a sign-in. It needs a form of ours: a link on another site can't sign the user in.
async fn sign_in(
    State(app): State<Arc<App>>,
    session: Session,
    CheckedForm(Next { next }): CheckedForm<Next>,
) -> Result<Redirect, Refused> {
    let (page, flow) = app.provider.begin(&next, now());
    flows::add(&session, flow)?;
    Ok(Redirect::to(page.as_str()))
}

#[derive(Deserialize)]
struct Answer {
    state: String,
    code: Option<String>,
    error: Option<String>,
}

async fn callback(
    State(app): State<Arc<App>>,
    session: Session,
    Query(answer): Query<Answer>,
) -> Result<Redirect, Refused> {
    let flow = flows::take(&session, answer.state, now())?;
    let flow = flow.ok_or("this browser began no such sign-in, or has finished it; sign in again")?;
    if let Some(error) = answer.error {
        return Err(Refused::Because(format!("the provider says {error:?}")));
    }
    let user = app.provider.finish(answer.code.ok_or("the provider sent no code")?, &flow, now()).await?;
    enter::enter(&session, &user, now())?;
    Ok(Redirect::to(ReturnPath::parse(&flow.next).unwrap_or_default().as_str()))
}

async fn sign_out(session: Session) -> Redirect {
    session.invalidate();
    Redirect::to("/")
}

/// Receives `response_mode=form_post`, which comes without our `SameSite=Lax` cookie.
///
/// The redirect is a `GET`, to which the browser attaches the cookie.
async fn posted_callback(RawForm(form): RawForm) -> Result<Redirect, Refused> {
    let form = std::str::from_utf8(&form).ok().filter(|form| form.bytes().all(|byte| byte.is_ascii_graphic()));
    let form = form.ok_or("the form isn't encoded")?;
    Ok(Redirect::to(&format!("/callback?{form}")))
}

#[derive(Deserialize)]
struct LogoutToken {
    logout_token: String,
}

async fn backchannel_logout(
    State(app): State<Arc<App>>,
    Form(form): Form<LogoutToken>,
) -> Result<impl IntoResponse, Refused> {
    let order = logout::order(&app.provider, &form.logout_token, now()).await?;
    app.done.check(&order)?;
    match &order.whom {
        Whom::Session(sid) => app.sessions.end_alias(app.provider.names().0, sid).await?,
        Whom::User(subject) => app.sessions.end_all(subject).await?,
    };
    // Afterwards, so that the provider can try again if the store has failed.
    app.done.keep(order, now());
    Ok([(CACHE_CONTROL, "no-store")])
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let here = format!("http://{}", listener.local_addr()?);

    let set = |name: &str| std::env::var(name).map_err(|error| anyhow::anyhow!("{name}: {error}"));
    let settings = Settings {
        issuer: set("OPENID_ISSUER")?,
        id: set("OPENID_CLIENT_ID")?,
        secret: set("OPENID_CLIENT_SECRET")?,
        callback: format!("{here}/callback"),
    };
    let provider = Provider::discover(settings).await?;
    let stored = Arc::new(StoredSessions::new(MemoryStore::new()).build()?);
    let app = App { provider, sessions: Sessions::new(Arc::clone(&stored)), done: Done::default() };

    let app = Router::new()
        .route("/", get(start))
        .route("/sign-in", get(sign_in_form).post(sign_in))
        .route("/callback", get(callback))
        .route("/sign-out", post(sign_out))
        .layer(CsrfLayer::new(CsrfRules::default()))
        .layer(SessionLayer::new(stored))
        // Outside of the layers: these come from the provider's site, without a session or a token.
        .route("/callback", post(posted_callback))
        .route("/backchannel-logout", post(backchannel_logout))
        .with_state(Arc::new(app));

    println!("listening on {here}");
    axum::serve(listener, app).await?;
    Ok(())
}
