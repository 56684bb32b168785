//! Caching headers of responses for one visitor.

use actix_web::http::header;
use actix_web::{App, HttpResponse, test, web};
use cloakroom_actix::CsrfMiddleware;
use cloakroom_session::adapter::FormToken;
use cloakroom_session::{CsrfRules, Session, SessionHeader};

use crate::browser::{Browser, always, session_middleware, sign_in};

fn public() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=60"))
        .insert_header(("cdn-cache-control", "max-age=600"))
        .insert_header(("surrogate-control", "max-age=600"))
        .insert_header(("x-accel-expires", "600"))
        .insert_header(("expires", "Thu, 31 Dec 2099 23:59:59 GMT"))
        .finish()
}

async fn reads(session: Session) -> HttpResponse {
    session.get::<String>("user").unwrap();
    public()
}

async fn writes(session: Session) -> HttpResponse {
    session.insert("seen", true).unwrap();
    public()
}

async fn token(session: Session) -> HttpResponse {
    session.masked_csrf_token().unwrap();
    public()
}

async fn who(session: Session) -> String {
    session.get("user").unwrap().unwrap_or_default()
}

async fn form(_: FormToken) -> HttpResponse {
    public()
}

#[actix_web::test]
async fn a_response_with_a_cookie_or_a_token_is_stored_by_no_cache() {
    let app = test::init_service(
        App::new()
            .route("/in", web::get().to(sign_in))
            .route("/reads", web::get().to(reads))
            .route("/writes", web::get().to(writes))
            .route("/token", web::get().to(token))
            .route("/form", web::get().to(form))
            .wrap(CsrfMiddleware::new(CsrfRules::default()))
            .wrap(session_middleware()),
    )
    .await;
    for (path, is_private, cookies) in
        [("/reads", false, 0), ("/writes", true, 1), ("/token", true, 0), ("/form", true, 0)]
    {
        let mut browser = Browser::default();
        browser.get(&app, "/in").await;
        let answer = browser.get(&app, path).await;
        assert_eq!(answer.cookies().len(), cookies, "{path}");
        let expected = if is_private { "private, no-store" } else { "public, max-age=60" };
        assert_eq!(answer.all(header::CACHE_CONTROL), [expected], "{path}");
        for name in ["cdn-cache-control", "surrogate-control", "x-accel-expires", "expires"] {
            assert_eq!(answer.headers.contains_key(name), !is_private, "{path}: {name}");
        }
    }
}

#[actix_web::test]
async fn a_program_has_its_id_in_a_header() {
    let header = SessionHeader::named("x-session").unwrap();
    let app = App::new()
        .route("/in", web::post().to(sign_in))
        .route("/reads", web::get().to(who))
        .wrap(CsrfMiddleware::new(always()))
        .wrap(session_middleware().header(header));
    let app = test::init_service(app).await;
    let mut program = Browser::default();
    let new = test::TestRequest::post().uri("/in").insert_header(("x-session", "new"));
    let answer = program.send(&app, new.to_request()).await;
    assert!(answer.headers.get("x-session").unwrap().is_sensitive() && answer.cookies().is_empty());
    assert_eq!(answer.all(header::VARY), ["cookie", "x-session"]);
    let id = answer.headers.get("x-session").unwrap().to_str().unwrap();
    let known = test::TestRequest::get().uri("/reads").insert_header(("x-session", id));
    assert_eq!(program.send(&app, known.to_request()).await.body, "ann");
    let without = test::TestRequest::post().uri("/in").to_request();
    assert_eq!(program.send(&app, without).await.status, 403);
}
