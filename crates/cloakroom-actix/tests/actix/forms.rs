//! `CheckedForm`: accepted and rejected forms, and the errors.

use actix_web::{App, test, web};
use cloakroom_actix::{CheckedForm, CsrfMiddleware, FormToken};

use crate::browser::{Browser, always, session_middleware};

#[derive(serde::Deserialize)]
struct Order {
    item: String,
    count: u32,
}

async fn order(CheckedForm(order): CheckedForm<Order>) -> String {
    format!("{} x {}", order.count, order.item)
}

async fn token(token: FormToken) -> String {
    token.to_string()
}

#[actix_web::test]
async fn a_checked_form_accepts_only_own_forms() {
    let pairs = "application/x-www-form-urlencoded";
    for (name, enforced, site, content_type, form, expected) in [
        ("ours, checked before", true, "same-origin", pairs, "item=hat&count=2&csrf_token=TOKEN", (200, "2 x hat")),
        (
            "ours, on an exempt route",
            false,
            "same-origin",
            pairs,
            "item=hat&count=2&csrf_token=TOKEN",
            (200, "2 x hat"),
        ),
        ("no token, on an exempt route", false, "same-origin", pairs, "item=hat&count=2", (403, "CSRF check failed")),
        ("forged, on an exempt route", false, "cross-site", pairs, "item=hat&count=2&csrf_token=TOKEN", (403, "CSRF")),
        (
            "another shape",
            true,
            "same-origin",
            pairs,
            "item=hat&count=two&csrf_token=TOKEN",
            (422, "the form isn't of"),
        ),
        ("no form", false, "same-origin", "application/json", "{}", (415, "the body isn't an urlencoded form")),
        ("too large", false, "same-origin", pairs, "LARGE&csrf_token=TOKEN", (413, "")),
    ] {
        let csrf = CsrfMiddleware::new(always());
        let csrf = if enforced { csrf } else { csrf.exempt() };
        let app = test::init_service(
            App::new()
                .app_data(web::PayloadConfig::new(1000))
                .route("/token", web::get().to(token))
                .route("/order", web::post().to(order))
                .wrap(csrf)
                .wrap(session_middleware()),
        )
        .await;
        let mut browser = Browser::default();
        let token = String::from_utf8(browser.get(&app, "/token").await.body.to_vec()).unwrap();
        let form = form.replace("TOKEN", &token).replace("LARGE", &"x".repeat(2000));
        let request = test::TestRequest::post()
            .uri("/order")
            .insert_header(("content-type", content_type))
            .insert_header(("sec-fetch-site", site))
            .set_payload(form);
        let answer = browser.send(&app, request.to_request()).await;
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(answer.status, expected.0, "{name}: {body}");
        assert!(body.starts_with(expected.1), "{name}: {body}");
    }
}
