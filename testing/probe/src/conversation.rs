//! Conversations: a request that stays open while other requests tell it its operations.
//!
//! A client in another language can work with a session as a handler does: within one request, it
//! sees the result of each operation before it decides on the next one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

/// The open conversations by name.
static OPEN: LazyLock<watch::Sender<BTreeMap<String, mpsc::Sender<Told>>>> = LazyLock::new(watch::Sender::default);

/// A message to the open request.
pub(crate) enum Told {
    /// Run this operation, and send its result to the client.
    Operation(Value, oneshot::Sender<Value>),
    /// Respond with this status.
    Finish(u16),
}

/// Opens a conversation, and returns the receiver of its messages.
pub(crate) fn open(name: &str) -> mpsc::Receiver<Told> {
    let (sender, receiver) = mpsc::channel(1);
    OPEN.send_modify(|open| _ = open.insert(name.to_owned(), sender));
    receiver
}

/// Runs an operation in a conversation and returns its result, or `None` if the request has ended.
pub(crate) async fn tell(name: &str, operation: Value) -> Option<Value> {
    let (answer, answered) = oneshot::channel();
    conversation(name).await?.send(Told::Operation(operation, answer)).await.ok()?;
    answered.await.ok()
}

/// Lets the open request respond. Returns false if it has ended already.
pub(crate) async fn finish(name: &str, status: u16) -> bool {
    let sent = match conversation(name).await {
        Some(open) => open.send(Told::Finish(status)).await.is_ok(),
        None => false,
    };
    OPEN.send_modify(|open| _ = open.remove(name));
    sent
}

/// Waits for the conversation to be opened: its request may still be on its way.
async fn conversation(name: &str) -> Option<mpsc::Sender<Told>> {
    let mut open = OPEN.subscribe();
    let open = open.wait_for(|open| open.contains_key(name)).await.ok()?;
    open.get(name).cloned()
}
