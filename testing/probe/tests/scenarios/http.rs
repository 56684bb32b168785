//! A client that keeps one cookie and sends its own time.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{COOKIE, HeaderMap};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The time of the scenarios, in seconds since the Unix epoch.
pub(crate) const START: u64 = 1_700_000_000;

#[derive(Clone)]
pub(crate) struct Client {
    connections: Connections<HttpConnector, Full<Bytes>>,
    pub(crate) base: String,
    pub(crate) cookie: Option<String>,
    /// `None` uses the system clock.
    pub(crate) now: Option<u64>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.all("set-cookie")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The results of the operations, all of which must have succeeded.
    pub(crate) fn results(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        let mut answer: Value = serde_json::from_slice(&self.body).unwrap();
        let results: Vec<Value> = serde_json::from_value(answer["results"].take()).unwrap();
        results
            .into_iter()
            .map(|mut result| {
                assert_eq!(result["err"], json!(null));
                result["ok"].take()
            })
            .collect()
    }

    /// Asserts that the response sets no cookie.
    #[track_caller]
    pub(crate) fn is_silent(&self) {
        assert_eq!(self.cookies(), [""; 0]);
    }
}

/// Names and values, in the order in which they are sent.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        let connections = Connections::builder(TokioExecutor::new()).build_http();
        Self { connections, base: base.to_owned(), cookie: None, now: Some(START) }
    }

    /// The same visitor on another server.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub(crate) fn with_cookie(&self, cookie: &str) -> Self {
        Self { cookie: Some(cookie.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Runs operations, all of which must succeed, and returns their results.
    pub(crate) async fn ops(&mut self, operations: Value) -> Vec<Value> {
        self.do_ops(operations).await.results()
    }

    pub(crate) async fn do_ops(&mut self, operations: Value) -> Answer {
        self.send("POST", "/ops", &[], operations.to_string()).await
    }

    /// Sends a same-origin request.
    pub(crate) async fn post(&mut self, path: &str, headers: Headers<'_>, body: impl Into<Bytes>) -> Answer {
        self.send("POST", path, &[&[("sec-fetch-site", "same-origin")], headers].concat(), body).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: impl Into<Bytes>,
    ) -> Answer {
        let response = self.begin(method, path, headers, body).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
        self.receive(&answer.headers);
        answer
    }

    /// Starts a request. Returns a response whose body is still arriving, or the connection's
    /// error.
    pub(crate) async fn begin(
        &self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: impl Into<Bytes>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(now) = self.now {
            request = request.header("x-probe-now", now);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.connections.request(request.body(Full::from(body.into())).unwrap()).await
    }

    pub(crate) fn receive(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
        }
    }

    pub(crate) fn value(&self) -> &str {
        self.cookie.as_deref().unwrap()
    }
}

/// The lines of a response, read as they arrive.
pub(crate) struct Lines {
    body: Incoming,
    rest: String,
}

impl Lines {
    pub(crate) fn of(response: Response<Incoming>) -> Self {
        Self { body: response.into_body(), rest: String::new() }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(line);
            }
            let frame = self.body.frame().await?.unwrap();
            self.rest.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }
}
