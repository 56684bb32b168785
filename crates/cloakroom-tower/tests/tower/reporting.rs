//! Report-only rules refuse nothing, even if the check can't run.

use axum::Router;
use axum::routing::{any, get};
use cloakroom_session::adapter::CsrfSlot;
use cloakroom_session::factory::{Commit, Committed, CookieHeader, SessionFactory, SessionState};
use cloakroom_session::{Error, Session, Timestamp};
use cloakroom_tower::{CsrfLayer, SessionLayer};

use crate::browser::{Site, always, always_with, full, request};
use crate::traces::traced;

/// A store that is down.
#[derive(Debug)]
struct Down;

impl SessionFactory for Down {
    async fn open(&self, _: CookieHeader<'_>, _: Timestamp) -> Result<SessionState, Error> {
        Err(Error::unavailable("down"))
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Error> {
        Err(Error::unavailable("down"))
    }
}

fn pages(csrf: CsrfLayer) -> Router {
    let decision = |axum::Extension(slot): axum::Extension<CsrfSlot>| async move { format!("{:?}", slot.decision()) };
    Router::new().route("/", any(decision)).route("/session", get(|_: Session| async {})).layer(csrf)
}

#[test]
fn report_only_passes_requests_that_cannot_be_checked() {
    let report = CsrfLayer::new(always_with(|it| it.danger_report_only()));
    let enforce = CsrfLayer::new(always());
    let layered = |csrf: &CsrfLayer| Site::new(pages(csrf.clone()).layer(SessionLayer::new(Down)));
    let bare = |csrf: &CsrfLayer| Site::new(pages(csrf.clone()));
    for (name, site, status) in [
        ("the store is down", layered(&report), 200),
        ("no session layer", bare(&report), 200),
        ("the store is down, enforced", layered(&enforce), 503),
        ("no session layer, enforced", bare(&enforce), 500),
    ] {
        let post = request("POST", "/").header("sec-fetch-site", "same-origin").header("x-csrf-token", "x");
        let (response, events) = traced(|| site.answer(post.body(full("")).unwrap()));
        assert_eq!(response.status().as_u16(), status, "{name}");
        if status == 200 {
            assert_eq!(response.body().as_ref(), b"Reported(Unavailable)", "{name}");
            assert!(events.iter().any(|event| event.field("reason") == Some("unavailable")), "{name}: {events:?}");
        }
    }
    let session = request("GET", "/session").body(full("")).unwrap();
    assert_eq!(layered(&report).answer(session).status(), 503, "a handler that needs the session gets an error");
}
