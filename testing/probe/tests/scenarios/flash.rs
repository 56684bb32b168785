//! Flash messages.

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

pub(crate) async fn queues_are_independent_and_push_unique_rejects_duplicates(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["flash", "a"], ["flash", "b", "side"], ["flash", "b", "side", false]])).await;
    client.ops(json!([["flash", "b", "side", false], ["flash", "a"]])).await;
    assert_eq!(client.ops(json!([["pop_flash", "side"]])).await, [json!(["b"])]);
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["a", "a"])]);
}

pub(crate) async fn a_message_of_another_type_blocks_nothing(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["flash", 1], ["flash", "a"], ["flash", {"level": "error"}]])).await;
    client.ops(json!([["flash", "b"], ["flash", 2, "side"]])).await;
    assert_eq!(client.ops(json!([["pop_flash_texts"]])).await, [json!(["a", "b"])]);
    assert_eq!(client.ops(json!([["pop_flash"], ["pop_flash", "side"]])).await, [json!([]), json!([2])]);
    assert_eq!(probe.logged("flash message dropped: it has another type"), 2);
}

pub(crate) async fn a_full_queue_drops_its_oldest(world: &World) {
    let probe = world.probe(&["--flash-limit", "3"]);
    let mut client = probe.client();
    client.ops(json!([["flash", "another", "side"], ["flash", 1], ["flash", 2], ["flash", 3], ["flash", 4]])).await;
    client.ops(json!([["flash", 4, "", false], ["flash", 5]])).await;
    assert_eq!(client.ops(json!([["pop_flash"], ["pop_flash", "side"]])).await, [json!([3, 4, 5]), json!(["another"])]);
    assert_eq!(probe.logged("oldest flash message dropped"), 2, "none for the duplicate");
}

pub(crate) async fn a_message_for_now_is_not_stored_and_a_kept_one_is_shown_again(world: &World) {
    let probe = world.probe(&[]);
    let mut client = probe.client();
    client.ops(json!([["flash_now", "missing", "form"]])).await;
    assert_eq!(client.cookie, None, "a message for now begins no session");
    client.ops(json!([["flash", "saved"]])).await;
    let shown = client.ops(json!([["flash_now", "now"], ["pop_flash"], ["keep_flash"]])).await;
    assert_eq!(shown[1], json!(["saved", "now"]));
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!(["saved", "now"])]);
    assert_eq!(client.ops(json!([["pop_flash"]])).await, [json!([])]);
}
