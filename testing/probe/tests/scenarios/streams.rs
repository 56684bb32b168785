//! Long-lived responses: they read and write, and notice that their session has ended.

use serde_json::{Value, json};

use crate::http::{Client, Lines};
use crate::world::{Probe, World};

/// Starts a stream for this visitor. It uses the system clock, because the body is produced after
/// the request was handled.
async fn stream(client: &mut Client, path: &str) -> Lines {
    client.now = None;
    client.ops(json!([["insert", "note", "before"]])).await;
    let response = client.begin("GET", path, &[], "").await.unwrap();
    assert_eq!(response.status(), 200);
    client.receive(response.headers());
    Lines::of(response)
}

async fn until(lines: &mut Lines, wanted: &str) -> String {
    loop {
        let line = lines.next().await.expect("the stream continues");
        if line.ends_with(wanted) {
            return line;
        }
    }
}

pub(crate) async fn a_stream_begins_after_its_session_was_committed(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    let mut client = probe.client();
    let mut lines = stream(&mut client, "/stream").await;
    let first = lines.next().await;
    if world.is_store() {
        assert_eq!(first.as_deref(), Some("1 \"before\""));
    } else {
        // The cookie can't change any more, which the stream gets as an error.
        assert_eq!(first.as_deref(), Some("headers sent"));
        assert_eq!(lines.next().await, None);
        assert_eq!(client.ops(json!([["get", "ticks"]])).await, [json!(null)]);
    }
    assert_eq!(client.ops(json!([["get", "streaming"]])).await, [json!(true)]);
}

pub(crate) async fn a_stream_reads_and_writes_while_others_do(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    let mut client = probe.client();
    let mut lines = stream(&mut client, "/stream").await;
    assert_eq!(until(&mut lines, "\"before\"").await, "1 \"before\"");
    client.ops(json!([["insert", "note", "meanwhile"], ["insert", "other", 1], ["flash", "hello"]])).await;
    until(&mut lines, "\"meanwhile\"").await;
    let last = until(&mut lines, "\"meanwhile\"").await;
    let ticks: u64 = last.split(' ').next().unwrap().parse().unwrap();
    drop(lines);
    let found = client.ops(json!([["get", "ticks"], ["get", "other"], ["get", "note"], ["pop_flash"]])).await;
    assert!(found[0].as_u64().unwrap() >= ticks, "{found:?}");
    assert_eq!(found[1..], [json!(1), json!("meanwhile"), json!(["hello"])], "nothing was overwritten");
}

/// Runs both kinds of stream while another request performs these operations. Returns each visitor
/// as it was before and as it is afterwards.
async fn ends(probe: &Probe, operations: Value) -> Vec<(Client, Client)> {
    let mut visitors = Vec::new();
    for path in ["/stream", "/watch"] {
        let mut client = probe.client();
        let mut lines = stream(&mut client, path).await;
        until(&mut lines, "\"before\"").await;
        let before = client.clone();
        client.ops(operations.clone()).await;
        until(&mut lines, "ended").await;
        assert_eq!(lines.next().await, None, "{path}");
        visitors.push((before, client));
    }
    visitors
}

pub(crate) async fn a_stream_notices_that_its_session_has_ended(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    for (mut thief, _) in ends(&probe, json!([["invalidate"]])).await {
        assert_eq!(thief.ops(json!([["len"], ["is_new"]])).await, [json!(0), json!(true)], "and doesn't bring it back");
    }
}

pub(crate) async fn a_stream_notices_that_its_session_has_a_new_id(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    for (_, mut client) in ends(&probe, json!([["cycle_id"], ["insert", "user", "ann"]])).await {
        let found = client.ops(json!([["get", "user"], ["get", "note"], ["is_new"]])).await;
        assert_eq!(found, [json!("ann"), json!("before"), json!(false)]);
    }
}
