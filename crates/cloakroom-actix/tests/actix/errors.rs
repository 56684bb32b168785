//! Errors that become responses: the changes of the session are committed, and the response carries
//! the cookie.

use actix_web::http::{StatusCode, header};
use actix_web::middleware::{ErrorHandlerResponse, ErrorHandlers, Next, from_fn};
use actix_web::{App, HttpResponse, ResponseError, body::MessageBody, dev, error, test, web};
use cloakroom_actix::SessionMiddleware;
use cloakroom_session::factory::{Commit, Committed, CookieHeader, SessionFactory, SessionState};
use cloakroom_session::{CommitPolicy, Error, Session, Timestamp};

use crate::browser::{Browser, session_middleware, sign_in, who};

/// An error type of the application.
#[derive(Debug)]
struct Teapot(StatusCode);

impl std::fmt::Display for Teapot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a teapot")
    }
}

impl ResponseError for Teapot {
    fn status_code(&self) -> StatusCode {
        self.0
    }
}

async fn handler_fails(session: Session, status: web::Path<u16>) -> Result<HttpResponse, Teapot> {
    session.insert("user", "bob").unwrap();
    Err(Teapot(StatusCode::from_u16(*status).unwrap()))
}

/// The extractor after the session fails: there is no JSON.
async fn extractor_fails(session: Session, _: web::Json<u32>) -> HttpResponse {
    session.insert("user", "not called").unwrap();
    HttpResponse::Ok().finish()
}

/// An inner middleware that fails, before or after its handler.
async fn gives_up<B: MessageBody>(
    session: Session,
    request: dev::ServiceRequest,
    next: Next<B>,
) -> Result<dev::ServiceResponse<B>, actix_web::Error> {
    session.insert("user", "bob").unwrap();
    let status: u16 = request.query_string().parse().unwrap();
    let _answered = next.call(request).await?;
    Err(Teapot(StatusCode::from_u16(status).unwrap()).into())
}

macro_rules! app {
    ($middleware:expr) => {
        test::init_service(
            App::new()
                .route("/in", web::get().to(sign_in))
                .route("/who", web::get().to(who))
                .route("/handler/{status}", web::get().to(handler_fails))
                .route("/extractor", web::get().to(extractor_fails))
                .route("/much", web::get().to(too_much))
                .service(web::resource("/middleware").route(web::get().to(who)).wrap(from_fn(gives_up)))
                .service(web::resource("/much-and-fails").route(web::get().to(who)).wrap(from_fn(writes_too_much)))
                .wrap($middleware),
        )
        .await
    };
}

#[actix_web::test]
async fn every_kind_of_error_commits_as_the_policy_says() {
    for (policy, path, status, expected) in [
        (CommitPolicy::Always, "/handler/418", 418, "bob"),
        (CommitPolicy::Always, "/handler/502", 502, "bob"),
        (CommitPolicy::NotOnServerError, "/handler/418", 418, "bob"),
        (CommitPolicy::NotOnServerError, "/handler/502", 502, "ann"),
        (CommitPolicy::Always, "/middleware?418", 418, "bob"),
        (CommitPolicy::Always, "/middleware?502", 502, "bob"),
        (CommitPolicy::NotOnServerError, "/middleware?418", 418, "bob"),
        (CommitPolicy::NotOnServerError, "/middleware?502", 502, "ann"),
        (CommitPolicy::Always, "/extractor", 400, "ann"),
    ] {
        let app = app!(session_middleware().commit_policy(policy));
        let mut browser = Browser::default();
        browser.get(&app, "/in").await;
        let answer = browser.get(&app, path).await;
        assert_eq!(answer.status, status, "{policy:?} {path}");
        assert_eq!(answer.all(header::VARY), ["cookie"], "{policy:?} {path}: the session was opened");
        assert_eq!(answer.cookies().len(), usize::from(expected == "bob"), "{policy:?} {path}");
        assert_eq!(answer.all(header::CACHE_CONTROL).len(), usize::from(expected == "bob"), "{policy:?} {path}");
        assert_eq!(browser.get(&app, "/who").await.body, expected, "{policy:?} {path}");
    }
}

#[actix_web::test]
async fn an_error_keeps_its_type() {
    let app = app!(session_middleware());
    let request = test::TestRequest::get().uri("/middleware?418").to_request();
    let error = dev::Service::call(&app, request).await.err().unwrap();
    assert!(error.as_error::<Teapot>().is_some());
    for _ in 0..2 {
        assert_eq!(
            error.error_response().headers().get_all(header::SET_COOKIE).count(),
            1,
            "each time a response is made"
        );
    }
}

