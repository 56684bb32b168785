//! Shared code of the contenders on salvo: calling and serving an application.

use bench_harness::{Answer, Ask};
use salvo::conn::tcp::TcpAcceptor;
use salvo::http::{HeaderValue, Method, ReqBody, StatusCode, header, uri::Scheme};
use salvo::hyper::Request as HyperRequest;
use salvo::test::ResponseExt as _;
use salvo::{Request, Response, Router, Server, Service};

/// Makes a request.
pub async fn call(app: &Service, ask: &Ask<'_>) -> Response {
    let mut request = HyperRequest::get(ask.path).body(ReqBody::None).expect("a valid request");
    if let Some(cookie) = ask.cookie {
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
    }
    if let Some(token) = ask.token {
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        request.headers_mut().insert("x-csrf-token", HeaderValue::from_str(token).expect("ASCII"));
    }
    app.handle(Request::from_hyper(request, Scheme::HTTP)).await
}

/// Reads a response.
pub async fn read(mut response: Response) -> Answer {
    // Until the response is sent, the cookies of salvo's own sessions are in a separate jar.
    let jar = response.cookies().delta().map(ToString::to_string);
    let lines = response.headers().get_all(header::SET_COOKIE).iter();
    let cookies = jar.chain(lines.map(|line| line.to_str().expect("ASCII").to_owned())).collect();
    let status = response.status_code.unwrap_or(StatusCode::OK).as_u16();
    Answer { status, cookies, body: response.take_string().await.unwrap_or_default() }
}

/// Serves the application until the program is killed.
pub async fn serve(app: Router, listener: std::net::TcpListener) -> bool {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    Server::new(TcpAcceptor::try_from(listener).expect("a listener")).serve(app).await;
    true
}
