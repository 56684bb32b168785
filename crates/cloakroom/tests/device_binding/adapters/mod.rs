//! The application on each web framework.
//!
//! Each one has a session layer, and a CSRF check that needs a token for each POST.

mod actix;
mod axum;
mod plain;
mod poem;
mod rocket;
mod salvo;
mod warp;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ::axum::http;
use bytes::Bytes;
use cloakroom::{CsrfRules, DeviceBinding, Engine, TokenPolicy};
use http_body_util::{BodyExt as _, Empty};
use tower::ServiceExt as _;

use crate::shop::Shop;

pub(crate) use self::actix::scoped;
use self::axum::guarded;
pub(crate) use self::axum::{nested, pages, unbound};

/// A request without a body.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: String,
    path: String,
    lines: Vec<(String, String)>,
}

impl Ask {
    fn http<B>(&self, body: B) -> http::Request<B> {
        let request = http::Request::builder().method(self.method.as_str()).uri(&self.path);
        let request = self.lines.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body).unwrap()
    }
}

/// A response, with names of headers in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(it, _)| it == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} occurs once: {all:?}");
        all.first().copied()
    }

    /// Reads a response of `http`.
    pub(crate) async fn of<B>(response: http::Response<B>) -> Self
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(name, value)| line(name, value.as_bytes())).collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

fn line(name: &impl ToString, value: &[u8]) -> (String, String) {
    (name.to_string(), String::from_utf8(value.to_vec()).unwrap())
}

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The application on one web framework.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) shop: Shop,
    serve: Arc<dyn Fn(Ask) -> Answering + Send + Sync>,
}

pub(crate) type MakeApp = fn(Shop, DeviceBinding) -> App;

/// All adapters, by name.
pub(crate) const ADAPTERS: [(&str, MakeApp); 7] = [
    ("axum", axum::app),
    ("tower", plain::app),
    ("actix-web", actix::app),
    ("poem", poem::app),
    ("Rocket", rocket::app),
    ("salvo", salvo::app),
    ("warp", warp::app),
];

impl App {
    /// The application with which decisions are tested.
    pub(crate) fn new(binding: DeviceBinding) -> Self {
        Self::of(axum::app, binding)
    }

    /// The application on a framework.
    pub(crate) fn of(make: MakeApp, binding: DeviceBinding) -> Self {
        make(Shop::new(), binding)
    }

    /// The application on axum with another engine.
    pub(crate) fn with_engine(shop: Shop, engine: Engine) -> Self {
        Self::router(shop, guarded(engine))
    }

    /// Another application on axum.
    pub(crate) fn router(shop: Shop, router: ::axum::Router) -> Self {
        let request = |request: http::Request<_>| request.map(::axum::body::Body::new);
        Self::tower(shop, router.map_request(request))
    }

    fn serving<F: Future<Output = Answer> + Send + 'static>(
        shop: Shop,
        serve: impl Fn(Ask) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { shop, serve: Arc::new(move |ask| Box::pin(serve(ask))) }
    }

    /// An application that is a tower service.
    pub(crate) fn tower<S, B>(shop: Shop, service: S) -> Self
    where
        S: tower::Service<http::Request<Empty<Bytes>>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: std::fmt::Debug,
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Debug,
    {
        Self::serving(shop, move |ask| {
            let service = service.clone();
            async move { Answer::of(service.oneshot(ask.http(Empty::new())).await.unwrap()).await }
        })
    }

    pub(crate) async fn send(&self, method: &str, path: &str, lines: &[(&str, &str)]) -> Answer {
        let lines = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        (self.serve)(Ask { method: method.to_owned(), path: path.to_owned(), lines }).await
    }
}

/// Rules that refuse every POST without a token. Browsers send none to the endpoints.
pub(crate) fn strict() -> CsrfRules {
    CsrfRules::builder().token_policy(TokenPolicy::Always).build().unwrap()
}
