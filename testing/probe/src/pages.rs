//! The pages: one list, served by all adapters.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use cloakroom::adapter::{FormToken, RequestHead};
use cloakroom::{Error, Session};
use serde_json::{Value, json};

use crate::app::App;
use crate::conversation::{self, Told};
use crate::operations;
use crate::stream::{self, Lines, Use};

/// A page: its path, its CSRF layer and its handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) cover: Cover,
    pub(crate) maker: Maker,
}

/// The mode of the CSRF layer around a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    /// No layer.
    Bare,
    Enforced,
    Exempt,
}

/// A handler, by the argument that the adapter must pass to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker {
    /// Only the request.
    Plain(fn(&App, &Asked) -> Reply),
    /// Only the head: the body of a WebSocket handshake has no end.
    Head(fn(&Asked) -> Reply),
    /// The session.
    Session(fn(Session, Asked) -> Making),
    /// The token for forms.
    Token(fn(&FormToken) -> Reply),
    /// A checked form.
    Checked(fn(&Fields) -> Reply),
}

/// The future of a page.
pub(crate) type Making = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

/// The fields of a form.
pub(crate) type Fields = BTreeMap<String, String>;

pub(crate) const PAGES: &[Page] = &[
    page("GET", "/untouched", Cover::Bare, Maker::Plain(|_, asked| asked.reply(200, TEXT, "untouched"))),
    page("GET", "/stats", Cover::Bare, Maker::Plain(|app, asked| asked.reply(200, JSON, app.report().to_string()))),
    page("POST", "/ops", Cover::Bare, Maker::Session(|session, asked| Box::pin(ops(session, asked)))),
    page("POST", "/converse", Cover::Bare, Maker::Session(|session, asked| Box::pin(converse(session, asked)))),
    page("POST", "/fails", Cover::Bare, Maker::Session(|session, asked| Box::pin(fails(session, asked)))),
    page("POST", "/panics", Cover::Bare, Maker::Session(|session, _| Box::pin(panics(session)))),
    page("GET", "/stream", Cover::Bare, Maker::Session(|session, _| Box::pin(streams(session, Use::ReadAndWrite)))),
    page("GET", "/watch", Cover::Bare, Maker::Session(|session, _| Box::pin(streams(session, Use::Read)))),
    page("POST", "/form", Cover::Enforced, Maker::Plain(|_, asked| asked.reply(200, TEXT, "ok"))),
    page(
        "POST",
        "/echo",
        Cover::Enforced,
        Maker::Plain(|_, asked| asked.reply(200, "application/octet-stream", asked.body.clone())),
    ),
    page("GET", "/socket", Cover::Enforced, Maker::Head(|asked| asked.reply(200, TEXT, "open"))),
    page("GET", "/token", Cover::Enforced, Maker::Token(|token| Reply::new(200, TEXT, token.to_string()))),
    page(
        "POST",
        "/checked",
        Cover::Enforced,
        Maker::Checked(|fields| Reply::new(200, JSON, json!(fields).to_string())),
    ),
    page(
        "POST",
        "/checked-here",
        Cover::Exempt,
        Maker::Checked(|fields| Reply::new(200, JSON, json!(fields).to_string())),
    ),
];

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

const fn page(method: &'static str, path: &'static str, cover: Cover, maker: Maker) -> Page {
    Page { method, path, cover, maker }
}

/// The parts of a request that its page uses, apart from the session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// `X-Probe-Status`: the status of the response.
    status: Option<u16>,
    /// `X-Probe-Cache-Control`, `X-Probe-Vary` and others: headers that the page sets, without the
    /// `X-Probe-` prefix.
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Asked {
    pub(crate) fn new(head: &impl RequestHead, body: impl Into<Vec<u8>>) -> Self {
        let text = |name| head.lines(name).next().and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned);
        let said = [
            ("cache-control", text("x-probe-cache-control")),
            ("cdn-cache-control", text("x-probe-cdn-cache-control")),
            ("surrogate-control", text("x-probe-surrogate-control")),
            ("expires", text("x-probe-expires")),
            ("vary", text("x-probe-vary")),
        ];
        let headers = said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let status = text("x-probe-status").and_then(|status| status.parse().ok());
        Self { status, headers, body: body.into() }
    }

    fn reply(&self, status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Reply {
        let mut reply = Reply::new(self.status.unwrap_or(status), kind, body);
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}

/// The response of a page.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Whole(Vec<u8>),
    Lines(Lines),
}

impl Reply {
    pub(crate) fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body: Body::Whole(body.into()) }
    }

    /// A short text response to an invalid request.
    pub(crate) fn words(status: u16, words: &str) -> Self {
        Self::new(status, TEXT, words)
    }
}

/// Runs a list of operations in order.
async fn ops(session: Session, asked: Asked) -> Result<Reply, Error> {
    // The content type is ignored: tests should not fail because of a header.
    let Ok(list) = serde_json::from_slice::<Vec<Value>>(&asked.body) else {
        let message = "the body isn't a JSON list of operations";
        return Ok(Reply::new(400, JSON, json!({"err": {"kind": "bad-request", "message": message}}).to_string()));
    };
    let mut results = Vec::with_capacity(list.len());
    for operation in &list {
        results.push(operations::answer(operations::run(&session, operation).await));
    }
    Ok(asked.reply(200, JSON, json!({"results": results}).to_string()))
}

/// Runs the operations that other requests tell it, until one of them lets it respond.
async fn converse(session: Session, asked: Asked) -> Result<Reply, Error> {
    let mut conversation = conversation::open(&String::from_utf8_lossy(&asked.body));
    while let Some(told) = conversation.recv().await {
        match told {
            Told::Operation(operation, client) => {
                let result = operations::answer(operations::run(&session, &operation).await);
                // Fails if the client has gone. Then nothing waits for the result.
                let _ = client.send(result);
            }
            Told::Finish(status) => return Ok(asked.reply(status, TEXT, "finished")),
        }
    }
    Ok(asked.reply(200, TEXT, "abandoned"))
}

/// Writes, then returns an error.
async fn fails(session: Session, asked: Asked) -> Result<Reply, Error> {
    session.insert("failed", "text")?;
    session.get::<u32>("failed")?;
    Ok(asked.reply(200, TEXT, "it is no number"))
}

/// Writes, then panics.
#[expect(clippy::panic, reason = "tests check what happens to the session")]
async fn panics(session: Session) -> Result<Reply, Error> {
    session.insert("panicked", true)?;
    panic!("the request asked for a panic");
}

/// Returns a response that lasts as long as its session.
async fn streams(session: Session, used: Use) -> Result<Reply, Error> {
    session.insert("streaming", true)?;
    Ok(Reply { body: Body::Lines(stream::lines(session, used)), ..Reply::new(200, TEXT, "") })
}
