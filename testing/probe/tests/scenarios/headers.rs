//! Response headers about the session, for browsers and caches.

use serde_json::json;

use crate::http::{Answer, Client};
use crate::world::{ADAPTERS, World};

pub(crate) async fn a_request_that_uses_no_session_gets_none(world: &World) {
    let probe = world.probe(&["--touch-after", "0"]);
    let mut client = probe.client();
    let cached = [("x-probe-cache-control", "public, max-age=60")];
    for _ in 0..2 {
        let answer = client.send("GET", "/untouched", &cached, "").await;
        assert_eq!(answer.text(), "untouched");
        answer.is_silent();
        assert_eq!((answer.all("vary"), answer.all("cache-control")), (vec![], vec!["public, max-age=60"]));
        // Again, with a cookie.
        client.ops(json!([["insert", "a", 1]])).await;
    }
    let stats: serde_json::Value = serde_json::from_slice(&client.get("/stats").await.body).unwrap();
    assert_eq!((&stats["load"], &stats["create"]), (&json!(1), &json!(1)), "only the two that used it");
}

pub(crate) async fn what_each_use_of_the_session_adds(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "a", 1]])).await;
    let (read, write) = (json!([["get", "a"]]), json!([["cycle_id"], ["add", "a", 1]]));
    for (operations, vary, cache, expected_vary, expected_cache) in [
        (&read, None, None, vec!["cookie"], vec![]),
        (&read, Some("accept"), Some("private, max-age=60"), vec!["accept", "cookie"], vec!["private, max-age=60"]),
        (&read, Some("Accept, Cookie"), None, vec!["Accept, Cookie"], vec![]),
        (&read, Some("*"), None, vec!["*"], vec![]),
        (&write, None, None, vec!["cookie"], vec!["private, no-store"]),
        (&write, None, Some("public, max-age=60"), vec!["cookie"], vec!["private, no-store"]),
        (&write, None, Some("private, no-store"), vec!["cookie"], vec!["private, no-store"]),
    ] {
        let said = [("x-probe-vary", vary), ("x-probe-cache-control", cache)];
        let headers: Vec<_> = said.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let answer = client.send("POST", "/ops", &headers, operations.to_string()).await;
        let what = format!("{operations}, {vary:?}, {cache:?}");
        assert_eq!(answer.all("vary"), expected_vary, "{what}");
        assert_eq!(answer.all("cache-control"), expected_cache, "{what}");
        assert_eq!(answer.cookies().len(), usize::from(operations == &write), "{what}");
    }
}

pub(crate) async fn no_cache_stores_a_cookie_or_a_token(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "a", 1]])).await;
    let public = [
        ("x-probe-cache-control", "public, max-age=60"),
        ("x-probe-cdn-cache-control", "max-age=600"),
        ("x-probe-surrogate-control", "max-age=600"),
        ("x-probe-expires", "Thu, 31 Dec 2099 23:59:59 GMT"),
    ];
    for (operations, is_private) in [
        (json!([["get", "a"]]), false),
        (json!([["csrf_token"]]), true),
        (json!([["masked_csrf_token"]]), true),
        (json!([["new_csrf_token"]]), true),
        (json!([["cycle_id"]]), true),
        (json!([["invalidate"]]), true),
    ] {
        let answer = client.send("POST", "/ops", &public, operations.to_string()).await;
        let expected = if is_private { "private, no-store" } else { "public, max-age=60" };
        assert_eq!(answer.all("cache-control"), [expected], "{operations}");
        for name in ["cdn-cache-control", "surrogate-control", "expires"] {
            assert_eq!(answer.all(name).len(), usize::from(!is_private), "{operations}: {name}");
        }
    }
}

pub(crate) async fn a_cookie_is_removed_as_it_was_set(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    let attributes = |line: &str| {
        let all: Vec<_> = line.split("; ").skip(1).map(str::to_owned).collect();
        all.into_iter().filter(|it| !it.starts_with("Max-Age=") && !it.starts_with("Expires=")).collect::<Vec<_>>()
    };
    let set = client.do_ops(json!([["insert", "a", 1]])).await;
    let set = attributes(set.cookies()[0]);
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(set.iter().any(|it| it == attribute), "{attribute} in {set:?}");
    }
    let removal = client.do_ops(json!([["invalidate"]])).await;
    let line = removal.cookies()[0];
    assert!(line.starts_with("session=;") && line.contains("Max-Age=0"), "{line}");
    assert_eq!(attributes(line), set);
    assert_eq!(removal.all("cache-control"), ["private, no-store"]);
    // Only the request that called `invalidate` removes the cookie.
    client.do_ops(json!([["invalidate"]])).await.is_silent();
}

