//! The CSRF rules.

use serde_json::json;

use crate::http::{Answer, Client};
use crate::world::World;

const PAIRS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=X";

fn parts(token: &str) -> Vec<u8> {
    let mut body = b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"csrf_token\"\r\n\r\n".to_vec();
    body.extend(0..=255);
    body.extend(b"\r\n--X\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n");
    body.extend(token.as_bytes());
    body.extend(b"\r\n--X--\r\n");
    body
}

async fn visitor(client: Client) -> (Client, String) {
    let mut client = client;
    let answer = client.get("/token").await;
    assert_eq!((answer.status, answer.cookies().len()), (200, 1));
    let token = answer.text().to_owned();
    (client, token)
}

/// A name, the request's headers and body, the expected status, and text of the response.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<u8>, u16, &'a str);

pub(crate) async fn the_rules_decide_who_passes(world: &World) {
    let probe = world.probe(&[]);
    let (client, token) = visitor(probe.client()).await;
    let (_, anothers) = visitor(probe.client()).await;
    let own = probe.base();
    let in_pairs = format!("a=1&csrf_token={token}");
    let ours = ("sec-fetch-site", "same-origin");
    let in_header = ("x-csrf-token", token.as_str());
    let type_of = |content_type| ("content-type", content_type);
    let rows: &[Row<'_>] = &[
        ("a token in the header", &[ours, in_header], vec![], 200, "ok"),
        ("a token in a form", &[ours, type_of(PAIRS)], in_pairs.clone().into(), 200, "ok"),
        ("a token in parts", &[ours, type_of(PARTS)], parts(&token), 200, "ok"),
        ("our own origin", &[("origin", own), in_header], vec![], 200, "ok"),
        ("our own referer", &[("referer", &format!("{own}/page")), in_header], vec![], 200, "ok"),
        ("no token", &[ours], vec![], 403, "token"),
        ("no token in a form", &[ours, type_of(PAIRS)], b"a=1".to_vec(), 403, "token"),
        ("a token in a file", &[ours, type_of(PARTS)], parts("x"), 403, "token"),
        ("another's token", &[ours, ("x-csrf-token", &anothers)], vec![], 403, "token"),
        (
            "a wrong one in the header, a right one in the form",
            &[ours, ("x-csrf-token", "x"), type_of(PAIRS)],
            in_pairs.into(),
            403,
            "token",
        ),
        ("a body that is no form", &[ours, type_of("application/json")], b"{}".to_vec(), 403, "token"),
        ("parts that aren't", &[ours, type_of(PARTS)], b"garbage".to_vec(), 400, ""),
        ("another site", &[("sec-fetch-site", "cross-site"), in_header], vec![], 403, ""),
        ("another origin", &[("origin", "https://evil.example"), in_header], vec![], 403, ""),
        ("a null origin", &[("origin", "null"), in_header], vec![], 403, ""),
        ("two origins", &[("origin", own), ("origin", own), in_header], vec![], 403, ""),
        ("nothing about where from", &[in_header], vec![], 403, ""),
    ];
    for (name, headers, body, status, words) in rows {
        let answer = client.clone().send("POST", "/form", headers, body.clone()).await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.text());
        assert!(answer.text().contains(words), "{name}: {}", answer.text());
        if *status != 200 {
            assert!(answer.text().starts_with("CSRF check failed: "), "{name}: {}", answer.text());
            assert_eq!(answer.all("content-type"), ["text/plain; charset=utf-8"], "{name}");
            assert_eq!(answer.all("cache-control"), ["no-store"], "{name}");
        }
    }
    let answer = client.clone().send("POST", &format!("/form?csrf_token={token}"), &[ours], "").await;
    assert_eq!(answer.status, 403, "never in the query");
}

pub(crate) async fn a_refused_request_creates_and_commits_nothing(world: &World) {
    let probe = world.probe(&["--touch-after", "0"]);
    let mut stranger = probe.client();
    let refused = |answer: &Answer| {
        assert_eq!(answer.status, 403);
        answer.is_silent();
    };
    refused(&stranger.post("/form", &[("x-csrf-token", "x")], "").await);
    refused(&stranger.send("POST", "/form", &[("sec-fetch-site", "cross-site")], "").await);
    assert_eq!(stranger.cookie, None);
    let (mut client, token) = visitor(probe.client()).await;
    client.now = client.now.map(|now| now + 5);
    refused(&client.post("/form", &[("x-csrf-token", "x")], "").await);
    let stats: serde_json::Value = serde_json::from_slice(&client.get("/stats").await.body).unwrap();
    assert_eq!((&stats["create"], &stats["touch"]), (&json!(1), &json!(0)), "not even a touch");
    assert_eq!(client.post("/form", &[("x-csrf-token", &token)], "").await.status, 200);
}

