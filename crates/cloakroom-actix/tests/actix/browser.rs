//! A browser with one cookie, and the middleware that the tests share.

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header;
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use cloakroom_actix::SessionMiddleware;
use cloakroom_session::{CookieSessions, CsrfRules, CsrfRulesBuilder, Key, Session, TokenPolicy};

pub(crate) fn sessions() -> CookieSessions {
    let key = Key::new(b"a secret for tests, of 32 bytes or more").unwrap();
    CookieSessions::signed(key).build().unwrap()
}

pub(crate) fn session_middleware() -> SessionMiddleware {
    SessionMiddleware::new(sessions())
}

/// Rules that always ask for the token.
pub(crate) fn always() -> CsrfRules {
    always_with(|it| it)
}

pub(crate) fn always_with(options: impl FnOnce(CsrfRulesBuilder) -> CsrfRulesBuilder) -> CsrfRules {
    options(CsrfRules::builder().token_policy(TokenPolicy::Always)).build().unwrap()
}

/// The response as the browser received it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn all(&self, name: header::HeaderName) -> Vec<&str> {
        self.headers.get_all(name).map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.all(header::SET_COOKIE)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<String>,
}

impl Browser {
    pub(crate) async fn get<S, B>(&mut self, app: &S, path: &str) -> Answer
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody,
    {
        self.send(app, TestRequest::get().uri(path).to_request()).await
    }

    /// Sends a request. Like a server, it turns an `Err` into a response.
    pub(crate) async fn send<S, B>(&mut self, app: &S, mut request: actix_http::Request) -> Answer
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody,
    {
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        }
        let answer = match app.call(request).await {
            Ok(response) => {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Answer { status, headers, body: to_bytes(response.into_body()).await.ok().unwrap() }
            }
            Err(error) => {
                let response = error.error_response();
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Answer { status, headers, body: to_bytes(response.into_body()).await.unwrap() }
            }
        };
        if let Some(line) = answer.cookies().first() {
            let pair = line.split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
        }
        answer
    }
}

pub(crate) async fn sign_in(session: Session) -> &'static str {
    session.insert("user", "ann").unwrap();
    "welcome"
}

pub(crate) async fn who(session: Session) -> String {
    session.get::<String>("user").unwrap().unwrap_or_default()
}
