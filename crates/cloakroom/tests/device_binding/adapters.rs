//! The application on each web framework.

use axum::Router;
use axum::body::Body;
use axum::extract::OriginalUri;
use cloakroom::{CsrfLayer, CsrfRules, DeviceBinding, Error, Session, SessionLayer, TokenPolicy};
use tower::ServiceExt as _;

use crate::shop::{Shop, handle};

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
}

/// The application on one web framework.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) shop: Shop,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Axum(Router),
}

pub(crate) type MakeApp = fn(Shop, DeviceBinding) -> App;

/// All adapters, by name. The CSRF check needs a token for each request.
pub(crate) const ADAPTERS: [(&str, MakeApp); 1] = [("axum", App::axum)];

impl App {
    /// The application with which decisions are tested.
    pub(crate) fn new(binding: DeviceBinding) -> Self {
        Self::axum(Shop::new(), binding)
    }

    pub(crate) fn axum(shop: Shop, binding: DeviceBinding) -> Self {
        async fn any(OriginalUri(uri): OriginalUri, session: Session) -> Result<String, Error> {
            handle(uri.path(), &session)
        }
        let router = Router::new()
            .fallback(any)
            .layer(CsrfLayer::new(strict()))
            .layer(SessionLayer::from_engine(shop.engine(binding)));
        Self { shop, kind: Kind::Axum(router) }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, lines: &[(&str, &str)]) -> Answer {
        match &self.kind {
            Kind::Axum(router) => {
                let mut request = axum::http::Request::builder().method(method).uri(path);
                for (name, value) in lines {
                    request = request.header(*name, *value);
                }
                let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
                let (parts, body) = response.into_parts();
                let body = axum::body::to_bytes(body, 100_000).await.unwrap();
                let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
                Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                    body: String::from_utf8(body.to_vec()).unwrap(),
                }
            }
        }
    }
}

/// Rules that refuse every POST without a token. Browsers send none to the endpoints.
fn strict() -> CsrfRules {
    CsrfRules::builder().token_policy(TokenPolicy::Always).build().unwrap()
}
