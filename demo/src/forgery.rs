//! A page that attacks the shop deliberately.
//!
//! For a browser `localhost` and `127.0.0.1` are different sites, although one server serves both.
//! Here `localhost` is the attacker's site and `127.0.0.1` is the shop.

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts as _, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use cloakroom::Error;
use cloakroom::factory::fresh_token;

use crate::page::{Frame, Page};
use crate::state::{AppState, Scheme};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/forgery", get(forgery))
}

/// The experiments, on the site of the shop.
#[derive(Debug, Template)]
#[template(path = "forgery.html")]
struct Experiments {
    frame: Frame,
    stranger: String,
    /// A token that could belong to another session.
    stale: String,
}

/// The same page on the other site, with a form that targets the shop.
#[derive(Debug, Template)]
#[template(path = "stranger.html")]
struct Stranger {
    frame: Frame,
    shop: String,
}

async fn forgery(State(state): State<AppState>, mut parts: Parts) -> Result<Response, Error> {
    match Place::of(state.scheme, &parts.headers) {
        // The attacker's page has no access to the shop's session, and doesn't open one.
        Place::Stranger { shop } => Ok(Page(Stranger { frame: Frame::bare(), shop }).into_response()),
        Place::Shop { stranger } => {
            let frame = Frame::from_request_parts(&mut parts, &()).await?;
            let stale = fresh_token()?.expose().to_owned();
            Ok(Page(Experiments { frame, stranger, stale }).into_response())
        }
    }
}

/// The name under which the server was requested, and the address of the other site.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Shop { stranger: String },
    Stranger { shop: String },
}

impl Place {
    fn of(scheme: Scheme, headers: &HeaderMap) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
        // Only the number goes into the page, never the text of the header.
        let port: u16 = port.parse().unwrap_or(if scheme == Scheme::Https { 443 } else { 80 });
        if name.eq_ignore_ascii_case("localhost") {
            Self::Stranger { shop: format!("{scheme}://127.0.0.1:{port}") }
        } else {
            Self::Shop { stranger: format!("{scheme}://localhost:{port}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_the_other_site() {
        let shop = |stranger: &str| Place::Shop { stranger: stranger.to_owned() };
        let stranger = |shop: &str| Place::Stranger { shop: shop.to_owned() };
        for (host, expected) in [
            ("127.0.0.1:3000", shop("http://localhost:3000")),
            ("localhost:3000", stranger("http://127.0.0.1:3000")),
            ("LOCALHOST:4000", stranger("http://127.0.0.1:4000")),
            ("localhost", stranger("http://127.0.0.1:80")),
            ("evil.example:\"><script>", shop("http://localhost:80")),
            ("", shop("http://localhost:80")),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().expect("a header value"))]);
            assert_eq!(Place::of(Scheme::Http, &headers), expected, "{host:?}");
        }
        for (host, expected) in
            [("127.0.0.1:3000", shop("https://localhost:3000")), ("localhost", stranger("https://127.0.0.1:443"))]
        {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().expect("a header value"))]);
            assert_eq!(Place::of(Scheme::Https, &headers), expected, "{host:?}");
        }
    }
}
