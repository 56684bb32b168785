//! A session's life, from its first write to its end.

use serde_json::json;

use crate::world::{ADAPTERS, World};

pub(crate) async fn the_next_request_reads_written_values(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "cart", ["hat"]], ["add", "visits", 1]])).await;
    assert_eq!(
        client.ops(json!([["get", "cart"], ["push", "cart", "cane"], ["add", "visits", 1]])).await,
        [json!(["hat"]), json!(2), json!(2)]
    );
    assert_eq!(
        client.ops(json!([["entries"], ["remove", "cart"]])).await[0],
        json!({"cart": ["hat", "cane"], "visits": 2})
    );
    assert_eq!(client.ops(json!([["keys"], ["is_new"]])).await, [json!(["visits"]), json!(false)]);
}

pub(crate) async fn a_session_begins_with_its_first_write(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.do_ops(json!([["get", "a"], ["peek_flash"], ["remove", "a"]])).await.is_silent();
    assert_eq!(client.do_ops(json!([["insert", "a", 1]])).await.cookies().len(), 1);
    let mut other = probe.client();
    assert_eq!(other.ops(json!([["get", "a"], ["is_new"]])).await, [json!(null), json!(true)]);
}

pub(crate) async fn an_invalidated_session_has_ended(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"]])).await;
    let mut thief = client.clone();
    let answer = client.do_ops(json!([["invalidate"]])).await;
    assert_eq!(answer.cookies().len(), 1);
    assert_eq!(client.cookie, None, "the browser has removed the cookie");
    // A cookie session cannot be revoked, as its documentation says.
    let left = if world.is_store() { json!(null) } else { json!("ann") };
    let answer = thief.do_ops(json!([["get", "user"]])).await;
    assert_eq!(answer.results(), [left]);
    answer.is_silent();
}

pub(crate) async fn writes_after_invalidate_start_a_new_session(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"], ["insert", "cart", 1]])).await;
    let before = client.value().to_owned();
    client.ops(json!([["invalidate"], ["insert", "user", "bob"]])).await;
    assert_ne!(client.value(), before);
    assert_eq!(client.ops(json!([["entries"]])).await, [json!({"user": "bob"})]);
}

pub(crate) async fn cycling_the_id_keeps_the_session_data(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "cart", 1]])).await;
    let mut old = client.clone();
    client.ops(json!([["cycle_id"], ["insert", "user", "ann"]])).await;
    assert_ne!(client.value(), old.value());
    assert_eq!(client.ops(json!([["entries"]])).await, [json!({"cart": 1, "user": "ann"})]);
    if world.is_store() {
        let answer = old.do_ops(json!([["get", "cart"], ["insert", "user", "eve"]])).await;
        assert_eq!(answer.results()[0], json!(null), "a moved id reads nothing");
        answer.is_silent();
        assert_eq!(client.ops(json!([["get", "user"]])).await, [json!("ann")]);
    }
}

pub(crate) async fn a_cookie_that_makes_no_sense_is_ignored(world: &World) {
    let probe = world.probe(&[]);
    let made_up = "A".repeat(43);
    for value in ["", "x", "s1.x.y", "\u{1F3A9}", &made_up, "a=b", &"x".repeat(5000)] {
        let mut client = probe.client().with_cookie(&format!("session={value}"));
        let answer = client.do_ops(json!([["get", "a"], ["is_new"]])).await;
        assert_eq!(answer.results(), [json!(null), json!(true)], "{value}");
        answer.is_silent();
        client.ops(json!([["insert", "a", 1]])).await;
        assert!(!client.value().contains(&made_up), "an invented id is not adopted");
        assert_eq!(client.ops(json!([["get", "a"]])).await, [json!(1)], "{value}");
    }
}

pub(crate) async fn the_last_valid_cookie_of_several_lines_counts(world: &World) {
    let probe = world.probe(&[]);
    let (mut ann, mut bob) = (probe.client(), probe.client());
    ann.ops(json!([["insert", "user", "ann"]])).await;
    bob.ops(json!([["insert", "user", "bob"]])).await;
    let operations = json!([["get", "user"]]).to_string();
    for (lines, expected) in [
        (vec![ann.value(), bob.value()], "bob"),
        (vec![bob.value(), "theme=dark", ann.value()], "ann"),
        (vec![ann.value(), "session=garbage"], "ann"),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
        let answer = probe.client().send("POST", "/ops", &headers, operations.clone()).await;
        assert_eq!(answer.results(), [json!(expected)], "{lines:?}");
        let one_line = lines.join("; ");
        let answer = probe.client().send("POST", "/ops", &[("cookie", &one_line)], operations.clone()).await;
        assert_eq!(answer.results(), [json!(expected)], "{one_line}");
    }
}

