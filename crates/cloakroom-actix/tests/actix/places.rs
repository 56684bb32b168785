//! Middleware on an application, a scope or a resource.

use actix_web::http::header;
use actix_web::{App, test, web};
use cloakroom_actix::{CheckedForm, CsrfMiddleware, FormToken, SessionMiddleware};
use cloakroom_session::{CookieConfig, CookieSessions, Key, Session};

use crate::browser::{Browser, always, always_with, session_middleware, sign_in, who};

async fn token(token: FormToken) -> String {
    token.to_string()
}

#[actix_web::test]
async fn only_wrapped_scopes_have_sessions() {
    let sessions = session_middleware();
    let pages = |scope: actix_web::Scope| {
        scope.route("/in", web::get().to(sign_in)).route("/who", web::get().to(who)).route("/fine", web::get().to(fine))
    };
    async fn fine() -> &'static str {
        "fine"
    }
    let app = test::init_service(
        App::new()
            .service(pages(web::scope("/scope")).wrap(sessions.clone()))
            .service(web::scope("/outer").wrap(sessions.clone()).service(pages(web::scope("/inner"))))
            .service(web::resource("/resource/in").route(web::get().to(sign_in)).wrap(sessions.clone()))
            .service(web::resource("/resource/who").route(web::get().to(who)).wrap(sessions.clone()))
            .service(pages(web::scope("/none"))),
    )
    .await;
    for place in ["/scope", "/outer/inner", "/resource"] {
        let mut browser = Browser::default();
        assert_eq!(browser.get(&app, &format!("{place}/in")).await.cookies().len(), 1, "{place}");
        assert_eq!(browser.get(&app, &format!("{place}/who")).await.body, "ann", "{place}");
    }
    for path in ["/scope/fine", "/none/fine"] {
        let answer = Browser::default().get(&app, path).await;
        assert_eq!(answer.body, "fine", "{path}");
        assert!(answer.cookies().is_empty() && answer.all(header::VARY).is_empty(), "{path}");
    }
    assert_eq!(Browser::default().get(&app, "/none/in").await.status, 500, "a session needs the middleware");
}

#[actix_web::test]
async fn around_the_application_it_covers_scopes_and_unknown_paths() {
    async fn not_found(session: Session) -> actix_web::HttpResponse {
        session.flash("no such page");
        actix_web::HttpResponse::NotFound().finish()
    }
    let app = test::init_service(
        App::new()
            .service(web::scope("/a").route("/in", web::get().to(sign_in)))
            .service(web::scope("/b").route("/who", web::get().to(who)))
            .default_service(web::to(not_found))
            .wrap(session_middleware()),
    )
    .await;
    let mut browser = Browser::default();
    browser.get(&app, "/a/in").await;
    assert_eq!(browser.get(&app, "/b/who").await.body, "ann");
    let answer = browser.get(&app, "/nowhere").await;
    assert_eq!((answer.status, answer.cookies().len()), (404, 1));
}

#[actix_web::test]
async fn an_exempt_scope_inside_an_enforcing_one_is_checked() {
    let csrf = CsrfMiddleware::new(always());
    let inside = test::init_service(
        App::new()
            .service(web::resource("/hook").route(web::post().to(async || "done")).wrap(csrf.exempt()))
            .service(web::scope("").route("/buy", web::post().to(async || "done")).wrap(csrf.clone()))
            .wrap(session_middleware()),
    )
    .await;
    let around = test::init_service(
        App::new()
            .service(web::resource("/hook").route(web::post().to(async || "done")).wrap(csrf.exempt()))
            .wrap(csrf.clone())
            .wrap(session_middleware()),
    )
    .await;
    let post = |path| test::TestRequest::post().uri(path).to_request();
    let mut browser = Browser::default();
    assert_eq!(browser.send(&inside, post("/hook")).await.status, 200);
    assert_eq!(browser.send(&inside, post("/buy")).await.status, 403);
    assert_eq!(
        browser.send(&around, post("/hook")).await.status,
        403,
        "an inner exemption doesn't lift an outer check"
    );
}

