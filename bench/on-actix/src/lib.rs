//! Shared code of the contenders on actix-web: calling an application.

use std::pin::Pin;
use std::rc::Rc;

use actix_http::Request;
use actix_web::Error;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::test::TestRequest;
use bench_harness::{Answer, Ask};

/// An application with responses `R`. Its own type depends on its middleware.
pub type Application<R> = Rc<dyn Fn(TestRequest) -> Page<R>>;

/// The future of a page.
pub type Page<R> = Pin<Box<dyn Future<Output = R>>>;

/// Hides the type of an application, whose responses become `R`.
pub fn boxed<S, B, R>(service: S, response: fn(ServiceResponse<B>) -> R) -> Application<R>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static,
    R: 'static,
    B: 'static,
{
    Rc::new(move |request| {
        let answer = service.call(request.to_request());
        Box::pin(async move { response(answer.await.expect("a page")) })
    })
}

/// Makes a request.
pub async fn call<R>(app: &Application<R>, ask: &Ask<'_>) -> R {
    let mut request = TestRequest::get().uri(ask.path);
    if let Some(cookie) = ask.cookie {
        request = request.insert_header((header::COOKIE, cookie));
    }
    if let Some(token) = ask.token {
        request = request.method(Method::POST).insert_header((header::HOST, "localhost"));
        request = request.insert_header(("sec-fetch-site", "same-origin")).insert_header(("x-csrf-token", token));
    }
    app(request).await
}

/// Reads a response.
pub async fn read<B: MessageBody>(response: ServiceResponse<B>) -> Answer {
    let lines = response.headers().get_all(header::SET_COOKIE);
    let cookies = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
    let status = response.status().as_u16();
    let Ok(body) = to_bytes(response.into_body()).await else { panic!("a body that can be read") };
    Answer { status, cookies, body: String::from_utf8(body.into()).expect("text") }
}
