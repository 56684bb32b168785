//! A site on Cloakroom's sessions, and a browser that keeps its cookies.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use cloakroom::store::{Store, StoreError, delegate_store};
use cloakroom::{CookieConfig, ManualClock, MemoryStore, SessionLayer, StoredSessions, Timestamp};
use cloakroom_tower_sessions::v0_14::TowerSessionsLayer;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// The time at which tests begin.
pub(crate) const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// A store that counts its calls, and that can be out of order.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    store: MemoryStore,
    calls: AtomicUsize,
    broken: AtomicUsize,
}

impl Counting {
    async fn count<T>(
        &self,
        _: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.broken.load(Ordering::SeqCst) > 0 {
            return Err(StoreError::unavailable("out of order"));
        }
        call.await
    }

    /// Returns the number of calls since the last question.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn break_down(&self) {
        self.broken.store(1, Ordering::SeqCst);
    }
}

impl Store for Counting {
    delegate_store!(store via count);
}

/// A site, its store and its clock.
pub(crate) struct Site {
    pub(crate) app: Router,
    pub(crate) store: Arc<Counting>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Site {
    /// Creates a site of these routes, with the layer for tower-sessions 0.14.
    pub(crate) fn new(routes: Router) -> Self {
        Self::around(routes.layer(TowerSessionsLayer::new()))
    }

    /// Creates a site of these routes.
    pub(crate) fn around(routes: Router) -> Self {
        let store = Arc::new(Counting::default());
        let clock = Arc::new(ManualClock::at(START));
        let sessions = StoredSessions::new(Arc::clone(&store)).cookie(CookieConfig::default().name("__Host-id"));
        let layer = SessionLayer::new(sessions.build().unwrap()).clock(Arc::clone(&clock));
        Self { app: routes.layer(layer), store, clock }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::of(self.app.clone())
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Returns the `Set-Cookie` lines.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Browser {
    app: Router,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn of(app: Router) -> Self {
        Self { app, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, form).await
    }

    /// Requests a page, and follows redirections.
    pub(crate) async fn visit(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path).await;
        while answer.status.is_redirection() {
            let next = answer.location().to_owned();
            answer = self.get(&next).await;
        }
        answer
    }

    async fn send(&mut self, method: Method, path: &str, form: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let answer = Answer { status: head.status, headers: head.headers, text };
        for line in answer.set_cookies() {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}