#[actix_web::test]
async fn error_handlers_outside_see_the_status_and_keep_the_cookie() {
    let handlers = ErrorHandlers::new().handler(StatusCode::IM_A_TEAPOT, |mut response: dev::ServiceResponse<_>| {
        response.headers_mut().insert(header::WARNING, header::HeaderValue::from_static("teapot"));
        Ok(ErrorHandlerResponse::Response(response.map_into_left_body()))
    });
    let app = test::init_service(
        App::new()
            .route("/handler/{status}", web::get().to(handler_fails))
            .route("/who", web::get().to(who))
            .wrap(session_middleware())
            .wrap(handlers),
    )
    .await;
    let mut browser = Browser::default();
    let answer = browser.get(&app, "/handler/418").await;
    assert_eq!((answer.status, answer.all(header::WARNING)), (418, vec!["teapot"]));
    assert_eq!(browser.get(&app, "/who").await.body, "bob");
}

async fn too_much(session: Session) -> &'static str {
    session.remove("user");
    session.insert("text", "secret".repeat(1000)).unwrap();
    "your order is on its way"
}

async fn writes_too_much<B: MessageBody>(
    session: Session,
    request: dev::ServiceRequest,
    next: Next<B>,
) -> Result<dev::ServiceResponse<B>, actix_web::Error> {
    let _answered = next.call(request).await?;
    too_much(session).await;
    Err(error::ErrorPaymentRequired("your order is on its way"))
}

#[actix_web::test]
async fn a_commit_that_fails_replaces_the_response_and_keeps_the_cookie() {
    for path in ["/much", "/much-and-fails"] {
        let app = app!(session_middleware());
        let mut browser = Browser::default();
        browser.get(&app, "/in").await;
        let answer = browser.get(&app, path).await;
        assert_eq!((answer.status, &*answer.body), (500, b"Internal Server Error".as_slice()), "{path}");
        assert_eq!(answer.all(header::CACHE_CONTROL), ["no-store"], "{path}");
        assert!(answer.cookies().is_empty(), "{path}");
        assert_eq!(browser.get(&app, "/who").await.body, "ann", "{path}");

        let own = session_middleware().on_error(|error| {
            assert!(error.is_too_large());
            HttpResponse::InsufficientStorage().body("sorry")
        });
        let answer = browser.get(&app!(own), path).await;
        assert_eq!((answer.status, &*answer.body), (507, b"sorry".as_slice()), "{path}");
        assert_eq!(answer.all(header::VARY), ["cookie"], "{path}");
    }
}

#[actix_web::test]
async fn an_earlier_commit_is_sent_with_the_error() {
    async fn both(session: Session) -> &'static str {
        session.insert("user", "ann").unwrap();
        session.commit_now().await.unwrap();
        session.insert("text", "x".repeat(6000)).unwrap();
        "done"
    }
    let app = test::init_service(
        App::new().route("/both", web::get().to(both)).route("/who", web::get().to(who)).wrap(session_middleware()),
    )
    .await;
    let mut browser = Browser::default();
    assert_eq!(browser.get(&app, "/both").await.status, 500);
    assert_eq!(browser.get(&app, "/who").await.body, "ann");
}

#[actix_web::test]
async fn a_success_page_does_not_cover_a_helper_that_panicked() {
    async fn with_help(session: Session) -> &'static str {
        session.insert("user", "bob").unwrap();
        let handle = session.clone();
        let helper = actix_web::rt::spawn(async move {
            handle.insert("more", 1).unwrap();
            panic!("oh");
        });
        assert!(helper.await.is_err());
        "saved"
    }
    let app = test::init_service(
        App::new()
            .route("/in", web::get().to(sign_in))
            .route("/help", web::get().to(with_help))
            .route("/who", web::get().to(who))
            .wrap(session_middleware()),
    )
    .await;
    let mut browser = Browser::default();
    browser.get(&app, "/in").await;
    let answer = browser.get(&app, "/help").await;
    assert_eq!((answer.status, &*answer.body), (500, b"Internal Server Error".as_slice()));
    assert_eq!(browser.get(&app, "/who").await.body, "ann", "nothing was committed");
}

/// A store that is down.
#[derive(Debug)]
struct Down;

impl SessionFactory for Down {
    async fn open(&self, _: CookieHeader<'_>, _: Timestamp) -> Result<SessionState, Error> {
        Err(Error::unavailable("postgres://user:secret@db is down"))
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Error> {
        Err(Error::unavailable("down"))
    }
}

#[actix_web::test]
async fn a_store_outage_affects_only_requests_that_use_their_session() {
    let app = test::init_service(
        App::new()
            .route("/who", web::get().to(who))
            .route("/static", web::get().to(async || "fine"))
            .wrap(SessionMiddleware::new(Down)),
    )
    .await;
    let mut browser = Browser::default();
    assert_eq!(browser.get(&app, "/static").await.body, "fine");
    let answer = browser.get(&app, "/who").await;
    assert_eq!((answer.status, &*answer.body), (503, b"Service Unavailable".as_slice()));
    assert_eq!(answer.all(header::RETRY_AFTER), ["5"]);
}
