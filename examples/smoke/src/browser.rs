//! A minimal browser for sessions: it keeps a cookie and sends forms.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::{Builder, Runtime};

use crate::Program;

/// A visitor of one program.
#[derive(Debug)]
pub struct Browser<'a> {
    program: &'a Program,
    runtime: Runtime,
    /// The session cookie, as `name=value`.
    pub cookie: Option<String>,
}

/// A response.
#[derive(Debug)]
pub struct PlainResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which must be text.
    pub body: String,
}

/// The header that a browser sends with a form of the same site.
const OURS: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

const BOUNDARY: &str = "----------------------------smoke";

impl<'a> Browser<'a> {
    /// Creates a visitor without cookies.
    #[must_use]
    pub fn new(program: &'a Program) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { program, runtime, cookie: None }
    }

    /// Creates a visitor who has signed in as Ada and seen the welcome message.
    #[must_use]
    pub fn signed_in(program: &'a Program) -> Self {
        let mut browser = Self::new(program);
        let token = browser.get("/").token();
        assert_eq!(browser.post("/sign-in", &[("csrf_token", &token), ("name", "Ada")]).status, 303);
        browser.get("/");
        browser
    }

    /// Requests a page.
    pub fn get(&mut self, path: &str) -> PlainResponse {
        self.send("GET", path, &[], String::new())
    }

    /// Sends a form from a page of the same site.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> PlainResponse {
        self.post_from(path, OURS, fields)
    }

    /// Sends a form with headers that describe its origin.
    pub fn post_from(&mut self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> PlainResponse {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        self.send("POST", path, &[headers, &kind].concat(), form)
    }

    /// Sends a multipart form, as for file uploads.
    pub fn upload(&mut self, path: &str, fields: &[(&str, &str)]) -> PlainResponse {
        let part = |(name, value): &(&str, &str)| {
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let form = format!("{}--{BOUNDARY}--\r\n", fields.iter().map(part).collect::<String>());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send("POST", path, &[OURS, &[(CONTENT_TYPE.as_str(), &kind)]].concat(), form)
    }

    /// Sends JSON from a script of the same site.
    pub fn post_json(&mut self, path: &str, headers: &[(&str, &str)], json: &str) -> PlainResponse {
        let kind = [(CONTENT_TYPE.as_str(), "application/json")];
        self.send("POST", path, &[OURS, headers, &kind].concat(), json.to_owned())
    }

    /// Sends a request with these headers, and the cookie if there is one.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> PlainResponse {
        let mut request = Request::builder().method(method).uri(self.program.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let answer = self.runtime.block_on(async {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let (head, body) = client.request(request).await.unwrap().into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            PlainResponse { status: head.status, headers: head.headers, body }
        });
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &PlainResponse) {
        // Cookies for scripts aren't the session's.
        for line in answer.set_cookies().filter(|line| line.contains("HttpOnly")) {
            let removed = line.split("; ").any(|attribute| attribute == "Max-Age=0");
            self.cookie = (!removed).then(|| line.split(';').next().unwrap().to_owned());
        }
    }
}

impl PlainResponse {
    /// Returns the `Set-Cookie` lines.
    pub fn set_cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap())
    }

    /// Returns a header that occurs exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let lines: Vec<_> = self.headers.get_all(name).iter().collect();
        assert_eq!(lines.len(), 1, "{name} in {:?}", self.headers);
        lines[0].to_str().unwrap()
    }

    /// Returns the CSRF token in the page's form.
    #[must_use]
    pub fn token(&self) -> String {
        let after = self.body.split_once("name=\"csrf_token\" value=\"").expect("a form with a token").1;
        after.split_once('"').unwrap().0.to_owned()
    }

    /// Asserts that the page contains this text.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(self.body.contains(words), "no {words:?} in {}", self.body);
    }

    /// Asserts that the page doesn't contain this text.
    #[track_caller]
    pub fn says_nothing_of(&self, words: &str) {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(!self.body.contains(words), "{words:?} in {}", self.body);
    }
}