#[actix_web::test]
async fn a_missing_middleware_is_an_error() {
    let csrf = CsrfMiddleware::new(always());
    let app = test::init_service(
        App::new()
            .route("/token", web::get().to(token))
            .service(web::resource("/buy").route(web::post().to(async || "done")).wrap(csrf)),
    )
    .await;
    assert_eq!(Browser::default().get(&app, "/token").await.status, 500, "no CSRF middleware");
    let post = test::TestRequest::post().uri("/buy").insert_header(("sec-fetch-site", "same-origin")).to_request();
    assert_eq!(Browser::default().send(&app, post).await.status, 500, "no session middleware around it");
}

#[derive(serde::Deserialize)]
struct Order {
    item: String,
}

async fn buy(CheckedForm(order): CheckedForm<Order>) -> String {
    order.item
}

#[actix_web::test]
async fn a_token_belongs_to_the_session_that_is_checked() {
    let sessions = |name: &str| {
        let key = Key::new(b"a secret for tests, of 32 bytes or more").unwrap();
        let cookie = CookieConfig::default().name(name);
        SessionMiddleware::new(CookieSessions::signed(key).cookie(cookie).build().unwrap())
    };
    let enforced = CsrfMiddleware::new(always());
    for (name, csrf) in [("enforced", enforced.clone()), ("checked by the form alone", enforced.exempt())] {
        let pages =
            |scope: actix_web::Scope| scope.route("/token", web::get().to(token)).route("/buy", web::post().to(buy));
        let app = test::init_service(
            App::new()
                .service(pages(web::scope("/admin")).wrap(sessions("__Host-Http-admin")))
                .service(pages(web::scope("/shop")))
                .wrap(csrf)
                .wrap(sessions("__Host-Http-site")),
        )
        .await;
        for from in ["/shop/token", "/admin/token"] {
            let mut browser = Browser::default();
            let answer = browser.get(&app, from).await;
            assert_eq!(answer.cookies().len(), 1, "{name}: {from}");
            assert!(answer.cookies()[0].starts_with("__Host-Http-site="), "{name}: {from}");
            let token = String::from_utf8(answer.body.to_vec()).unwrap();
            for to in ["/shop/buy", "/admin/buy"] {
                let post = |token: &str| {
                    test::TestRequest::post()
                        .uri(to)
                        .insert_header(("sec-fetch-site", "same-origin"))
                        .insert_header(("content-type", "application/x-www-form-urlencoded"))
                        .set_payload(format!("item=hat&csrf_token={token}"))
                        .to_request()
                };
                let answer = browser.send(&app, post(&token)).await;
                assert_eq!((answer.status, &*answer.body), (200, b"hat".as_slice()), "{name}: {from} {to}");
                assert_eq!(browser.send(&app, post("x")).await.status, 403, "{name}: {from} {to}");
            }
        }
    }
}

#[actix_web::test]
async fn report_only_passes_requests_that_cannot_be_checked() {
    for (name, rules, status) in
        [("enforced", always(), 500), ("report-only", always_with(|it| it.danger_report_only()), 200)]
    {
        let csrf = CsrfMiddleware::new(rules);
        let app = test::init_service(
            App::new().service(web::resource("/buy").route(web::post().to(async || "done")).wrap(csrf)),
        )
        .await;
        let post = test::TestRequest::post().uri("/buy").insert_header(("sec-fetch-site", "same-origin")).to_request();
        assert_eq!(Browser::default().send(&app, post).await.status, status, "{name}: no session middleware");
    }
}

#[actix_web::test]
async fn the_host_of_the_request_selects_the_domain_of_the_cookie() {
    let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
    let cookie = CookieConfig::default().name("__Secure-session");
    let sessions = CookieSessions::encrypted(key).cookie(cookie).build().unwrap();
    let middleware = SessionMiddleware::new(sessions).cookie_domains(["shop.example"]).unwrap();
    let app = test::init_service(App::new().route("/in", web::post().to(sign_in)).wrap(middleware)).await;
    for (host, expected) in [("www.shop.example", true), ("other.example", false)] {
        let request = test::TestRequest::post().uri("/in").insert_header((header::HOST, host));
        let answer = Browser::default().send(&app, request.to_request()).await;
        assert_eq!(answer.cookies()[0].contains("; Domain=shop.example;"), expected, "{host}");
    }
}
