//! Signing in with passkeys: `cargo run -p cloakroom-example-passkeys`, then
//! <http://localhost:3000>. Browsers offer passkeys for `localhost`, not for an address.

mod accounts;
mod ceremony;
mod failure;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use cloakroom::{CsrfLayer, CsrfRules, Error, MemoryStore, Session, SessionLayer, StoredSessions};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use webauthn_rs::prelude::{
    CreationChallengeResponse, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, RequestChallengeResponse, Url, Webauthn, WebauthnBuilder,
};

use accounts::{Account, Accounts};
use ceremony::Ceremony;
use failure::Failure;

const REGISTRATION: Ceremony<Registration> = Ceremony::new("passkey_registration");
const AUTHENTICATION: Ceremony<Authentication> = Ceremony::new("passkey_authentication");

/// The time for which a sign-in counts as recent.
const RECENT: Duration = Duration::from_secs(5 * 60);

#[derive(Serialize, Deserialize)]
struct Registration {
    account: Account,
    state: PasskeyRegistration,
}

#[derive(Serialize, Deserialize)]
struct Authentication {
    name: String,
    state: PasskeyAuthentication,
}

#[derive(Clone)]
struct App {
    webauthn: Arc<Webauthn>,
    accounts: Accounts,
}

async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

async fn me(session: Session) -> Json<Option<String>> {
    Json(session.owner())
}

/// A new passkey is a new way in: only its user may add it, soon after signing in. A new name is a
/// new account.
async fn begin_registration(
    State(app): State<App>,
    session: Session,
    Json(name): Json<String>,
) -> Result<Json<CreationChallengeResponse>, Failure> {
    let account = match app.accounts.find(&name) {
        Some(account) if session.require_recent(RECENT)? == name => account,
        Some(_) => return Err(Failure::Taken),
        None => Account::new(name),
    };
    let known = account.passkeys.iter().map(|it| it.cred_id().clone()).collect();
    let (challenge, state) =
        app.webauthn.start_passkey_registration(account.id, &account.name, &account.name, Some(known))?;
    REGISTRATION.begin(&session, Registration { account, state })?;
    Ok(Json(challenge))
}

async fn finish_registration(
    State(app): State<App>,
    session: Session,
    Json(answer): Json<RegisterPublicKeyCredential>,
) -> Result<(), Failure> {
    let Registration { account, state } = REGISTRATION.take(&session)?.ok_or(Failure::NoCeremony)?;
    let passkey = app.webauthn.finish_passkey_registration(&answer, &state)?;
    let name = account.name.clone();
    if !app.accounts.add(account, passkey) {
        return Err(Failure::Taken);
    }
    session.sign_in(name);
    Ok(())
}

async fn begin_sign_in(
    State(app): State<App>,
    session: Session,
    Json(name): Json<String>,
) -> Result<Json<RequestChallengeResponse>, Failure> {
    let account = app.accounts.find(&name).ok_or(Failure::Refused)?;
    let (challenge, state) = app.webauthn.start_passkey_authentication(&account.passkeys)?;
    AUTHENTICATION.begin(&session, Authentication { name, state })?;
    Ok(Json(challenge))
}

async fn finish_sign_in(
    State(app): State<App>,
    session: Session,
    Json(answer): Json<PublicKeyCredential>,
) -> Result<(), Failure> {
    let Authentication { name, state } = AUTHENTICATION.take(&session)?.ok_or(Failure::NoCeremony)?;
    let result = app.webauthn.finish_passkey_authentication(&answer, &state)?;
    app.accounts.used(&name, &result);
    session.sign_in(name);
    Ok(())
}

async fn sign_out(session: Session) -> Result<(), Error> {
    session.invalidate();
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let origin = Url::parse(&format!("http://localhost:{}", listener.local_addr()?.port()))?;
    let webauthn = Arc::new(WebauthnBuilder::new("localhost", &origin)?.rp_name("Cloakroom").build()?);

    let app = Router::new()
        .route("/", get(page))
        .route("/me", get(me))
        .route("/registration/begin", post(begin_registration))
        .route("/registration/finish", post(finish_registration))
        .route("/sign-in/begin", post(begin_sign_in))
        .route("/sign-in/finish", post(finish_sign_in))
        .route("/sign-out", post(sign_out))
        .layer(CsrfLayer::new(CsrfRules::default()))
        .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?))
        .with_state(App { webauthn, accounts: Accounts::default() });
    println!("listening on {origin}");
    axum::serve(listener, app).await?;
    Ok(())
}
