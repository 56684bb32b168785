//! Deadlines. Each request carries its time, so no test has to wait.

use serde_json::{Value, json};

use crate::http::{Client, START};
use crate::world::World;

async fn is_there(client: &mut Client, seconds: u64) -> bool {
    client.now = Some(START + seconds);
    client.ops(json!([["get", "a"]])).await == [json!(1)]
}

pub(crate) async fn an_idle_session_ends_at_its_deadline(world: &World) {
    let probe = world.probe(&["--idle", "10", "--touch-after", "none"]);
    let mut client = probe.client();
    client.ops(json!([["insert", "a", 1]])).await;
    assert!(is_there(&mut client, 10).await, "valid at its deadline");
    assert!(!is_there(&mut client, 11).await);
    client.do_ops(json!([["get", "a"]])).await.is_silent();
}

pub(crate) async fn a_used_session_continues_until_its_absolute_timeout(world: &World) {
    let probe = world.probe(&["--idle", "10", "--absolute", "35", "--touch-after", "0"]);
    let mut client = probe.client();
    client.ops(json!([["insert", "a", 1]])).await;
    for seconds in [10, 20, 30, 35] {
        assert!(is_there(&mut client, seconds).await, "{seconds}");
    }
    assert!(!is_there(&mut client, 36).await);
}

pub(crate) async fn reads_touch_at_most_once_per_touch_interval(world: &World) {
    let probe = world.probe(&["--idle", "100", "--touch-after", "10"]);
    let mut client = probe.client();
    client.ops(json!([["insert", "a", 1]])).await;
    for (seconds, touches) in [(5, 0), (9, 0), (11, 1), (15, 1), (22, 2)] {
        assert!(is_there(&mut client, seconds).await);
        let stats: Value = serde_json::from_slice(&client.get("/stats").await.body).unwrap();
        assert_eq!(stats["touch"], json!(touches), "after {seconds} seconds");
    }
}
