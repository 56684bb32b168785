//! The owner and the id of a session: sign-ins, sign-outs, and superseded ids.

use serde_json::{Value, json};

use crate::http::{Answer, Client};
use crate::races::within;
use crate::world::World;

/// Asserts that the cookie opens nothing and that the response sets no cookie.
async fn is_expired(client: &Client, what: &str) {
    let answer = client.clone().do_ops(json!([["len"], ["is_new"]])).await;
    assert_eq!(answer.results(), [json!(0), json!(true)], "{what}");
    answer.is_silent();
}

/// Asserts that the response removes the cookie.
#[track_caller]
fn removes(answer: &Answer) {
    assert_eq!(answer.status, 200);
    let cookies = answer.cookies();
    assert!(
        matches!(cookies[..], [line] if line.starts_with("session=;") && line.contains("Max-Age=0")),
        "{cookies:?}"
    );
}

pub(crate) async fn a_sign_out_with_a_moved_id_ends_the_session(world: &World) {
    let probe = world.probe(&[]);
    for moves in 1..=3 {
        let mut client = probe.client();
        client.ops(json!([["set_owner", "ann"], ["insert", "user", "ann"]])).await;
        let (mut old, mut again) = (client.clone(), client.clone());
        for _ in 0..moves {
            client.ops(json!([["cycle_id"]])).await;
        }
        assert_eq!(client.ops(json!([["get", "user"]])).await, [json!("ann")]);
        removes(&old.do_ops(json!([["invalidate"]])).await);
        is_expired(&client, "the newest id").await;
        is_expired(&again, "the old id").await;
        for client in [&mut again, &mut client] {
            let answer = client.do_ops(json!([["invalidate"]])).await;
            assert_eq!(answer.status, 200);
            // Nothing was ended, so no cookie is removed: the browser may have a newer one.
            answer.is_silent();
        }
    }
}

pub(crate) async fn a_sign_out_that_began_before_the_move_ends_it_too(world: &World) {
    let probe = world.probe(&[]);
    for (name, meanwhile) in [
        ("one move", json!([["cycle_id"]])),
        ("a sign-in", json!([["set_owner", "ann"], ["insert", "user", "ann"]])),
        ("two moves in one request", json!([["cycle_id"], ["commit_now"], ["cycle_id"]])),
    ] {
        let mut client = probe.client();
        client.ops(json!([["insert", "cart", 1]])).await;
        let old = client.clone();
        removes(&within(&mut client, &[json!(["invalidate"])], meanwhile).await);
        assert_ne!(client.value(), old.value(), "{name}");
        is_expired(&client, name).await;
        is_expired(&old, name).await;
    }
}

pub(crate) async fn another_owner_gets_nothing_of_the_session(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["set_owner", "ann"], ["insert", "is_admin", true], ["flash", "Hello, Ann"]])).await;
    let token = client.ops(json!([["csrf_token"]])).await[0].clone();
    client.ops(json!([["set_owner", "ann"], ["insert", "cart", 1]])).await;
    assert_eq!(client.ops(json!([["get", "is_admin"], ["peek_flash"]])).await, [json!(true), json!(["Hello, Ann"])]);
    let old = client.clone();
    let found = client
        .ops(json!([["insert", "late", 1], ["set_owner", "bob"], ["entries"], ["peek_flash"], ["csrf_token"]]))
        .await;
    assert_eq!(found[2..4], [json!({}), json!([])]);
    assert_ne!(found[4], token);
    assert_ne!(client.value(), old.value());
    client.ops(json!([["insert", "user", "bob"]])).await;
    assert_eq!(client.ops(json!([["entries"], ["pop_flash"]])).await, [json!({"user": "bob"}), json!([])]);
    if world.is_store() {
        is_expired(&old, "ann's session").await;
    }
}

pub(crate) async fn a_sign_in_replaces_the_csrf_token(world: &World) {
    let probe = world.probe(&[]);
    for sign_in in [json!(["set_owner", "ann"]), json!(["cycle_id"])] {
        let mut client = probe.client();
        let planted = client.get("/token").await.text().to_owned();
        let post =
            async |client: &mut Client, token: &str| client.post("/form", &[("x-csrf-token", token)], "").await.status;
        assert_eq!(post(&mut client, &planted).await, 200);
        let before = client.ops(json!([["csrf_token"]])).await[0].clone();
        let after = client.ops(json!([sign_in, ["csrf_token"]])).await[1].clone();
        assert_ne!(before, after, "{sign_in}");
        assert_eq!(client.ops(json!([["csrf_token"]])).await, [after]);
        assert_eq!(post(&mut client, &planted).await, 403, "{sign_in}");
        let new = client.get("/token").await.text().to_owned();
        assert_eq!(post(&mut client, &new).await, 200, "{sign_in}");
    }
}

pub(crate) async fn a_replaced_session_has_ended_even_if_its_successor_fails(world: &World) {
    let probe = world.probe(&[]);
    let rows: [(&str, Value); 3] = [
        ("a sign-out with a message", json!([["invalidate"], ["flash", "You are signed out."]])),
        ("another session", json!([["invalidate"], ["set_owner", "bob"], ["insert", "user", "bob"]])),
        ("another owner", json!([["set_owner", "bob"], ["insert", "user", "bob"]])),
    ];
    for (name, operations) in rows {
        let mut client = probe.client();
        client.ops(json!([["set_owner", "ann"], ["insert", "user", "ann"]])).await;
        let old = client.clone();
        let answer = client.send("POST", "/ops", &[("x-probe-fail", "create")], operations.to_string()).await;
        assert_eq!((answer.status, answer.text()), (503, "Service Unavailable"), "{name}");
        is_expired(&old, name).await;
        // The store works again, and the visitor can sign in.
        client.ops(json!([["set_owner", "ann"], ["insert", "user", "ann"]])).await;
        assert_eq!(client.ops(json!([["get", "user"]])).await, [json!("ann")], "{name}");
        is_expired(&old, name).await;
    }
}
