//! Round trips as a contract: the cost of each kind of request, on the wire and in store calls.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::place::Place;
use crate::probe::{Client, Probe, Request, results};

/// The kinds of requests, in the order in which a visitor makes them.
const KINDS: [&str; 12] = [
    "untouched",
    "create",
    "read",
    "read+write",
    "read, csrf, flash",
    "write, csrf, flash",
    "csrf check",
    "touch",
    "after touch",
    "cycle",
    "sign in",
    "sign out",
];

type Costs = [usize; KINDS.len()];

/// The number of store calls of each kind.
const COSTS: Costs = [0, 1, 1, 2, 1, 2, 1, 2, 1, 2, 2, 2];

/// The round trips of each kind on the wire. A sign-in also counts its owner's sessions.
const ON_THE_WIRE: Costs = [0, 1, 1, 2, 1, 2, 1, 2, 1, 2, 3, 2];

/// In a Cluster an owner's index is on another server and a session moves in two steps: see
/// `RedisStore::connect_cluster`.
const IN_A_CLUSTER: Costs = [0, 1, 1, 2, 1, 2, 1, 2, 1, 3, 5, 3];

/// After this many visits each connection has prepared its statements, and each server of a
/// Cluster knows each script.
const WARM_UP: usize = 40;

/// The number of measured visits, of which the cheapest counts. On a busy machine a pool may open
/// another connection, which has to prepare its statements once.
const VISITS: usize = 3;

const NOW: u64 = 1_700_000_000;

/// A timeout for commands that run in the background.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes a visitor's requests and returns the cost of each, according to `count`.
///
/// Some commands are sent after the response: in a Cluster, the owner's index is updated after a
/// session has ended. Therefore the next request waits until the expected number of calls has been
/// counted, however busy the machine is. Any additional call is counted with this request or a
/// later one, and exceeds the expected cost there.
async fn visit(probe: &Probe, promised: [Costs; 2], count: impl AsyncFn() -> [usize; 2]) -> [Costs; 2] {
    let (mut client, mut token) = (Client::default(), String::new());
    let (mut costs, mut now) = ([[0; KINDS.len()]; 2], NOW);
    let mut before = count().await;
    for (index, kind) in KINDS.into_iter().enumerate() {
        let request = match kind {
            "untouched" => Request::get("/untouched"),
            "create" => Request::ops(&json!([["insert", "a", 1], ["flash", "welcome"], ["csrf_token"]])),
            "read" | "touch" | "after touch" => Request::ops(&json!([["get", "a"]])),
            "read+write" => Request::ops(&json!([["get", "a"], ["insert", "a", 2]])),
            "read, csrf, flash" => Request::ops(&json!([["get", "a"], ["masked_csrf_token"], ["peek_flash"]])),
            "write, csrf, flash" => Request::ops(&json!([["pop_flash"], ["flash", "m"], ["csrf_token"]])),
            "csrf check" => {
                Request::post("/form").header("sec-fetch-site", "same-origin").header("x-csrf-token", &token)
            }
            "cycle" => Request::ops(&json!([["cycle_id"], ["insert", "level", 2]])),
            "sign in" => Request::ops(&json!([["set_owner", "ann"], ["insert", "user", "ann"]])),
            "sign out" => Request::ops(&json!([["invalidate"]])),
            unknown => panic!("{unknown}"),
        };
        if kind == "touch" {
            now += 61;
        }
        let (status, body) = client.send(probe.address(), &request.header("x-probe-now", now)).await;
        assert_eq!(status, 200, "{kind}: {body}");
        if kind == "create" {
            results(&body)[2].as_str().unwrap().clone_into(&mut token);
        }
        let mut after = count().await;
        let start = clock();
        while (0..2).any(|at| after[at] - before[at] < promised[at][index]) && start.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(2)).await;
            after = count().await;
        }
        (costs[0][index], costs[1][index]) = (after[0] - before[0], after[1] - before[1]);
        before = after;
    }
    costs
}

#[expect(clippy::disallowed_methods, reason = "gives up on a command that never comes")]
fn clock() -> Instant {
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_request_makes_the_documented_round_trips() {
    let mut table = format!("\n{:20} {}\n", "round trips", KINDS.join(" | "));
    let mut wrong = Vec::new();
    for name in ["memory", "file", "sqlite", "postgres", "mariadb", "redis", "valkey", "sentinel", "cluster"] {
        let place = Place::start(name).on_a_wire();
        let probe = Probe::start(&["--backend", &place.url, "--touch-after", "60"]);
        let count = async || {
            let calls = probe.counted(&["load", "create", "replace", "touch", "cycle", "end"]).await;
            [usize::try_from(calls).unwrap(), place.trips().unwrap_or_default()]
        };
        let promised = if name == "cluster" { IN_A_CLUSTER } else { ON_THE_WIRE };
        let awaited = [COSTS, if place.trips().is_some() { promised } else { Costs::default() }];
        for _ in 0..WARM_UP {
            visit(&probe, awaited, &count).await;
        }
        let [mut calls, mut wire] = visit(&probe, awaited, &count).await;
        for _ in 1..VISITS {
            let again = visit(&probe, awaited, &count).await;
            for (least, costs) in [&mut calls, &mut wire].into_iter().zip(again) {
                least.iter_mut().zip(costs).for_each(|(least, cost)| *least = cost.min(*least));
            }
        }
        for (counted, costs, promised) in
            [("store calls", Some(calls), COSTS), ("on the wire", place.trips().map(|_| wire), promised)]
        {
            let Some(costs) = costs else { continue };
            let row: String =
                costs.iter().zip(KINDS).map(|(cost, kind)| format!("{cost:>width$} | ", width = kind.len())).collect();
            table.push_str(&format!("{name:8} {counted:11} {row}\n"));
            wrong.extend((costs != promised).then(|| format!("{name}, {counted}: {costs:?} instead of {promised:?}")));
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
