//! A hundred requests of one session at the same time, over HTTP, to one process and to several: nothing is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has said what it found"
)]

#[path = "races/probe.rs"]
mod probe;

use std::collections::BTreeSet;

use probe::{Client, Probe};
use serde_json::{Value, json};

const REQUESTS: usize = 100;

/// What is there afterwards: items pushed, the counter, and messages flashed.
async fn survivors(probes: &[Probe]) -> (usize, u64, usize) {
    let mut client = Client::default();
    client.ops(&probes[0], json!([["insert", "begun", true]])).await;
    let requests = (0..REQUESTS).map(|index| {
        let (address, mut client) = (probes[index % probes.len()].address(), client.clone());
        tokio::spawn(async move {
            // The pause is between the first read and the writes, as in an application that asks somebody else in between.
            let operations = json!([
                ["get", "items"],
                ["sleep", 5],
                ["push", "items", index],
                ["add", "count", 1],
                ["insert", format!("key {index}"), index],
                ["flash", index]
            ]);
            let (status, body) = client.post(address, &operations.to_string()).await;
            assert_eq!(status, 200, "{body}");
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    let results = client
        .ops(&probes[probes.len() - 1], json!([["get", "items"], ["get", "count"], ["pop_flash"], ["len"]]))
        .await;
    let distinct = |list: &Value| list.as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>().len();
    assert_eq!(results[3]["ok"], json!(REQUESTS + 3), "each request's own key, and three more");
    assert_eq!(results[0]["ok"].as_array().unwrap().len(), REQUESTS, "no item twice");
    (distinct(&results[0]["ok"]), results[1]["ok"].as_u64().unwrap(), distinct(&results[2]["ok"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_store_one_process() {
    let probes = [Probe::start("memory")];
    assert_eq!(survivors(&probes).await, (REQUESTS, REQUESTS as u64, REQUESTS));
}
