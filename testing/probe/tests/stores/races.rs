//! A hundred concurrent requests of one session, to one process and to three: nothing is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::place::Place;
use crate::probe::{Client, Probe, Request, results};

const REQUESTS: usize = 100;

/// Runs one race at a time: concurrent races on the same machine would slow each other down.
static TURN: Mutex<()> = Mutex::const_new(());

async fn race(name: &'static str, processes: usize) {
    let _turn = TURN.lock().await;
    let place = Place::start(name);
    // Generous timeouts: this test counts lost writes, and a busy machine may be slow.
    let options = ["--backend", &place.url, "--call-timeout", "60", "--commit-timeout", "60"];
    let probes: Vec<Probe> = (0..processes).map(|_| Probe::start(&options)).collect();
    let mut client = Client::default();
    client.ops(&probes[0], json!([["insert", "begun", true]])).await;

    let requests = (0..REQUESTS).map(|index| {
        let (address, mut client) = (probes[index % processes].address(), client.clone());
        tokio::spawn(async move {
            // The pause between the first read and the writes stands for a call to another service.
            let operations = json!([
                ["get", "items"],
                ["sleep", 5],
                ["push", "items", index],
                ["add", "count", 1],
                ["insert", format!("key {index}"), index],
                ["flash", index]
            ]);
            let start = clock();
            let (status, body) = client.send(address, &Request::ops(&operations)).await;
            if status == 200 {
                results(&body);
            }
            (status, start.elapsed())
        })
    });
    let (mut refused, mut slowest) = (Vec::new(), Duration::ZERO);
    for request in requests.collect::<Vec<_>>() {
        let (status, took) = request.await.unwrap();
        slowest = slowest.max(took);
        refused.extend((status != 200).then_some(status));
    }

    let asked = json!([["get", "items"], ["get", "count"], ["pop_flash"], ["entries"]]);
    let found = client.ops(&probes[processes - 1], asked).await;
    let items = distinct(&found[0]);
    let messages = distinct(&found[2]);
    let count = found[1].as_u64().unwrap();
    let keys = (0..REQUESTS).filter(|index| found[3][format!("key {index}")] == json!(index)).count();
    let mut replayed = 0;
    for probe in &probes {
        replayed += probe.counted(&["replayed"]).await;
    }
    println!(
        "{name}, {processes} process(es): {items} items, counted to {count}, {keys} keys, {messages} messages of {REQUESTS}; \
         {replayed} replays, the slowest request took {slowest:?}"
    );
    assert_eq!(refused, [0; 0], "statuses of requests that failed");
    let all = REQUESTS;
    assert_eq!((items, count, keys, messages), (all, all as u64, all, all));
    assert_eq!(found[0].as_array().unwrap().len(), all, "no item twice");
}

fn distinct(list: &Value) -> usize {
    list.as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>().len()
}

#[expect(clippy::disallowed_methods, reason = "measures how long something takes")]
fn clock() -> Instant {
    Instant::now()
}

macro_rules! races {
    ($($name:ident)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn one_process() {
                super::race(stringify!($name), 1).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn three_processes() {
                super::race(stringify!($name), 3).await;
            }
        }
    )+};
}

races!(file sqlite postgres mariadb redis valkey sentinel cluster);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    race("memory", 1).await;
}
