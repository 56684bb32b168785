//! Every operation of the probe, over HTTP, on both kinds of cookie.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use clap::Parser as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::adapters::axum::router;
use crate::app::App;
use crate::options::Options;

/// A client that keeps one cookie and sends its own time.
struct Client {
    app: Router,
    cookie: Option<String>,
    now: u64,
}

impl Client {
    async fn new(arguments: &[&str]) -> Self {
        let options = Options::parse_from([&["probe"], arguments].concat());
        let app = Arc::new(App::new(&options).await.unwrap());
        Self { app: router(&app), cookie: None, now: 1_700_000_000 }
    }

    async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: String) -> (u16, String) {
        let now = self.now.to_string();
        let now = ("x-probe-now", now.as_str());
        let mut request = Request::post(path);
        let timed = headers.iter().any(|(name, _)| *name == now.0);
        for (name, value) in headers.iter().chain((!timed).then_some(&now)) {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
        }
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn ops(&mut self, operations: Value) -> Value {
        let (status, body) = self.post("/ops", &[], operations.to_string()).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["results"].take()
    }
}

#[tokio::test]
async fn every_operation_returns_the_result_in_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}/sessions.db", folder.path().display());
    let file = format!("file:{}", folder.path().display());
    for backend in ["signed", "encrypted", "memory", &file, &sqlite] {
        let mut client = Client::new(&["--backend", backend]).await;
        let rows = [
            (json!(["insert", "a", {"b": [1]}]), json!(null)),
            (json!(["get", "a"]), json!({"b": [1]})),
            (json!(["get", "missing"]), json!(null)),
            (json!(["contains", "a"]), json!(true)),
            (json!(["set_default", "a", 2]), json!({"b": [1]})),
            (json!(["set_default", "d", 2]), json!(2)),
            (json!(["extend", {"x": 1, "y": 2}]), json!(null)),
            (json!(["keys"]), json!(["a", "d", "x", "y"])),
            (json!(["len"]), json!(4)),
            (json!(["pop_item"]), json!(["y", 2])),
            (json!(["remove", "x"]), json!(true)),
            (json!(["remove", "x"]), json!(false)),
            (json!(["take", "d"]), json!(2)),
            (json!(["entries"]), json!({"a": {"b": [1]}})),
            (json!(["clear"]), json!(null)),
            (json!(["pop_item"]), json!(null)),
            (json!(["add", "n", 2]), json!(2)),
            (json!(["add", "n", 0.5]), json!(2.5)),
            (json!(["push", "l", "v"]), json!(1)),
            (json!(["flash", "m"]), json!(null)),
            (json!(["flash", "m", "", false]), json!(null)),
            (json!(["flash", {"any": 1}, "q"]), json!(null)),
            (json!(["peek_flash"]), json!(["m"])),
            (json!(["flash", 1, "mixed"]), json!(null)),
            (json!(["flash", "text", "mixed"]), json!(null)),
            (json!(["pop_flash_texts", "mixed"]), json!(["text"])),
            (json!(["pop_flash", "q"]), json!([{"any": 1}])),
            (json!(["pop_flash", "q"]), json!([])),
            (json!(["flash_now", "now", "n"]), json!(null)),
            (json!(["pop_flash", "n"]), json!(["now"])),
            (json!(["keep_flash", "n"]), json!(null)),
            (json!(["pop_flash", "n"]), json!(["now"])),
            (json!(["created"]), json!(1_700_000_000)),
            (json!(["is_new"]), json!(true)),
            (json!(["check_csrf", "x"]), json!(false)),
            (json!(["stored_csrf_token"]), json!(null)),
            (json!(["changed"]), json!(null)),
            (json!(["cycle_id"]), json!(null)),
            (json!(["remember", 60]), json!(null)),
            (json!(["set_owner", "u"]), json!(null)),
            (json!(["sleep", 1]), json!(null)),
            (json!(["signal", "table"]), json!(null)),
            (json!(["await", "table"]), json!(null)),
            (json!(["commit_now"]), json!(null)),
        ];
        let operations: Vec<_> = rows.iter().map(|(operation, _)| operation).collect();
        let results = client.ops(json!(operations)).await;
        for (index, (operation, expected)) in rows.iter().enumerate() {
            assert_eq!(results[index], json!({"ok": expected}), "{backend}: {operation}");
        }
        let results = client.ops(json!([["is_new"], ["get", "n"], ["pop_flash"], ["invalidate"]])).await;
        assert_eq!(results, json!([{"ok": false}, {"ok": 2.5}, {"ok": ["m"]}, {"ok": null}]));
        assert_eq!(client.cookie, None, "invalidate removes the cookie");
    }
}

#[tokio::test]
async fn an_invalid_operation_is_an_error_and_the_others_still_run() {
    let mut client = Client::new(&[]).await;
    let results =
        client.ops(json!([["insert", "s", "text"], ["add", "s", 1], ["nonsense"], ["get"], 7, ["get", "s"]])).await;
    let kinds: Vec<_> = results.as_array().unwrap().iter().map(|it| it["err"]["kind"].clone()).collect();
    let bad = json!("bad-operation");
    let expected = [json!(null), json!("decode"), bad.clone(), bad.clone(), bad, json!(null)];
    assert_eq!(kinds, expected);
    assert_eq!(results[5], json!({"ok": "text"}));
    assert_eq!(client.post("/ops", &[], "{".to_owned()).await.0, 400);
    assert_eq!(client.post("/ops", &[("x-probe-now", "later")], "[]".to_owned()).await.0, 400);
}

