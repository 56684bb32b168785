//! Several session middlewares, and handlers that are dropped before they return.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorRequestTimeout;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpResponse, test, web};
use cloakroom_actix::{CsrfMiddleware, SessionMiddleware};
use cloakroom_session::{CookieConfig, CookieSessions, Error, Key, NamedSession, Session};

use crate::browser::{Browser, always, session_middleware, sign_in, who};

fn sessions(name: &str) -> SessionMiddleware {
    let key = Key::new(b"a secret for tests, of 32 bytes or more").unwrap();
    let cookie = CookieConfig::default().name(name);
    SessionMiddleware::new(CookieSessions::signed(key).cookie(cookie).build().unwrap())
}

async fn visits(session: Session) -> Result<String, Error> {
    session
        .update("visits", |visits: &mut u32| {
            *visits += 1;
            *visits
        })
        .map(|visits| visits.to_string())
}

#[actix_web::test]
async fn the_same_middleware_twice_is_one_session_with_one_commit() {
    async fn log(
        session: Session,
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        session.update("before", |count: &mut u32| *count += 1)?;
        let response = next.call(request).await?;
        session.update("after", |count: &mut u32| *count += 1)?;
        Ok(response)
    }
    async fn counts(session: Session) -> Result<String, Error> {
        let (before, after): (Option<u32>, Option<u32>) = (session.get("before")?, session.get("after")?);
        Ok(format!("{} {}", before.unwrap_or_default(), after.unwrap_or_default()))
    }
    let twice = session_middleware();
    let pages = web::scope("/in").route("/visits", web::get().to(visits)).route("/counts", web::get().to(counts));
    let app = App::new().service(pages.wrap(twice.clone())).wrap(from_fn(log)).wrap(twice);
    let app = test::init_service(app).await;
    let mut browser = Browser::default();
    for expected in ["1", "2", "3"] {
        let answer = browser.get(&app, "/in/visits").await;
        assert_eq!((&*answer.body, answer.cookies().len()), (expected.as_bytes(), 1));
    }
    assert_eq!(browser.get(&app, "/in/counts").await.body, "4 3");
}

#[actix_web::test]
async fn two_middlewares_that_set_one_cookie_are_an_error_of_the_first_request() {
    let pages = web::scope("/in").route("/visits", web::get().to(visits)).wrap(session_middleware());
    let app = test::init_service(App::new().service(pages).wrap(session_middleware())).await;
    let answer = Browser::default().get(&app, "/in/visits").await;
    assert_eq!((answer.status, answer.cookies().len()), (500, 0));
}

#[actix_web::test]
async fn a_handler_reaches_the_session_of_an_outer_middleware_by_its_name() {
    struct Place;
    async fn both(admin: Session, site: NamedSession<Place>) -> Result<&'static str, Error> {
        admin.insert("area", "admin")?;
        site.insert("area", "site")?;
        Ok("done")
    }
    async fn nowhere(_: NamedSession<u8>) -> &'static str {
        "done"
    }
    let admin = web::scope("/admin").route("/both", web::get().to(both)).route("/nowhere", web::get().to(nowhere));
    let app = App::new()
        .service(admin.wrap(sessions("__Host-Http-admin")))
        .wrap(sessions("__Host-Http-site").named::<Place>());
    let app = test::init_service(app).await;
    let answer = Browser::default().get(&app, "/admin/both").await;
    let names: Vec<_> = answer.cookies().iter().map(|cookie| cookie.split('=').next().unwrap().to_owned()).collect();
    assert_eq!((answer.status, names), (200, vec!["__Host-Http-admin".to_owned(), "__Host-Http-site".to_owned()]));
    assert_eq!(Browser::default().get(&app, "/admin/nowhere").await.status, 500);
}

/// Drops a handler that never returns.
async fn limited(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = actix_web::rt::time::timeout(Duration::from_millis(1), next.call(request)).await;
    response.map_err(|_| ErrorRequestTimeout("late"))?
}

#[actix_web::test]
async fn a_handler_that_is_dropped_commits_nothing() {
    async fn order(session: Session) -> HttpResponse {
        session.insert("user", "ann").unwrap();
        std::future::pending::<()>().await;
        HttpResponse::Ok().finish()
    }
    let (sessions, csrf) = (session_middleware(), CsrfMiddleware::new(always()));
    let pages =
        |name: &str| web::scope(name).route("/order", web::get().to(order)).route("/in", web::get().to(sign_in));
    let app = App::new()
        .service(pages("/csrf").wrap(csrf).wrap(from_fn(limited)).wrap(sessions.clone()))
        .service(pages("/twice").wrap(sessions.clone()).wrap(from_fn(limited)).wrap(sessions.clone()))
        .service(pages("/outside").wrap(sessions.clone()).wrap(from_fn(limited)))
        .service(web::scope("").route("/who", web::get().to(who)).wrap(sessions));
    let app = test::init_service(app).await;
    for place in ["/csrf", "/twice", "/outside"] {
        let mut browser = Browser::default();
        let answer = browser.get(&app, &format!("{place}/order")).await;
        assert_eq!((answer.status, answer.cookies().len()), (408, 0), "{place}");
        assert_eq!(browser.get(&app, "/who").await.body, "", "{place}");
        assert_eq!(
            browser.get(&app, &format!("{place}/in")).await.cookies().len(),
            1,
            "{place}: a handler that returns"
        );
    }
}
