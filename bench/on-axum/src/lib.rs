//! Shared code of the contenders on axum: calling and serving an application.

use std::marker::PhantomData;
use std::net::TcpListener;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bench_harness::{Answer, Ask, Contender, Storage};
use subtle::ConstantTimeEq as _;
use tower::ServiceExt as _;

/// An application on axum.
pub trait Application {
    /// Returns the router with this session storage, or `None` if the library doesn't support it.
    fn router(storage: Storage) -> impl Future<Output = Option<Router>>;
}

/// The contender for an application.
pub struct OnAxum<A>(PhantomData<A>);

impl<A: Application> Contender for OnAxum<A> {
    type App = Router;
    type Response = Response;

    async fn app(storage: Storage) -> Option<Router> {
        A::router(storage).await
    }

    async fn call(app: &Router, ask: &Ask<'_>) -> Response {
        let mut request = Request::get(ask.path).body(Body::empty()).expect("a valid request");
        if let Some(cookie) = ask.cookie {
            request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
        }
        if let Some(token) = ask.token {
            *request.method_mut() = Method::POST;
            // Headers that browsers send.
            request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
            request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
            request.headers_mut().insert("x-csrf-token", HeaderValue::from_str(token).expect("ASCII"));
        }
        app.clone().oneshot(request).await.expect("infallible")
    }

    async fn read(response: Response) -> Answer {
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a short body");
        Answer { status, cookies, body: String::from_utf8(body.into()).expect("text") }
    }

    async fn serve(storage: Storage, listener: TcpListener) -> bool {
        let Some(app) = A::router(storage).await else { return false };
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        axum::serve(listener, app).await.is_ok()
    }
}

/// Generates a CSRF token, as users of a library without one would.
pub fn token() -> String {
    let bytes: [u8; 32] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the response of a CSRF check: whether the request carries the token of its session.
pub fn check(token: Option<String>, headers: &HeaderMap) -> (StatusCode, &'static str) {
    let shown = headers.get("x-csrf-token").and_then(|it| it.to_str().ok()).unwrap_or_default();
    match token {
        Some(token) if bool::from(token.as_bytes().ct_eq(shown.as_bytes())) => (StatusCode::OK, "posted"),
        _ => (StatusCode::FORBIDDEN, "refused"),
    }
}
