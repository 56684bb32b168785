//! Shared code of the contenders on poem: calling and serving an application.

use bench_harness::{Answer, Ask};
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, header};
use poem::listener::TcpAcceptor;
use poem::{Endpoint as _, Request, Response, Server};

/// Makes a request.
pub async fn call(app: &BoxEndpoint<'static>, ask: &Ask<'_>) -> Response {
    let mut request = Request::builder().uri(ask.path.parse().expect("a path")).finish();
    if let Some(cookie) = ask.cookie {
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
    }
    if let Some(token) = ask.token {
        request.set_method(Method::POST);
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        request.headers_mut().insert("x-csrf-token", HeaderValue::from_str(token).expect("ASCII"));
    }
    app.get_response(request).await
}

/// Reads a response.
pub async fn read(response: Response) -> Answer {
    let lines = response.headers().get_all(header::SET_COOKIE).iter();
    let cookies = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
    let status = response.status().as_u16();
    Answer { status, cookies, body: response.into_body().into_string().await.expect("text") }
}

/// Serves the application until the program is killed.
pub async fn serve(app: BoxEndpoint<'static>, listener: std::net::TcpListener) -> bool {
    let acceptor = TcpAcceptor::from_std(listener).expect("a listener");
    Server::new_with_acceptor(acceptor).run(app).await.is_ok()
}
