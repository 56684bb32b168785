//! Rocket.

use std::sync::Arc;

use cloakroom::for_rocket::{CsrfFairing, SessionFairing};
use cloakroom::{DeviceBinding, Error, Session};
use rocket::config::{Config, LogLevel};
use rocket::http::{Header, Method, uri::Origin};
use rocket::local::asynchronous::Client;
use rocket::{get, options, post, routes};
use tokio::sync::OnceCell;

use super::{Answer, App, Ask, strict};
use crate::shop::{Shop, handle};

#[get("/<_..>")]
async fn page(uri: &Origin<'_>, session: Session) -> Result<String, Error> {
    handle(uri.path().as_str(), &session).await
}

#[options("/<_..>")]
async fn allowed(uri: &Origin<'_>, session: Session) -> Result<String, Error> {
    handle(uri.path().as_str(), &session).await
}

#[post("/<_..>")]
async fn form(uri: &Origin<'_>, session: Session) -> Result<String, Error> {
    handle(uri.path().as_str(), &session).await
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let sessions = SessionFairing::new(Arc::clone(&shop.sessions)).clock(Arc::clone(&shop.clock));
    let sessions = sessions.device_binding(binding).unwrap();
    let client = Arc::new(OnceCell::new());
    App::serving(shop, move |ask| {
        let (sessions, client) = (sessions.clone(), Arc::clone(&client));
        async move { answer(client.get_or_init(|| launch(sessions)).await, ask).await }
    })
}

async fn launch(sessions: SessionFairing) -> Client {
    let csrf = CsrfFairing::new(strict());
    let config = Config { log_level: LogLevel::Off, ..Config::debug_default() };
    let routes = csrf.protect(routes![page, allowed, form]);
    Client::untracked(rocket::custom(config).mount("/", routes).attach(csrf).attach(sessions)).await.unwrap()
}

async fn answer(client: &Client, ask: Ask) -> Answer {
    let method: Method = ask.method.parse().unwrap();
    let mut request = client.req(method, ask.path);
    for (name, value) in ask.lines {
        request.add_header(Header::new(name, value));
    }
    let response = request.dispatch().await;
    let line = |header: Header<'_>| (header.name().as_str().to_ascii_lowercase(), header.value().to_owned());
    Answer {
        status: response.status().code,
        headers: response.headers().iter().map(line).collect(),
        body: response.into_string().await.unwrap_or_default(),
    }
}
