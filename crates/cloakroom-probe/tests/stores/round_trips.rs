//! Round trips as a contract: what each kind of request costs, on the wire and in calls of the store.

use serde_json::json;

use crate::place::Place;
use crate::probe::{Client, Probe, Request, results};

/// What requests there are, in the order in which a visitor makes them.
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

/// What each of them costs.
const COSTS: [usize; 12] = [0, 1, 1, 2, 1, 2, 1, 2, 1, 2, 2, 2];

/// The index of an owner lives elsewhere, and a session moves in two steps: see `RedisStore::connect_cluster`.
const IN_A_CLUSTER: [usize; 12] = [0, 1, 1, 2, 1, 2, 1, 2, 1, 3, 4, 3];

const NOW: u64 = 1_700_000_000;

/// Whether the second touch interval has begun.
fn at(kind: &str) -> u64 {
    if ["untouched", "create", "read", "read+write", "read, csrf, flash", "write, csrf, flash", "csrf check"]
        .contains(&kind)
    {
        NOW
    } else {
        NOW + 60
    }
}

/// A visitor's requests; for each, what `count` says that it cost.
async fn visit(probe: &Probe, count: impl AsyncFn() -> [usize; 2]) -> [[usize; 2]; 12] {
    let (mut client, mut token) = (Client::default(), String::new());
    let mut costs = [[0; 2]; 12];
    let mut before = count().await;
    for (cost, kind) in costs.iter_mut().zip(KINDS) {
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
        let (status, body) = client.send(probe.address(), &request.header("x-probe-now", at(kind))).await;
        assert_eq!(status, 200, "{kind}: {body}");
        if kind == "create" {
            results(&body)[2].as_str().unwrap().clone_into(&mut token);
        }
        let after = count().await;
        *cost = [after[0] - before[0], after[1] - before[1]];
        before = after;
    }
    costs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_request_costs_what_is_promised() {
    let mut table = format!("{:10} {:12} {}\n", "store", "counted", KINDS.join(" | "));
    let mut wrong = Vec::new();
    for name in ["memory", "file", "sqlite", "postgres", "mariadb", "redis", "sentinel", "cluster"] {
        let place = Place::start(name).on_a_wire();
        let probe = Probe::start(&["--backend", &place.url, "--touch-after", "60"]);
        let count = async || {
            let calls = probe.counted(&["load", "create", "replace", "touch", "cycle", "end"]).await;
            [usize::try_from(calls).unwrap(), place.trips().unwrap_or_default()]
        };
        // The first visitor prepares statements, loads scripts and finds servers.
        visit(&probe, &count).await;
        let costs = visit(&probe, &count).await;
        let promised = if name == "cluster" { IN_A_CLUSTER } else { COSTS };
        for (column, counted, promised) in [(0, "store calls", COSTS), (1, "on the wire", promised)] {
            if column == 1 && place.trips().is_none() {
                continue;
            }
            let costs = costs.map(|cost| cost[column]);
            table.push_str(&format!("{:10} {counted:12} {}\n", place.name, costs.map(|it| it.to_string()).join(" | ")));
            wrong.extend((costs != promised).then(|| format!("{name}, {counted}: {costs:?} instead of {promised:?}")));
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
