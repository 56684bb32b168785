//! Requests to the endpoints that no browser sends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{Request, Response};
use bytes::Bytes;
use cloakroom::{DeviceBinding, SessionLayer};
use cloakroom_device::headers;
use http_body::{Body, Frame};
use http_body_util::Empty;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::adapters::{ADAPTERS, Answer, App};
use crate::browser::{Browser, REFRESH};
use crate::shop::seconds;

/// A body that must not be read.
struct Unread;

impl Body for Unread {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was read")
    }
}

/// HTTP/2 needs no `Content-Length`. The body, if there is one, is dropped.
#[tokio::test]
async fn a_body_is_never_read() {
    let app = App::new(DeviceBinding::enforce());
    let browser = Browser::armed(&app).await;
    let layer = SessionLayer::from_engine(app.shop.engine(DeviceBinding::enforce()));
    let service =
        layer.layer(service_fn(async |_: Request<Unread>| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))));
    let (challenge, id) = browser.known.clone().unwrap();
    let proof = browser.device.refreshes(&challenge);
    let cookies: Vec<_> = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for (row, line, status) in [
        ("a length", Some(("content-length", "1000000000")), 400),
        ("chunks", Some(("transfer-encoding", "chunked")), 400),
        ("no length", None, 200),
    ] {
        let mut request = Request::builder().method("POST").uri(REFRESH).header("cookie", cookies.join("; "));
        let lines = headers(Some(&id), Some(&proof));
        for (name, value) in lines.into_iter().filter(|(name, _)| *name != "content-length").chain(line) {
            request = request.header(name, value);
        }
        let response = service.clone().oneshot(request.body(Unread).unwrap()).await.unwrap();
        assert_eq!(Answer::of(response).await.status, status, "{row}");
    }
}

#[tokio::test]
async fn malformed_headers_are_refused_on_every_adapter() {
    let (large, secure) = ("a".repeat(60_000), "secure-session-response");
    for (name, make) in ADAPTERS {
        let app = App::of(make, DeviceBinding::enforce());
        let mut browser = Browser::armed(&app).await;
        app.shop.wait(seconds(600));
        let (challenge, id) = browser.known.clone().unwrap();
        let proof = browser.device.refreshes(&challenge);
        let of = |id: &'static str| {
            vec![("content-length", "0"), ("sec-fetch-site", "same-origin"), ("sec-secure-session-id", id)]
        };
        let own = || headers(Some(&id), None);
        let rows = [
            ("a huge proof", [own(), vec![(secure, large.as_str())]].concat()),
            ("two proofs", [own(), vec![(secure, proof.as_str()), (secure, proof.as_str())]].concat()),
            (
                "two identifiers",
                [headers(Some(&id), Some(&proof)), vec![("sec-secure-session-id", id.as_str())]].concat(),
            ),
            ("a huge identifier", [of(large.clone().leak()), vec![(secure, proof.as_str())]].concat()),
            ("two sites", [headers(Some(&id), Some(&proof)), vec![("sec-fetch-site", "same-origin")]].concat()),
        ];
        for (row, lines) in rows {
            let answer = browser.send(&app, "POST", REFRESH, &lines).await;
            assert_eq!((answer.status, answer.all("set-cookie").len()), (400, 0), "{name}, {row}: {answer:?}");
        }
        assert_eq!(browser.refresh(&app).await.status, 200, "{name}");
    }
}