pub(crate) async fn a_session_too_large_for_its_cookie_is_refused_and_nothing_is_lost(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"]])).await;
    let before = client.value().to_owned();
    let answer = client.do_ops(json!([["insert", "text", "x".repeat(5000)], ["remove", "user"]])).await;
    if world.is_store() {
        assert_eq!(answer.status, 200);
        assert_eq!(client.ops(json!([["keys"]])).await, [json!(["text"])]);
        return;
    }
    assert_eq!((answer.status, answer.text()), (500, "Internal Server Error"));
    assert_eq!((answer.all("cache-control"), answer.all("vary")), (vec!["no-store"], vec!["cookie"]));
    assert_eq!(answer.all("content-type"), ["text/plain; charset=utf-8"]);
    answer.is_silent();
    assert_eq!(client.value(), before);
    assert_eq!(client.ops(json!([["get", "user"]])).await, [json!("ann")]);
}

pub(crate) async fn a_handler_error_commits_according_to_the_policy(world: &World) {
    for (policy, status, commits) in [
        ("always", "404", true),
        ("always", "500", true),
        ("not-on-server-error", "404", true),
        ("not-on-server-error", "500", false),
    ] {
        let probe = world.probe(&["--commit", policy]);
        let mut client = probe.client();
        client.ops(json!([["insert", "user", "ann"]])).await;
        let operations = json!([["insert", "user", "bob"], ["flash", "saved"]]).to_string();
        let answer = client.send("POST", "/ops", &[("x-probe-status", status)], operations).await;
        assert_eq!(answer.status.to_string(), status);
        assert_eq!(answer.all("vary"), ["cookie"], "{policy} {status}: it was opened");
        let expected = if commits { [json!("bob"), json!(["saved"])] } else { [json!("ann"), json!([])] };
        assert_eq!(client.ops(json!([["get", "user"], ["pop_flash"]])).await, expected, "{policy} {status}");

        // The same for a handler that returns an error instead of a response.
        let answer = client.post("/fails", &[], "").await;
        assert_eq!((answer.status, answer.text()), (500, "Internal Server Error"));
        assert_eq!((answer.all("vary"), answer.all("cache-control")), (vec!["cookie"], vec!["no-store"]));
        let expected = json!(policy == "always");
        assert_eq!(client.ops(json!([["contains", "failed"]])).await, [expected], "{policy}");
    }
}

pub(crate) async fn a_handler_that_panics_commits_nothing(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"]])).await;
    // No framework here turns a panic into a response: the connection is closed.
    assert!(client.begin("POST", "/panics", &[], "").await.is_err());
    assert_eq!(client.ops(json!([["keys"]])).await, [json!(["user"])], "the server keeps running");
}

pub(crate) async fn a_disconnect_commits_everything_or_nothing(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["insert", "user", "ann"]])).await;
    let operations = json!([["get", "user"], ["sleep", 200], ["insert", "gone", true], ["flash", "gone"]]).to_string();
    let (slow, going) = (client.clone(), std::time::Duration::from_millis(100));
    tokio::select! {
        // On a busy machine both may be ready at once: then the client has left.
        biased;
        () = tokio::time::sleep(going) => {}
        answer = slow.begin("POST", "/ops", &[], operations) => {
            panic!("it went away before the answer came: {:?}", answer.map(|answer| answer.status()));
        }
    }
    drop(slow);
    // Some frameworks cancel the handler of a client that has left, some let it finish.
    tokio::time::sleep(4 * going).await;
    let found = client.ops(json!([["contains", "gone"], ["pop_flash"], ["get", "user"]])).await;
    let (all, nothing) = (json!([true, ["gone"], "ann"]), json!([false, [], "ann"]));
    assert!(json!(found) == nothing || world.is_store() && json!(found) == all, "{found:?}");
}

pub(crate) async fn every_adapter_opens_the_sessions_of_the_others(world: &World) {
    let first = world.probe(&[]);
    let mut client = first.client();
    client.ops(json!([["add", "n", 1], ["flash", 0]])).await;
    for (index, adapter) in ADAPTERS.iter().enumerate() {
        let probe = world.probe_on(adapter, &[]);
        let mut there = client.at(probe.base());
        let results = there.ops(json!([["add", "n", 1], ["pop_flash"], ["flash", index + 1]])).await;
        assert_eq!(results[..2], [json!(index + 2), json!([index])], "{adapter}");
        client.cookie = there.cookie;
    }
    assert_eq!(client.ops(json!([["get", "n"], ["pop_flash"]])).await, [json!(4), json!([3])]);
}
