//! The CSRF hoop.

use cloakroom_session::Refusal;

use super::*;

#[tokio::test]
async fn a_searched_body_arrives_complete() {
    let mut site = site(sessions());
    let token = site.text("/token").await;
    let form = format!("csrf_token={token}&a={}", "x".repeat(100_000));
    let echoed = site.send(post("/echo", form.clone())).await;
    assert_eq!(echoed.status, 200, "{}", echoed.body);
    assert!(echoed.body == form);
    assert_eq!(site.send(post("/field", format!("a=1&csrf_token={token}"))).await.body, "1", "as a form of salvo");
}

#[tokio::test]
async fn a_body_that_a_hoop_has_read_is_searched_and_remains() {
    #[handler]
    async fn reads(request: &mut Request) {
        let _ = request.payload().await;
    }
    let mut site = Site::new(Router::new().hoop(sessions()).hoop(reads).hoop(csrf()).push(pages()));
    let token = site.text("/token").await;
    let form = format!("csrf_token={token}&a=1");
    assert_eq!(site.send(post("/echo", form.clone())).await.body, form);
    assert_eq!(site.send(post("/field", form)).await.body, "1");
    assert_eq!(site.send(post("/echo", "csrf_token=wrong")).await.status, 403);
}

#[tokio::test]
async fn a_refused_request_reaches_no_handler() {
    #[handler]
    async fn never() {
        panic!("this handler runs")
    }
    let guarded = || Router::new().hoop(sessions()).hoop(csrf());
    let cross =
        |path: &str| with(hyper::Request::post(path).body(Bytes::new()).unwrap(), "sec-fetch-site", "cross-site");
    for (name, site, path) in [
        ("hoops of a router", Site::new(guarded().post(never)), "/"),
        ("hoops of a service", Site::new(Service::new(Router::new().post(never)).hoop(sessions()).hoop(csrf())), "/"),
        ("an unknown path", Site::new(Service::new(Router::new()).hoop(sessions()).hoop(csrf()).hoop(never)), "/x"),
    ] {
        let mut site = site;
        let refused = site.send(cross(path)).await;
        assert_eq!(refused.status, 403, "{name}");
        assert!(refused.body.starts_with("CSRF check failed"), "{name}: {}", refused.body);
        assert_eq!(refused.headers[CACHE_CONTROL], "no-store", "{name}");
        assert!(!refused.headers.contains_key(SET_COOKIE), "{name}");
    }
}

#[tokio::test]
async fn a_request_with_two_hosts_has_none() {
    // salvo's feature `fix-http1-request-uri` makes the URI of the first `Host`.
    let from_own_page = || {
        let request = hyper::Request::post("https://own.example/echo").header("origin", "https://own.example");
        with(request.body(Bytes::new()).unwrap(), "host", "own.example")
    };
    let mut site = Site::new(Router::new().hoop(CsrfHoop::new(CsrfRules::default())).push(pages()));
    assert_eq!(site.send(from_own_page()).await.status, 200, "one host");
    let refused = site.send(with(from_own_page(), "host", "other.example")).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("came twice"), "{}", refused.body);
}

#[tokio::test]
async fn refusals_and_errors_have_the_responses_of_the_application() {
    let refusing = csrf().on_refusal(|refusal: Refusal, request: &Request, response: &mut Response| {
        response.render(format!("{refusal} at {}", request.uri().path()));
    });
    let mut site = Site::new(Router::new().hoop(sessions()).hoop(refusing.clone()).push(pages()));
    let refused = site.send(hyper::Request::post("/echo").body(Bytes::from_static(b"x")).unwrap()).await;
    assert!(refused.status == 403 && refused.body.ends_with(" at /echo"), "{}", refused.body);
    // Without a session hoop around it, the token can't be compared.
    let sorry = |_: &Error, response: &mut Response| response.render("try later");
    let mut lonely = Site::new(Router::new().hoop(refusing.on_error(sorry)).push(pages()));
    let failed = lonely.send(with(post("/echo", "x"), "x-csrf-token", "a")).await;
    assert_eq!((failed.status, failed.body.as_str()), (500, "try later"));
}

#[tokio::test]
async fn an_exempt_router_is_not_checked_but_has_tokens() {
    let webhook = Router::with_path("webhook").hoop(csrf().exempt()).post(echo).get(form_token);
    let checked = Router::new().hoop(csrf()).push(Router::with_path("echo").post(echo));
    let mut site = Site::new(Router::new().hoop(sessions()).push(webhook).push(checked));
    assert_eq!(site.send(post("/webhook", "x")).await.body, "x");
    assert!(!site.text("/webhook").await.is_empty());
    assert_eq!(site.send(post("/echo", "x")).await.status, 403);
}

#[tokio::test]
async fn a_hoop_renders_a_token() {
    #[handler]
    async fn shows(request: &mut Request, response: &mut Response) -> Result<(), Error> {
        response.render(request.form_token().await?.to_string());
        Ok(())
    }
    let mut site = Site::new(Router::new().hoop(sessions()).hoop(csrf()).get(shows).push(pages()));
    let token = site.text("/").await;
    assert_eq!(site.send(with(post("/echo", "x"), "x-csrf-token", &token)).await.body, "x");
    let without = Site::new(Router::new().hoop(sessions()).push(pages())).get("/token").await;
    assert_eq!(without.status, 500, "without a CSRF hoop");
}
