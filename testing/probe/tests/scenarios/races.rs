//! Concurrent requests of one session.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::http::{Answer, Client};
use crate::world::{ADAPTERS, World};

const REQUESTS: usize = 24;

async fn race(clients: &[Client]) {
    let mut first = clients[0].clone();
    first.ops(json!([["insert", "begun", true]])).await;
    let requests = (0..REQUESTS).map(|index| {
        let mut client = first.at(&clients[index % clients.len()].base);
        tokio::spawn(async move {
            let key = format!("key {index}");
            client
                .ops(json!([["get", "n"], ["sleep", 5], ["add", "n", 1], ["insert", key, index], ["flash", index]]))
                .await;
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    let found = first.ops(json!([["get", "n"], ["len"], ["pop_flash"]])).await;
    assert_eq!(found[..2], [json!(REQUESTS), json!(REQUESTS + 2)]);
    assert_eq!(distinct(&found[2]), REQUESTS);
}

fn distinct(list: &Value) -> usize {
    list.as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>().len()
}

pub(crate) async fn racing_requests_lose_nothing(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    race(&[probe.client()]).await;
}

pub(crate) async fn racing_requests_through_different_adapters_lose_nothing(world: &World) {
    let probes = ADAPTERS.map(|adapter| world.probe_on(adapter, &["--commit-timeout", "30"]));
    race(&probes.each_ref().map(|probe| probe.client())).await;
}

pub(crate) async fn a_slow_request_does_not_bring_back_what_has_ended(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"]])).await;
    let mut slow = client.clone();
    let running =
        tokio::spawn(async move { slow.do_ops(json!([["get", "user"], ["sleep", 300], ["insert", "a", 1]])).await });
    opened(&mut client, 1).await;
    let mut thief = client.clone();
    client.ops(json!([["invalidate"]])).await;
    let answer = running.await.unwrap();
    assert_eq!(answer.status, 200);
    answer.is_silent();
    assert_eq!(thief.ops(json!([["len"], ["is_new"]])).await, [json!(0), json!(true)]);
}

/// The number of sessions that were loaded.
async fn loads(client: &mut Client) -> u64 {
    let stats: Value = serde_json::from_slice(&client.get("/stats").await.body).unwrap();
    stats["load"].as_u64().unwrap()
}

/// Waits until this number of sessions has been loaded.
pub(crate) async fn opened(client: &mut Client, count: u64) {
    while loads(client).await < count {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Runs `meanwhile` in another request, after a request has opened its session and before it runs
/// its operations.
pub(crate) async fn within(client: &mut Client, operations: &[Value], meanwhile: Value) -> Answer {
    let mut slow = client.clone();
    let before = loads(client).await;
    let signal = format!("after {before}");
    let operations = [&[json!(["get", "opened"]), json!(["await", signal])], operations].concat();
    let running = tokio::spawn(async move { slow.do_ops(json!(operations)).await });
    opened(client, before + 1).await;
    client.ops(meanwhile).await;
    client.clone().ops(json!([["signal", signal]])).await;
    running.await.unwrap()
}

pub(crate) async fn a_lost_update_is_logged_once_and_update_loses_none(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    let mut client = probe.client();
    client.ops(json!([["insert", "n", 1], ["insert", "other", 1]])).await;
    let rows = [
        ("read and written, other key", json!([["get", "n"], ["insert", "n", 2]]), json!(["insert", "other", 2]), 2, 0),
        ("written, not read", json!([["insert", "n", 5]]), json!(["insert", "n", 4]), 5, 0),
        ("updated by both", json!([["add", "n", 1]]), json!(["add", "n", 1]), 7, 0),
        ("updated over a write", json!([["add", "n", 1]]), json!(["insert", "n", 10]), 11, 0),
        ("read and written by both", json!([["get", "n"], ["insert", "n", 20]]), json!(["insert", "n", 30]), 20, 1),
    ];
    for (name, operations, meanwhile, left, told) in rows {
        let before = probe.logged("lost update: ");
        let answer = within(&mut client, operations.as_array().unwrap(), json!([meanwhile])).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(client.ops(json!([["get", "n"]])).await, [json!(left)], "{name}");
        assert_eq!(probe.logged("lost update: ") - before, told, "{name}");
    }
}

pub(crate) async fn racing_messages_are_shown_once_each(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    let mut client = probe.client();
    client.ops(json!([["flash", "first"]])).await;
    let mut slow = client.clone();
    // It pops the messages that were there, and must not take those that arrive later.
    let running = tokio::spawn(async move { slow.ops(json!([["pop_flash"], ["sleep", 300]])).await });
    opened(&mut client, 1).await;
    client.ops(json!([["flash", "second"]])).await;
    assert_eq!(running.await.unwrap()[0], json!(["first"]));
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["second"])]);
}
