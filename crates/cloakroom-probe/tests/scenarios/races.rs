//! Requests of one session at the same time.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::http::Client;
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

/// Waits until so many sessions were loaded.
pub(crate) async fn opened(client: &mut Client, count: u64) {
    loop {
        let stats: Value = serde_json::from_slice(&client.get("/stats").await.body).unwrap();
        if stats["load"].as_u64().unwrap() >= count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

pub(crate) async fn messages_that_race_are_shown_once_each(world: &World) {
    let probe = world.probe(&["--commit-timeout", "30"]);
    let mut client = probe.client();
    client.ops(json!([["flash", "first"]])).await;
    let mut slow = client.clone();
    // It pops what was there, and must not take what comes meanwhile.
    let running = tokio::spawn(async move { slow.ops(json!([["pop_flash"], ["sleep", 300]])).await });
    opened(&mut client, 1).await;
    client.ops(json!([["flash", "second"]])).await;
    assert_eq!(running.await.unwrap()[0], json!(["first"]));
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["second"])]);
}
