//! The session hoop.

use cloakroom_session::{CommitPolicy, CookieConfig, NamedSession, SessionHeader};

use super::*;

#[tokio::test]
async fn an_error_of_a_handler_commits_as_the_policy_says() {
    for (policy, user) in [(CommitPolicy::Always, "bob"), (CommitPolicy::NotOnServerError, "ann")] {
        let mut site = site(sessions().commit_policy(policy));
        site.get("/in").await;
        let failed = site.get("/fails").await;
        assert_eq!(failed.status, 500);
        assert!(failed.body.contains("sorry"), "the error page of salvo: {}", failed.body);
        assert_eq!(site.text("/").await, user);
    }
}

#[tokio::test]
async fn session_errors_are_responses_without_details() {
    let mut site = site(sessions());
    site.get("/in").await;
    let wrong = site.get("/wrong-type").await;
    assert_eq!((wrong.status, wrong.body.as_str()), (500, "Internal Server Error"), "a handler's");
    assert!(!wrong.headers.contains_key("etag"), "it describes the replaced page");
    let much = site.get("/much").await;
    assert_eq!((much.status, much.body.as_str()), (500, "Internal Server Error"), "the commit's");
    assert!(!much.headers.contains_key("x-receipt"), "a header of the replaced response");
    assert_eq!(site.text("/").await, "ann", "the session is unchanged");
    let without = Site::new(pages()).get("/").await;
    assert_eq!((without.status, without.body.as_str()), (500, "Internal Server Error"), "without a hoop");
    let mut unavailable = Response::new();
    Error::unavailable("it is down").render(&mut unavailable);
    assert_eq!(unavailable.status_code, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(unavailable.headers().contains_key("retry-after"));
    assert_eq!(unavailable.headers()[CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn an_error_names_the_missing_hoop() {
    let request = Request::new();
    let session = request.session().await.unwrap_err();
    assert!(session.to_string().contains("SessionHoop"), "{session}");
    let token = request.form_token().await.unwrap_err();
    assert!(token.to_string().contains("CsrfHoop"), "{token}");
}

#[handler]
async fn policies(response: &mut Response) {
    response.add_header("x-frame-options", "DENY", true).unwrap();
}

#[tokio::test]
async fn a_failed_commit_keeps_the_headers_that_hoops_outside_had_set() {
    let mut site = Site::new(Router::new().hoop(policies).hoop(sessions()).push(pages()));
    let much = site.get("/much").await;
    assert_eq!(much.status, 500);
    assert_eq!(much.all("x-frame-options"), ["DENY"]);
    assert!(!much.headers.contains_key("x-receipt"));
}

#[tokio::test]
async fn an_untouched_request_gets_no_header() {
    #[handler]
    async fn hello() -> &'static str {
        "hello"
    }
    let page = |router: Router| async move { Site::new(router.get(hello)).get("/").await.headers };
    assert_eq!(page(Router::new().hoop(sessions()).hoop(csrf())).await, page(Router::new()).await);
}

#[tokio::test]
async fn a_session_cookie_is_appended_to_other_cookies() {
    #[handler]
    async fn two(session: Session, response: &mut Response) -> Result<(), Error> {
        response.add_header(SET_COOKIE, "theme=dark", false).unwrap();
        session.insert("user", "ann")
    }
    let answer = Site::new(Router::new().hoop(sessions()).get(two)).get("/").await;
    let cookies = answer.all("set-cookie");
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert_eq!(cookies[0], "theme=dark");
    assert!(cookies[1].starts_with("__Host-"), "{cookies:?}");
}

#[tokio::test]
async fn a_page_with_a_token_is_not_cached() {
    let mut site = site(sessions());
    site.get("/in").await;
    let headers = site.get("/cached").await.headers;
    assert!(!headers.contains_key(SET_COOKIE));
    assert_eq!(headers[CACHE_CONTROL], "private, no-store");
    assert!(!headers.contains_key("cdn-cache-control"));
}

#[tokio::test]
async fn a_stream_passes() {
    let answer = site(sessions()).get("/stream").await;
    assert!(!answer.headers.contains_key("content-length"));
    assert_eq!(answer.body, "piece by piece");
}

#[tokio::test]
async fn a_hoop_of_the_service_sees_unknown_paths_and_a_hoop_of_a_router_does_not() {
    #[handler]
    async fn count(request: &mut Request) -> Result<(), Error> {
        request.session().await?.insert("seen", true)
    }
    for (name, path, status) in [("an unknown path", "/nowhere", 404), ("an unknown method", "/echo", 405)] {
        let router = Site::new(Router::new().hoop(sessions()).hoop(count).push(pages())).get(path).await;
        assert_eq!((router.status, router.all("set-cookie").len()), (status, 0), "{name}, hoops of the router");
        let service = Site::new(Service::new(pages()).hoop(sessions()).hoop(count)).get(path).await;
        assert_eq!((service.status, service.all("set-cookie").len()), (status, 1), "{name}, hoops of the service");
        assert!(!service.body.is_empty(), "{name}: salvo's page");
    }
}

#[tokio::test]
async fn a_program_has_its_id_in_a_header() {
    let mut site = site(sessions().header(SessionHeader::named("x-session").unwrap()));
    let begun = site.send(with(get("/in"), "x-session", "new")).await;
    let id = begun.headers["x-session"].to_str().unwrap();
    assert!(!begun.headers.contains_key(SET_COOKIE));
    assert_eq!(begun.all("vary"), ["cookie", "x-session"]);
    assert_eq!(site.send(with(get("/"), "x-session", id)).await.body, "ann");
    let post = |body| hyper::Request::post("/echo").body(Bytes::from_static(body)).unwrap();
    assert_eq!(site.send(with(post(b"x"), "x-session", id)).await.body, "x", "no CSRF token");
    assert_eq!(site.send(post(b"x")).await.status, 403);
}

struct Place;

#[handler]
async fn both(admin: Session, site: NamedSession<Place>) -> Result<(), Error> {
    admin.insert("area", "admin")?;
    site.insert("area", "site")
}

#[tokio::test]
async fn several_session_hoops_are_told_apart() {
    let with_cookie = |name: &str| {
        let cookie = CookieConfig::default().name(name);
        SessionHoop::new(CookieSessions::encrypted(key()).cookie(cookie).build().unwrap())
    };
    let twice = with_cookie("__Host-Http-site").named::<Place>();
    for (name, inner, status, cookies) in [
        ("two cookies", with_cookie("__Host-Http-admin"), 200, 2),
        ("the same hoop twice", twice.clone(), 200, 1),
        ("one cookie, two hoops", with_cookie("__Host-Http-site"), 500, 0),
    ] {
        let answer = Site::new(Router::new().hoop(twice.clone()).hoop(inner).get(both)).get("/").await;
        assert_eq!((answer.status, answer.all("set-cookie").len()), (status, cookies), "{name}");
    }
}

#[tokio::test]
async fn a_hoop_between_two_sessions_has_the_outer_one_also_after_the_handler() {
    #[handler]
    async fn between(request: &mut Request, depot: &mut Depot, response: &mut Response, flow: &mut FlowCtrl) {
        flow.call_next(request, depot, response).await;
        let outer = request.session().await.unwrap();
        outer.insert("area", "between").unwrap();
        assert_eq!(request.named_session::<Place>().await.unwrap().get::<String>("area").unwrap().unwrap(), "between");
    }
    let cookie = CookieConfig::default().name("__Host-Http-inner");
    let inner = SessionHoop::new(CookieSessions::encrypted(key()).cookie(cookie).build().unwrap());
    let router = Router::new().hoop(sessions().named::<Place>()).hoop(between).hoop(inner).get(both);
    let answer = Site::new(router).get("/").await;
    assert_eq!((answer.status, answer.all("set-cookie").len()), (200, 2));
}

#[tokio::test]
async fn a_handler_that_is_dropped_commits_nothing() {
    #[handler]
    async fn order(session: Session) -> Result<(), Error> {
        session.insert("user", "ann")?;
        std::future::pending::<()>().await;
        Ok(())
    }
    #[handler]
    async fn limited(request: &mut Request, depot: &mut Depot, response: &mut Response, flow: &mut FlowCtrl) {
        let limit = std::time::Duration::from_millis(1);
        if tokio::time::timeout(limit, flow.call_next(request, depot, response)).await.is_err() {
            response.render(StatusError::request_timeout());
            flow.skip_rest();
        }
    }
    let answer = Site::new(Router::new().hoop(sessions()).hoop(limited).hoop(csrf()).get(order)).get("/").await;
    assert_eq!((answer.status, answer.all("set-cookie").len()), (408, 0));
}

#[tokio::test]
async fn a_session_is_committed_also_if_a_hoop_ceases_the_flow() {
    #[handler]
    async fn ceases(session: Session, flow: &mut FlowCtrl) -> Result<(), Error> {
        flow.cease();
        session.insert("user", "ann")
    }
    let mut site = Site::new(Router::new().hoop(sessions()).push(Router::with_path("in").get(ceases)).get(who));
    site.get("/in").await;
    assert_eq!(site.text("/").await, "ann");
}

#[tokio::test]
async fn a_failed_commit_has_the_response_of_the_application() {
    let sorry = |error: &Error, response: &mut Response| {
        assert!(!error.is_unavailable());
        response.render(Text::Plain("try later"));
    };
    let failed = site(sessions().on_error(sorry)).get("/much").await;
    assert_eq!((failed.status, failed.body.as_str()), (500, "try later"), "the status of the error");
    let sorry = |_: &Error, response: &mut Response| {
        response.status_code(StatusCode::BAD_GATEWAY);
    };
    assert_eq!(site(sessions().on_error(sorry)).get("/much").await.status, 502, "another status");
}
