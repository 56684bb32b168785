//! Messages for the next page.

use serde_json::json;

use crate::world::World;

pub(crate) async fn messages_are_shown_once_and_wait_until_then(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["flash", "saved"], ["flash", {"level": "error", "text": "full"}]])).await;
    let both = json!(["saved", {"level": "error", "text": "full"}]);
    client.get("/untouched").await.is_silent();
    assert_eq!(client.ops(json!([["peek_flash"]])).await[0], both);
    assert_eq!(client.ops(json!([["pop_flash"], ["flash", "later"]])).await[0], both);
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["later"])]);
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!([])]);
}

pub(crate) async fn queues_are_independent_and_duplicates_are_kept_out_on_demand(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["flash", "a"], ["flash", "b", "side"], ["flash", "b", "side", false]])).await;
    client.ops(json!([["flash", "b", "side", false], ["flash", "a"]])).await;
    assert_eq!(client.ops(json!([["pop_flash", "side"]])).await, [json!(["b"])]);
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["a", "a"])]);
}