pub(crate) async fn a_form_arrives_as_it_was_sent(world: &World) {
    let probe = world.probe(&[]);
    let (mut client, token) = visitor(probe.client()).await;
    let pairs = format!("a=1&b=%20%ff&csrf_token={token}&empty=&flag&a=2").into_bytes();
    let long = [pairs.clone(), b"&filler=".to_vec(), vec![b'x'; 200_000]].concat();
    for (content_type, body) in [(PAIRS, pairs), (PARTS, parts(&token)), (PAIRS, long)] {
        let answer = client.post("/echo", &[("content-type", content_type)], body.clone()).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == body, "{content_type}: {} bytes of {}", answer.body.len(), body.len());
    }
}

pub(crate) async fn a_form_over_the_limit_passes_if_its_token_comes_first(world: &World) {
    let probe = world.probe(&["--body-limit", "1000"]);
    let (mut client, token) = visitor(probe.client()).await;
    let filler = "x".repeat(200_000);
    let pairs = [("content-type", PAIRS)];
    let first = format!("csrf_token={token}&filler={filler}");
    let answer = client.post("/echo", &pairs, first.clone()).await;
    assert_eq!((answer.status, answer.body.len()), (200, first.len()));
    assert!(answer.body == first.as_bytes());
    let answer = client.post("/echo", &pairs, format!("filler={filler}&csrf_token={token}")).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
}

pub(crate) async fn a_checked_form_is_checked_wherever_it_is(world: &World) {
    let probe = world.probe(&[]);
    let (mut client, token) = visitor(probe.client()).await;
    let pairs = ("content-type", PAIRS);
    let form = format!("item=hat&csrf_token={token}");
    for path in ["/checked", "/checked-here"] {
        let answer = client.post(path, &[pairs], form.clone()).await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"item":"hat"}"#), "{path}");
        let answer = client.post(path, &[pairs, ("x-csrf-token", &token)], "item=hat").await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"item":"hat"}"#), "{path}");
        let answer = client.post(path, &[pairs], "item=hat").await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().starts_with("CSRF check failed: "), "{path}: {}", answer.text());
        let answer = client.send("POST", path, &[("sec-fetch-site", "cross-site"), pairs], form.clone()).await;
        assert_eq!(answer.status, 403, "{path}");
        let answer = client.post(path, &[("content-type", "application/json"), ("x-csrf-token", &token)], "{}").await;
        assert_eq!((answer.status, answer.text()), (415, "the body isn't an urlencoded form\n"), "{path}");
    }
}

pub(crate) async fn tokens_differ_on_each_page_and_all_are_valid(world: &World) {
    let probe = world.probe(&[]);
    let (mut client, first) = visitor(probe.client()).await;
    let second = client.get("/token").await.text().to_owned();
    assert_ne!(first, second, "a new mask for each page");
    for token in [&first, &second] {
        assert_eq!(client.post("/form", &[("x-csrf-token", token)], "").await.status, 200);
    }
    client.ops(json!([["new_csrf_token"]])).await;
    assert_eq!(client.post("/form", &[("x-csrf-token", &first)], "").await.status, 403, "replaced");
}

pub(crate) async fn a_websocket_opens_only_for_our_own_pages(world: &World) {
    let probe = world.probe(&[]);
    let own = probe.base();
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str);
    let rows: &[Row<'_>] = &[
        ("a page of ours", &[("sec-fetch-site", "same-origin"), ("origin", own)], 200, "open"),
        ("a page of ours in an old browser", &[("origin", own)], 200, "open"),
        ("no browser", &[], 200, "open"),
        (
            "another site",
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
            403,
            "Sec-Fetch-Site",
        ),
        ("another site in an old browser", &[("origin", "https://evil.example")], 403, "another origin"),
        ("a sibling", &[("sec-fetch-site", "same-site"), ("origin", "https://www.own.example")], 403, "Sec-Fetch-Site"),
        ("a frame in a sandbox", &[("origin", "null")], 403, "null"),
    ];
    for (name, headers, status, words) in rows {
        let headers = [&[("upgrade", "websocket"), ("connection", "upgrade")], *headers].concat();
        let answer = probe.client().send("GET", "/socket", &headers, "").await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.text());
        assert!(answer.text().contains(words), "{name}: {}", answer.text());
    }
    let page = probe.client().send("GET", "/socket", &[("sec-fetch-site", "cross-site")], "").await;
    assert_eq!(page.status, 200, "a link from elsewhere to the same address isn't a handshake");
}