#[tokio::test]
async fn requests_can_set_the_time_and_the_status() {
    let mut client = Client::new(&["--idle", "10", "--commit", "not-on-server-error"]).await;
    client.ops(json!([["insert", "a", 1]])).await;
    client.now += 10;
    assert_eq!(client.ops(json!([["get", "a"]])).await, json!([{"ok": 1}]), "valid at its deadline");
    let (status, _) = client.post("/ops", &[("x-probe-status", "500")], json!([["insert", "a", 2]]).to_string()).await;
    assert_eq!(status, 500);
    assert_eq!(client.ops(json!([["get", "a"]])).await, json!([{"ok": 1}]), "not committed");
    client.now += 11;
    assert_eq!(client.ops(json!([["get", "a"], ["is_new"]])).await, json!([{"ok": null}, {"ok": true}]));
}

#[tokio::test]
async fn a_conversation_runs_operations_one_by_one_in_one_request() {
    for (status, committed) in [(200, true), (500, false)] {
        let mut session = Client::new(&["--commit", "not-on-server-error"]).await;
        let mut driver = Client::new(&[]).await;
        let name = format!("{status}");
        let operations = json!([
            ["tell", name, ["insert", "a", 1]],
            ["tell", name, ["get", "a"]],
            ["tell", name, ["nonsense"]],
            ["finish", name, status],
        ]);
        let (results, response) = tokio::join!(driver.ops(operations), session.post("/converse", &[], name.clone()));
        assert_eq!(response, (status, "finished".to_owned()));
        assert_eq!(results[1], json!({"ok": {"ok": 1}}), "the result is inside the driver's result");
        assert_eq!(results[2]["ok"]["err"]["kind"], "bad-operation");
        assert_eq!(results[3], json!({"ok": true}));
        assert_eq!((driver.cookie.is_some(), session.cookie.is_some()), (false, committed), "{status}");
    }
}

#[tokio::test]
async fn the_attributes_of_the_cookie_can_be_set() {
    let line = async |arguments: &[&str]| {
        let client = Client::new(arguments).await;
        let request = Request::post("/ops").body(Body::from(json!([["insert", "a", 1]]).to_string())).unwrap();
        let response = client.app.oneshot(request).await.unwrap();
        let line = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
        line.split_once("; ").unwrap().1.to_owned()
    };
    assert_eq!(line(&[]).await, "Path=/; HttpOnly; SameSite=Lax");
    let all =
        ["--cookie-path", "/a", "--cookie-domain", "example.com", "--secure", "--readable", "--same-site", "none"];
    assert_eq!(line(&all).await, "Path=/a; Domain=example.com; Secure; SameSite=None");
    let kept = ["--backend", "pyramid", "--max-age", "60"];
    assert_eq!(line(&kept).await, "Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
}

#[tokio::test]
async fn the_form_is_csrf_protected_and_operations_are_counted() {
    let mut client = Client::new(&[]).await;
    let results = client.ops(json!([["masked_csrf_token"]])).await;
    let token = results[0]["ok"].as_str().unwrap().to_owned();
    let ours = ("sec-fetch-site", "same-origin");
    assert_eq!(client.post("/form", &[ours], String::new()).await.0, 403);
    assert_eq!(client.post("/form", &[ours, ("x-csrf-token", &token)], String::new()).await, (200, "ok".to_owned()));
    assert_eq!(client.post("/form", &[("x-csrf-token", &token)], String::new()).await.0, 403, "no origin");

    let renamed = Client::new(&["--csrf-header", "X-Mine", "--csrf-field", "mine"]).await;
    let mut renamed = Client { cookie: client.cookie.clone(), ..renamed };
    assert_eq!(renamed.post("/form", &[ours, ("x-csrf-token", &token)], String::new()).await.0, 403);
    assert_eq!(renamed.post("/form", &[ours, ("x-mine", &token)], String::new()).await.0, 200);
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(renamed.post("/form", &[ours, form], format!("mine={token}")).await.0, 200);

    let stats = Request::get("/stats").body(Body::empty()).unwrap();
    let body = client.app.clone().oneshot(stats).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let stats: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&stats["create"], &stats["load"], &stats["end"]), (&json!(1), &json!(2), &json!(0)));
}

#[tokio::test]
async fn invalid_options_are_named_in_the_error() {
    for (arguments, named) in [
        (vec!["--backend", "punchcards"], "punchcards"),
        (vec!["--backend", "punchcards:x"], "`punchcards:`"),
        (vec!["--backend", "sqlite:/nowhere/at/all.db"], "/nowhere/at/all.db"),
        (vec!["--backend", "redis://:hunter2@127.0.0.1:1"], "can't open the store of the `redis:` URL"),
        (vec!["--backend", "memory:", "--commit-timeout", "0"], "commit_timeout"),
        (vec!["--secret", "short"], "5 bytes"),
        (vec!["--conflict", "strict"], "strict"),
        (vec!["--idle", "10", "--touch-after", "20"], "touch_after"),
    ] {
        let options = Options::parse_from([vec!["probe"], arguments].concat());
        let message = App::new(&options).await.err().unwrap().to_string();
        assert!(message.contains(named) && !message.contains("hunter2"), "{message}");
    }
}
