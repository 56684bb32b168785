//! actix-web. Its services belong to one thread, so each request has its own.

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{HttpRequest, web};
use cloakroom::for_actix::{CsrfMiddleware, SessionMiddleware};
use cloakroom::{DeviceBinding, Error, Session};

use super::{Answer, App, Ask, line, strict};
use crate::shop::{Shop, handle};

async fn any(request: HttpRequest, session: Session) -> Result<String, Error> {
    handle(request.path(), &session).await
}

/// The part of the application that the middleware is around.
#[derive(Clone, Copy)]
enum Around {
    App,
    Scope,
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    serve(Around::App, shop, binding)
}

/// The application with the middleware around the scope `/admin` only.
pub(crate) fn scoped(shop: Shop, binding: DeviceBinding) -> App {
    serve(Around::Scope, shop, binding)
}

fn serve(around: Around, shop: Shop, binding: DeviceBinding) -> App {
    let sessions = SessionMiddleware::from_engine(shop.engine(binding));
    App::serving(shop, move |ask| {
        let sessions = sessions.clone();
        let answer = move || actix_web::rt::System::new().block_on(answer(around, sessions, ask));
        async move { tokio::task::spawn_blocking(answer).await.unwrap() }
    })
}

async fn answer(around: Around, sessions: SessionMiddleware, ask: Ask) -> Answer {
    let (app, csrf) = (actix_web::App::new(), CsrfMiddleware::new(strict()));
    let request = TestRequest::with_uri(&ask.path).method(ask.method.parse().unwrap());
    let add =
        |request: TestRequest, (name, value): &(String, String)| request.append_header((name.as_str(), value.as_str()));
    let request = ask.lines.iter().fold(request, add).to_request();
    match around {
        Around::App => {
            let service = init_service(app.default_service(web::to(any)).wrap(csrf).wrap(sessions)).await;
            read(call_service(&service, request).await).await
        }
        Around::Scope => {
            let scope = web::scope("/admin").default_service(web::to(any)).wrap(csrf).wrap(sessions);
            let service = init_service(app.service(scope)).await;
            read(call_service(&service, request).await).await
        }
    }
}

async fn read(response: ServiceResponse<impl MessageBody>) -> Answer {
    let headers = response.headers().clone();
    Answer {
        status: response.status().as_u16(),
        headers: headers.iter().map(|(name, value)| line(name, value.as_bytes())).collect(),
        body: String::from_utf8(read_body(response).await.to_vec()).unwrap(),
    }
}