pub(crate) async fn when_unsure_requires_the_token_if_the_browser_sends_no_origin(world: &World) {
    let probe = world.probe(&["--token", "when-unsure"]);
    let (client, token) = visitor(probe.client()).await;
    let own = probe.base();
    let referer = format!("{own}/page");
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);
    let rows: &[Row<'_>] = &[
        ("our own page", &[("sec-fetch-site", "same-origin")], 200),
        ("our own origin", &[("origin", own)], 200),
        ("a wrong token, which isn't checked", &[("origin", own), ("x-csrf-token", "x")], 200),
        ("a referer and no token", &[("referer", &referer)], 403),
        ("a referer and a wrong token", &[("referer", &referer), ("x-csrf-token", "x")], 403),
        ("a referer and the token", &[("referer", &referer), ("x-csrf-token", &token)], 200),
        ("nothing but the token", &[("x-csrf-token", &token)], 403),
        ("another site", &[("sec-fetch-site", "cross-site"), ("x-csrf-token", &token)], 403),
    ];
    for (name, headers, status) in rows {
        let answer = client.clone().send("POST", "/form", headers, "").await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.text());
    }
    let answer = probe.client().post("/form", &[], "").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"), "a visitor without a session");
    answer.is_silent();
}

pub(crate) async fn report_only_refuses_nothing(world: &World) {
    let probe = world.probe(&["--report-only"]);
    let (client, token) = visitor(probe.client()).await;
    let rows: &[(&str, &[(&str, &str)])] = &[
        ("another site", &[("sec-fetch-site", "cross-site"), ("x-csrf-token", &token)]),
        ("no token", &[("sec-fetch-site", "same-origin")]),
        ("nothing at all", &[]),
        ("no form", &[("sec-fetch-site", "same-origin"), ("content-type", PARTS)]),
    ];
    for (name, headers) in rows {
        for mut client in [client.clone(), probe.client()] {
            let answer = client.send("POST", "/form", headers, "garbage").await;
            assert_eq!((answer.status, answer.text()), (200, "ok"), "{name}");
        }
    }
    let socket = [("upgrade", "websocket"), ("connection", "upgrade"), ("origin", "https://evil.example")];
    assert_eq!(probe.client().send("GET", "/socket", &socket, "").await.status, 200);
}

pub(crate) async fn a_credential_exempts_only_requests_without_the_session_cookie(world: &World) {
    type Row<'a> = (&'a str, &'a Client, &'a [(&'a str, &'a str)], u16);
    let probe = world.probe(&["--exempt-authorization", "Bearer"]);
    let key = ("authorization", "Bearer 27hbf3");
    let foreign = ("sec-fetch-site", "cross-site");
    let (visitor, _) = visitor(probe.client()).await;
    let stranger = probe.client();
    let other = stranger.with_cookie("theme=dark");
    let spoiled = stranger.with_cookie("session=garbage");
    let rows: [Row<'_>; 8] = [
        ("a program", &stranger, &[key], 200),
        ("a page of another site that CORS permits", &stranger, &[key, foreign], 200),
        ("a program with another cookie", &other, &[key], 200),
        ("a program with a session cookie", &visitor, &[key], 403),
        ("a program with a session cookie that doesn't open", &spoiled, &[key], 403),
        ("a sign-in form of another site", &stranger, &[foreign], 403),
        ("a browser that remembers a password", &stranger, &[("authorization", "Basic YTpi"), foreign], 403),
        ("two headers", &stranger, &[key, key], 403),
    ];
    for (name, client, headers, status) in rows {
        let answer = client.clone().send("POST", "/form", headers, "").await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
    let form = [key, ("content-type", PAIRS)];
    for path in ["/checked", "/checked-here"] {
        let answer = stranger.clone().send("POST", path, &form, "item=hat").await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"item":"hat"}"#), "{path}");
        assert_eq!(visitor.clone().send("POST", path, &form, "item=hat").await.status, 403, "{path}");
    }
}
