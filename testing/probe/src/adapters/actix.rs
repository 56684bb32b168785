//! actix-web, with several workers.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::{Server, Service as _, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{App as Application, HttpRequest, HttpResponse, HttpServer, Route};
use cloakroom::for_actix::{CheckedForm, CsrfMiddleware, FormToken, SessionMiddleware};
use cloakroom::{Error, Session};
use futures_util::future::{Either, ready};
use futures_util::{StreamExt as _, TryFutureExt as _};

use crate::app::App;
use crate::clock;
use crate::pages::{Asked, Body, Cover, Fields, Maker, PAGES, Reply};

const WORKERS: usize = 4;

pub(crate) fn serve(app: Arc<App>, listener: TcpListener) -> anyhow::Result<Server> {
    let sessions = SessionMiddleware::from_engine(app.engine.clone());
    let server = HttpServer::new(move || {
        Application::new().configure(|config| pages(config, &app)).wrap(sessions.clone()).wrap_fn(|request, next| {
            match clock::read(request.request()) {
                Ok(now) => {
                    Either::Left(clock::at(now, next.call(request).map_ok(ServiceResponse::map_into_boxed_body)))
                }
                Err(why) => Either::Right(ready(Ok(request.into_response(response(Reply::words(400, why)))))),
            }
        })
    });
    Ok(server.workers(WORKERS).listen(listener)?.run())
}

fn pages(config: &mut ServiceConfig, app: &Arc<App>) {
    let csrf = CsrfMiddleware::new(app.rules.clone());
    for page in PAGES {
        let method = if page.method == "GET" { Method::GET } else { Method::POST };
        let resource = web::resource(page.path).route(handler(web::method(method), app, page.maker));
        match page.cover {
            Cover::Bare => config.service(resource),
            Cover::Enforced => config.service(resource.wrap(csrf.clone())),
            Cover::Exempt => config.service(resource.wrap(csrf.exempt())),
        };
    }
}

fn handler(route: Route, app: &Arc<App>, maker: Maker) -> Route {
    match maker {
        Maker::Plain(make) => {
            let app = Arc::clone(app);
            route.to(move |request: HttpRequest, body: Bytes| {
                let reply = make(&app, &Asked::new(&request, body));
                async { response(reply) }
            })
        }
        Maker::Head(make) => route.to(move |request: HttpRequest| {
            let reply = make(&Asked::new(&request, Vec::new()));
            async { response(reply) }
        }),
        Maker::Session(make) => route.to(move |session: Session, request: HttpRequest, body: Bytes| async move {
            Ok::<_, Error>(response(make(session, Asked::new(&request, body)).await?))
        }),
        Maker::Token(make) => route.to(move |token: FormToken| async move { response(make(&token)) }),
        Maker::Checked(make) => {
            route.to(move |CheckedForm(fields): CheckedForm<Fields>| async move { response(make(&fields)) })
        }
    }
}

fn response(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in reply.headers {
        response.append_header(header);
    }
    match reply.body {
        Body::Whole(bytes) => response.body(bytes),
        Body::Lines(lines) => response.streaming(lines.map(|line| Ok::<_, Infallible>(Bytes::from(line)))),
    }
}