pub(crate) async fn a_remembered_cookie_outlives_the_browser(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    let answer = client.do_ops(json!([["insert", "a", 1]])).await;
    assert!(!answer.cookies()[0].contains("Max-Age"));
    let answer = client.do_ops(json!([["remember", 3600]])).await;
    assert!(answer.cookies()[0].contains("Max-Age=3600"), "{:?}", answer.cookies());
    client.now = client.now.map(|now| now + 3600);
    assert_eq!(client.ops(json!([["get", "a"]])).await, [json!(1)], "despite the idle timeout");
    client.now = client.now.map(|now| now + 1);
    assert_eq!(client.ops(json!([["get", "a"]])).await, [json!(null)]);
}

/// The part of a response that a client can see, without random values and transport headers.
fn seen(answer: &Answer) -> Vec<String> {
    let transport = ["date", "content-length", "transfer-encoding", "connection"];
    let mut seen: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !transport.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            let known =
                value.split_once(';').filter(|_| name == "set-cookie").map_or(value, |(_, attributes)| attributes);
            format!("{name}: {known}")
        })
        .collect();
    seen.sort();
    seen.push(answer.status.to_string());
    seen
}

async fn visit(mut client: Client) -> Vec<(&'static str, Vec<String>, String)> {
    let mut said = Vec::new();
    let mut note = |what, answer: &Answer, words: &str| said.push((what, seen(answer), words.to_owned()));
    let token = client.get("/token").await;
    note("a token", &token, "");
    let token = token.text().to_owned();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let not_now = [("x-probe-now", "later")];
    for (what, path, headers, body) in [
        ("a write", "/ops", &[][..], r#"[["insert", "a", 1], ["flash", "m"]]"#),
        ("a read", "/ops", &[], r#"[["get", "a"], ["peek_flash"]]"#),
        ("nonsense", "/ops", &[], "{"),
        ("no time", "/ops", &not_now, "[]"),
        ("a page of its own status", "/ops", &[("x-probe-status", "418")], r#"[["get", "a"]]"#),
        ("a new id", "/ops", &[("x-probe-cache-control", "public")], r#"[["cycle_id"], ["remember", 60]]"#),
        ("an error", "/fails", &[], ""),
        ("no token", "/form", &[], ""),
        ("another token", "/form", &[("x-csrf-token", "x")], ""),
        ("the token", "/form", &[("x-csrf-token", &token)], ""),
        ("another origin", "/form", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], ""),
        ("not a form", "/checked-here", &[("x-csrf-token", &token)], "{}"),
        ("a form without a token", "/checked-here", &[form], "item=hat"),
        ("a form", "/checked", &[form, ("x-csrf-token", &token)], "item=hat&size=4"),
        ("the end", "/ops", &[], r#"[["invalidate"]]"#),
    ] {
        // Don't send a header twice that a row sets itself.
        let ours = [("sec-fetch-site", "same-origin")];
        let ours = if headers.iter().any(|(name, _)| *name == "sec-fetch-site") { &[][..] } else { &ours };
        let now = client.now;
        client.now = now.filter(|_| headers != not_now);
        let answer = client.send("POST", path, &[ours, headers].concat(), body).await;
        client.now = now;
        note(what, &answer, answer.text());
    }
    let untouched = client.get("/untouched").await;
    note("a page without a session", &untouched, untouched.text());
    said
}

pub(crate) async fn every_adapter_sends_the_same_responses(world: &World) {
    let probe = world.probe(&[]);
    let ours = visit(probe.client()).await;
    for adapter in ADAPTERS {
        let probe = world.probe_on(adapter, &[]);
        for (ours, theirs) in ours.iter().zip(visit(probe.client()).await) {
            assert_eq!(*ours, theirs, "{adapter}");
        }
    }
}
