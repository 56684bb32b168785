//! Both layers around a plain service of `http` and `tower`, without a framework.

use std::convert::Infallible;

use bytes::Bytes;
use cloakroom_session::Session;
use cloakroom_session::adapter::{CookieHeader, CsrfSlot, SessionSlot};
use cloakroom_tower::CsrfLayer;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, service_fn};

use crate::browser::{Browser, NAME, Site, always, always_with, full, request, session_layer, set_cookies};

fn cookies(headers: &HeaderMap) -> CookieHeader<'_> {
    CookieHeader::new(headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes))
}

async fn open<B>(request: &Request<B>) -> Session {
    request.extensions().get::<SessionSlot>().unwrap().open(cookies(request.headers())).await.unwrap()
}

/// The head of a request, without its body.
fn head<B>(request: &Request<B>) -> http::request::Parts {
    let mut head = Request::builder().method(request.method()).uri(request.uri()).body(()).unwrap();
    head.headers_mut().clone_from(request.headers());
    head.into_parts().0
}

/// A guest book: shows a form with a token, and takes entries.
async fn guest_book<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let text = match (request.method().as_str(), request.uri().path()) {
        ("GET", "/form") => {
            let slot = request.extensions().get::<CsrfSlot>().unwrap();
            slot.masked_token(&head(&request)).await.unwrap()
        }
        ("POST", _) => {
            let session = open(&request).await;
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut pairs = form_urlencoded::parse(&body);
            let (_, entry) = pairs.find(|(name, _)| name == "entry").unwrap();
            let entry = entry.into_owned();
            session.update("entries", move |entries: &mut Vec<String>| entries.push(entry.clone())).unwrap();
            "thanks".to_owned()
        }
        ("GET", "/entries") => {
            open(&request).await.get::<Vec<String>>("entries").unwrap().unwrap_or_default().join(", ")
        }
        ("GET", "/leave") => {
            open(&request).await.invalidate();
            "bye".to_owned()
        }
        _ => "hello".to_owned(),
    };
    Ok(Response::new(Full::from(text)))
}

fn site() -> Site {
    let layers = (session_layer(), CsrfLayer::new(always()));
    Site::new(layers.layer(service_fn(guest_book)))
}

fn post(token: &str, entry: &str) -> Request<crate::browser::Sent> {
    let body = format!("entry={entry}&csrf_token={token}");
    request("POST", "/entries")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(full(body))
        .unwrap()
}

#[test]
fn a_visit_from_first_form_to_sign_out() {
    let site = site();
    let mut browser = Browser::default();
    let token = String::from_utf8(browser.get(&site, "/form").into_body().to_vec()).unwrap();
    assert!(browser.value(NAME).is_some());
    for entry in ["one", "two"] {
        let response = browser.send(&site, post(&token, entry));
        assert_eq!((response.status(), response.body().as_ref()), (StatusCode::OK, b"thanks".as_slice()));
    }
    assert_eq!(browser.get(&site, "/entries").body().as_ref(), b"one, two");
    let farewell = browser.get(&site, "/leave");
    assert_eq!(set_cookies(&farewell).len(), 1);
    assert_eq!(browser.value(NAME), None);
    assert_eq!(browser.get(&site, "/entries").body().as_ref(), b"");
    let refused = browser.send(&site, post(&token, "three"));
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[test]
fn a_request_without_session_and_check_is_unchanged() {
    let response = Browser::default().get(&site(), "/");
    assert!(response.headers().is_empty(), "{:?}", response.headers());
    assert_eq!(response.body().as_ref(), b"hello");
}

#[test]
fn the_error_of_a_service_passes_and_commits_nothing() {
    #[derive(Debug, PartialEq)]
    struct Down;
    let service = session_layer().layer(service_fn(|request: Request<()>| async move {
        let session = open(&request).await;
        session.insert("a", 1).unwrap();
        Err::<Response<Full<Bytes>>, _>(Down)
    }));
    let outcome = crate::browser::run(tower::ServiceExt::oneshot(service, Request::new(())));
    assert_eq!(outcome.unwrap_err(), Down);
}

#[test]
fn the_ready_service_is_the_one_that_is_called() {
    use std::task::{Context, Poll};

    /// Panics if it is called without having been polled for readiness, like a concurrency limit.
    #[derive(Debug, Default)]
    struct Strict {
        ready: bool,
    }

    impl Clone for Strict {
        fn clone(&self) -> Self {
            Self { ready: false }
        }
    }

    impl<B> tower::Service<Request<B>> for Strict {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<B>) -> Self::Future {
            assert!(std::mem::take(&mut self.ready), "called without being polled for readiness");
            std::future::ready(Ok(Response::new(Full::from("ok"))))
        }
    }

    let site = Site::new(
        (session_layer(), CsrfLayer::new(always_with(|it| it.danger_report_only()))).layer(Strict::default()),
    );
    let mut browser = Browser::default();
    assert_eq!(browser.get(&site, "/").status(), StatusCode::OK);
    assert_eq!(browser.send(&site, post("wrong", "a")).status(), StatusCode::OK);
}
