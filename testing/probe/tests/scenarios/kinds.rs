//! Requests that a browser makes by itself: prefetches, images and other subresources.

use serde_json::json;

use crate::http::Headers;
use crate::world::World;

pub(crate) async fn a_page_that_nobody_saw_consumes_no_message(world: &World) {
    let probe = world.probe(&["--touch-after", "0"]);
    let mut client = probe.client();
    client.ops(json!([["insert", "a", 1], ["flash", "saved"]])).await;
    for purpose in ["prefetch", "prefetch;prerender"] {
        client.now = client.now.map(|now| now + 5);
        let operations = json!([["get", "a"], ["pop_flash"]]).to_string();
        let answer = client.send("POST", "/ops", &[("sec-purpose", purpose)], operations).await;
        assert_eq!(answer.results(), [json!(1), json!(["saved"])], "{purpose}: the page may be shown");
        answer.is_silent();
    }
    let stats: serde_json::Value = serde_json::from_slice(&client.get("/stats").await.body).unwrap();
    assert_eq!((&stats["touch"], &stats["replace"]), (&json!(0), &json!(0)));
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["saved"])]);
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!([])]);
}

pub(crate) async fn subresources_and_prefetches_do_not_extend_cookie_sessions(world: &World) {
    let probe = world.probe(&["--idle", "10", "--touch-after", "0"]);
    // A name, headers, and whether the request counts as a use of a cookie session and of a stored
    // session.
    let rows: &[(&str, Headers<'_>, bool, bool)] = &[
        ("a client without fetch metadata", &[], true, true),
        ("a page", &[("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")], true, true),
        ("a fetch", &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")], true, true),
        // A touch re-sends the whole cookie session, so subresources must not cause one.
        ("an image", &[("sec-fetch-dest", "image")], false, true),
        ("a style sheet", &[("sec-fetch-dest", "style")], false, true),
        ("a page that is prefetched", &[("sec-purpose", "prefetch"), ("sec-fetch-dest", "document")], false, false),
        (
            "an image of a page that is prerendered",
            &[("sec-purpose", "prefetch;prerender"), ("sec-fetch-dest", "image")],
            false,
            false,
        ),
    ];
    for (name, headers, in_cookie, in_store) in rows {
        let is_use = if world.is_store() { *in_store } else { *in_cookie };
        let mut client = probe.client();
        client.ops(json!([["insert", "a", 1]])).await;
        client.now = client.now.map(|now| now + 5);
        let answer = client.send("POST", "/ops", headers, json!([["get", "a"]]).to_string()).await;
        assert_eq!(answer.results(), [json!(1)], "{name}");
        assert_eq!(answer.cookies().len(), usize::from(is_use && !world.is_store()), "{name}");
        client.now = client.now.map(|now| now + 6);
        assert_eq!(client.ops(json!([["contains", "a"]])).await, [json!(is_use)], "{name}");
    }
}
