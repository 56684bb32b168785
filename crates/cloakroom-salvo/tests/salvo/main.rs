//! The hoops without a network. The example tests them over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod csrf;
mod sessions;

use bytes::Bytes;
use cloakroom_salvo::{CsrfHoop, FormToken, SessionHoop, SessionRequestExt as _};
use cloakroom_session::{CookieSessions, CsrfRules, Error, Key, Session, TokenPolicy};
use http_body_util::BodyExt as _;
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::http::header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use salvo::http::{ReqBody, StatusCode, uri::Scheme};
use salvo::hyper;
use salvo::prelude::{
    Depot, FlowCtrl, Request, Response, Router, Scribe as _, Service, StatusError, Text, Writer as _, handler,
};

fn sessions() -> SessionHoop {
    SessionHoop::new(CookieSessions::encrypted(key()).build().unwrap())
}

fn key() -> Key {
    Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap()
}

fn csrf() -> CsrfHoop {
    CsrfHoop::new(CsrfRules::builder().token_policy(TokenPolicy::Always).build().unwrap())
}

#[handler]
async fn sign_in(session: Session) -> Result<(), Error> {
    session.insert("user", "ann")
}

#[handler]
async fn who(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("user")?.unwrap_or_default())
}

#[handler]
async fn fails(session: Session) -> Result<(), StatusError> {
    session.insert("user", "bob").unwrap();
    Err(StatusError::internal_server_error().brief("sorry"))
}

#[handler]
async fn wrong_type(session: Session, response: &mut Response) -> Result<String, Error> {
    response.add_header("etag", "\"1\"", true).unwrap();
    response.render("half of a page");
    Ok(session.get::<u32>("user")?.unwrap_or_default().to_string())
}

#[handler]
async fn too_much(session: Session, response: &mut Response) -> Result<&'static str, Error> {
    session.insert("text", "secret".repeat(1000))?;
    response.add_header("x-receipt", "42", true).unwrap();
    Ok("your order is on its way")
}

#[handler]
async fn form_token(token: FormToken) -> String {
    token.to_string()
}

#[handler]
async fn cached_token(token: FormToken, response: &mut Response) -> String {
    response.add_header("cache-control", "public", true).unwrap();
    response.add_header("cdn-cache-control", "max-age=600", true).unwrap();
    token.to_string()
}

#[handler]
async fn echo(request: &mut Request) -> String {
    String::from_utf8(request.payload_with_max_size(1 << 20).await.unwrap().to_vec()).unwrap()
}

#[handler]
async fn field(request: &mut Request) -> String {
    request.form::<String>("a").await.unwrap_or_default()
}

#[handler]
async fn stream(response: &mut Response) {
    let mut sender = response.channel();
    tokio::spawn(async move {
        sender.send_data("piece ").await.unwrap();
        sender.send_data("by piece").await.unwrap();
    });
}

fn pages() -> Router {
    Router::new()
        .get(who)
        .push(Router::with_path("in").get(sign_in))
        .push(Router::with_path("fails").get(fails))
        .push(Router::with_path("wrong-type").get(wrong_type))
        .push(Router::with_path("much").get(too_much))
        .push(Router::with_path("token").get(form_token))
        .push(Router::with_path("cached").get(cached_token))
        .push(Router::with_path("echo").post(echo))
        .push(Router::with_path("field").post(field))
        .push(Router::with_path("stream").get(stream))
}

fn site(sessions: SessionHoop) -> Site {
    Site::new(Router::new().hoop(sessions).hoop(csrf()).push(pages()))
}

/// An application, and the cookie of its client.
struct Site {
    service: Service,
    cookie: String,
}

/// A response that was read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

type Ask = hyper::Request<Bytes>;

fn get(path: &str) -> Ask {
    hyper::Request::get(path).body(Bytes::new()).unwrap()
}

/// A POST by a browser, from a page of the site.
fn post(path: &str, body: impl Into<Bytes>) -> Ask {
    let request = hyper::Request::post(path).header("sec-fetch-site", "same-origin");
    request.header("content-type", "application/x-www-form-urlencoded").body(body.into()).unwrap()
}

fn with(mut ask: Ask, name: &'static str, value: &str) -> Ask {
    ask.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    ask
}

impl Site {
    fn new(service: impl Into<Service>) -> Self {
        Self { service: service.into(), cookie: String::new() }
    }

    async fn send(&mut self, mut ask: Ask) -> Answer {
        if !self.cookie.is_empty() {
            ask.headers_mut().insert(COOKIE, HeaderValue::from_str(&self.cookie).unwrap());
        }
        let nowhere = SocketAddr::Unknown;
        let request = Request::from_hyper(ask.map(ReqBody::Once), Scheme::HTTPS);
        let service = &self.service;
        let service = service.hyper_handler(nowhere.clone(), nowhere, Scheme::HTTPS, None, ConnCtrl::new(), None);
        let (parts, body) = service.handle(request).await.into_hyper().into_parts();
        if let Some(line) = parts.headers.get(SET_COOKIE) {
            line.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8(body).unwrap() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(get(path)).await
    }

    async fn text(&mut self, path: &str) -> String {
        self.get(path).await.body
    }
}

impl Answer {
    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }
}
