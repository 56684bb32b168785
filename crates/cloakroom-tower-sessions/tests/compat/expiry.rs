//! `set_expiry`, as timeouts.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use time::OffsetDateTime;
use tower_sessions::{Expiry, Session};

use crate::browser::{Browser, START, Site};

const DAY: u64 = 24 * 60 * 60;

fn expiry(name: &str) -> Option<Expiry> {
    let start = OffsetDateTime::from_unix_timestamp(i64::try_from(START.unix_secs()).unwrap()).unwrap();
    match name {
        "thirty-days-unused" => Some(Expiry::OnInactivity(time::Duration::days(30))),
        "a-minute-unused" => Some(Expiry::OnInactivity(time::Duration::minutes(1))),
        "tomorrow" => Some(Expiry::AtDateTime(start + time::Duration::days(1))),
        "yesterday" => Some(Expiry::AtDateTime(start - time::Duration::days(1))),
        "no-time" => Some(Expiry::OnInactivity(time::Duration::ZERO)),
        "browser-session" => Some(Expiry::OnSessionEnd),
        _ => None,
    }
}

fn site() -> Site {
    let routes = Router::new()
        .route(
            "/set/{expiry}",
            get(|session: Session, Path(name): Path<String>| async move {
                session.insert("a", 1).await.unwrap();
                session.set_expiry(expiry(&name));
            }),
        )
        .route(
            "/set-and-save/{expiry}",
            get(|session: Session, Path(name): Path<String>| async move {
                session.set_expiry(expiry(&name));
                session.insert("a", 1).await.unwrap();
                session.save().await.unwrap();
            }),
        )
        .route(
            "/only-set/{expiry}",
            get(|session: Session, Path(name): Path<String>| async move {
                session.set_expiry(expiry(&name));
            }),
        )
        .route(
            "/write",
            get(|session: Session| async move {
                let count: u32 = session.get("count").await.unwrap().unwrap_or_default();
                session.insert("count", count + 1).await.unwrap();
            }),
        )
        .route("/read", get(|session: Session| async move { format!("{:?}", session.get_value("a").await.unwrap()) }));
    Site::new(routes)
}

async fn is_alive(browser: &mut Browser) -> bool {
    browser.get("/read").await.text != "None"
}

fn max_age(lines: &[&str]) -> Option<u64> {
    let [line] = lines else { panic!("not one cookie: {lines:?}") };
    line.split("; ").find_map(|part| part.strip_prefix("Max-Age=")?.parse().ok())
}

#[tokio::test]
async fn an_expiry_becomes_timeouts_that_later_writes_keep() {
    // The default timeouts are 20 minutes unused, and 24 hours.
    #[rustfmt::skip] // one row, one line
    let rows: [(&str, Option<u64>, u64, u64); 5] = [
        // the expiry, the Max-Age, the longest time unused, the time after which it is gone
        ("thirty-days-unused", Some(30 * DAY), 30 * DAY, 30 * DAY + 1),
        ("a-minute-unused", Some(60), 60, 61),
        ("tomorrow", Some(DAY), DAY, DAY + 1),
        ("browser-session", None, 20 * 60, 20 * 60 + 1),
        ("none", None, 20 * 60, 20 * 60 + 1),
    ];
    for path in ["/set", "/set-and-save"] {
        for (name, cookie, alive, gone) in rows {
            for (after, expected) in [(alive, true), (gone, false)] {
                let site = site();
                let mut browser = site.browser();
                let answer = browser.get(&format!("{path}/{name}")).await;
                assert_eq!(max_age(&answer.set_cookies()), cookie, "{path}/{name}");
                browser.get("/write").await;
                site.clock.advance(Duration::from_secs(after));
                assert_eq!(is_alive(&mut browser).await, expected, "{path}/{name} after {after} s");
            }
        }
    }
}

#[tokio::test]
async fn use_extends_an_expiry_on_inactivity_and_not_a_date() {
    for (name, expected) in [("thirty-days-unused", true), ("tomorrow", false)] {
        let site = site();
        let mut browser = site.browser();
        browser.get(&format!("/set/{name}")).await;
        for _ in 0..3 {
            site.clock.advance(Duration::from_secs(DAY * 9 / 10));
            browser.get("/read").await;
        }
        assert_eq!(is_alive(&mut browser).await, expected, "{name}");
    }
}

#[tokio::test]
async fn an_expiry_that_has_passed_ends_the_session() {
    for name in ["yesterday", "no-time"] {
        let site = site();
        let mut browser = site.browser();
        browser.get("/write").await;
        assert_eq!(browser.cookies.len(), 1);
        browser.get(&format!("/only-set/{name}")).await;
        assert!(browser.cookies.is_empty(), "{name}");
        browser.get(&format!("/set/{name}")).await;
        assert!(!is_alive(&mut browser).await, "{name}");
    }
}

#[tokio::test]
async fn a_session_can_be_forgotten_again() {
    let site = site();
    let mut browser = site.browser();
    browser.get("/set/thirty-days-unused").await;
    let answer = browser.get("/only-set/browser-session").await;
    assert_eq!(max_age(&answer.set_cookies()), None);
    site.clock.advance(Duration::from_secs(20 * 60 + 1));
    assert!(!is_alive(&mut browser).await);
}
