//! A store that hangs, and a store whose commit fails.

use std::time::Duration;

use cloakroom_servers::redis::Redis;
use serde_json::json;

use crate::http::Answer;
use crate::world::World;

const OPTIONS: [&str; 2] = ["--call-timeout", "0.9"];

/// Stops a server; it continues when this is dropped.
struct Stopped<'a>(&'a Redis);

impl<'a> Stopped<'a> {
    fn now(server: &'a Redis) -> Self {
        server.freeze(true);
        Self(server)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.freeze(false);
    }
}

fn is_sorry(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (503, "Service Unavailable"));
    assert_eq!((answer.all("retry-after"), answer.all("cache-control")), (vec!["5"], vec!["no-store"]));
    assert_eq!(answer.all("content-type"), ["text/plain; charset=utf-8"]);
    answer.is_silent();
}

pub(crate) async fn a_hanging_store_fails_only_requests_that_use_the_session(world: &World) {
    let server = world.redis().expect("a server that can be stopped");
    let probe = world.probe(&OPTIONS);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"], ["csrf_token"]])).await;
    {
        let _stopped = Stopped::now(server);
        assert_eq!(client.get("/untouched").await.status, 200);
        is_sorry(&client.do_ops(json!([["get", "user"]])).await);
        is_sorry(&client.post("/form", &[("x-csrf-token", "x")], "").await);
        is_sorry(&client.get("/token").await);
    }
    // It recovers without a restart.
    let mut tries = 0;
    while client.do_ops(json!([["get", "user"]])).await.status != 200 {
        tries += 1;
        assert!(tries < 100, "it doesn't come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(client.ops(json!([["get", "user"]])).await, [json!("ann")]);
}

pub(crate) async fn a_commit_that_fails_replaces_the_response(world: &World) {
    let server = world.redis().expect("a server that can be stopped");
    let probe = world.probe(&OPTIONS);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"]])).await;
    let mut slow = client.clone();
    let running =
        tokio::spawn(async move { slow.do_ops(json!([["get", "user"], ["sleep", 2000], ["insert", "a", 1]])).await });
    crate::races::opened(&mut client, 1).await;
    let stopped = Stopped::now(server);
    let answer = running.await.unwrap();
    drop(stopped);
    is_sorry(&answer);
    assert_eq!(answer.all("vary"), ["cookie"]);
}

pub(crate) async fn report_only_refuses_nothing_while_the_store_hangs(world: &World) {
    let server = world.redis().expect("a server that can be stopped");
    let probe = world.probe(&[&OPTIONS[..], &["--report-only"]].concat());
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"], ["csrf_token"]])).await;
    let _stopped = Stopped::now(server);
    let answer = client.post("/form", &[("x-csrf-token", "x")], "").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"), "the page doesn't use the session");
    is_sorry(&client.do_ops(json!([["get", "user"]])).await);
}
