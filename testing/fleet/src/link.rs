//! The connection of a node to the store's feed.
//!
//! The connection keeps a hint before the answer to a later ping, as the proof of the feed needs.
//! Hints among themselves are repeated, reordered and delayed, and there are false ones.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::feed::Connection;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};

use crate::plan::Mutant;
use crate::server::{Message, Server};

/// The time between two pings.
const PING: Duration = Duration::from_millis(250);
/// A connection without an answer for this time is given up.
const SILENCE: Duration = Duration::from_secs(1);

/// Keeps the feed connected as long as there are listeners.
pub(crate) async fn run(connection: Connection, server: Arc<Server>, node: usize) {
    while connection.is_needed() {
        sleep(server.network.latency() * 2).await;
        server.network.running(node).await;
        if server.network.is_cut(node) || server.network.is_feed_silent() {
            sleep(PING).await;
            continue;
        }
        let (sender, receiver) = unbounded_channel();
        let number = server.attach(sender);
        sleep(server.network.latency()).await;
        connection.established();
        pump(&connection, &server, node, number, receiver).await;
        connection.lost();
    }
}

/// Passes messages on until the connection is lost or no longer needed.
async fn pump(
    connection: &Connection,
    server: &Arc<Server>,
    node: usize,
    number: u64,
    mut messages: UnboundedReceiver<Message>,
) {
    let network = &server.network;
    let mut front: Option<(Instant, Message)> = None;
    let (mut ping_at, mut heard) = (Instant::now(), Instant::now());
    loop {
        let due = front.map_or(ping_at, |(due, _)| due);
        tokio::select! {
            biased;
            message = messages.recv(), if front.is_none() => match message {
                Some(message) => front = Some((Instant::now() + network.latency(), message)),
                None => return,
            },
            () = sleep_until(due), if front.is_some() => {
                network.running(node).await;
                if network.is_cut(node) || network.is_feed_silent() {
                    // The transport tries again.
                    front = front.map(|(_, message)| (Instant::now() + Duration::from_millis(40), message));
                } else if let Some((_, message)) = front.take() {
                    deliver(connection, server, message, &mut messages, &mut heard);
                }
            }
            () = sleep_until(ping_at) => {
                network.running(node).await;
                if !connection.is_needed() || heard.elapsed() > SILENCE {
                    return;
                }
                ping_at = Instant::now() + PING;
                let (server, sent) = (Arc::clone(server), Instant::now());
                tokio::spawn(async move {
                    sleep(server.network.latency()).await;
                    if !server.network.is_cut(node) {
                        server.pong(number, sent);
                    }
                });
            }
        }
    }
}

/// Passes a message on, and those that arrived together with it.
fn deliver(
    connection: &Connection,
    server: &Server,
    message: Message,
    messages: &mut UnboundedReceiver<Message>,
    heard: &mut Instant,
) {
    let random = &server.network.random;
    let drops = || server.mutant == Some(Mutant::FeedDrops) && random.happens(300);
    let hint = |key: &StoreKey| {
        if !drops() {
            connection.changed(key);
        }
    };
    let mut late = Vec::new();
    let mut next = Some(message);
    while let Some(message) = next {
        match message {
            Message::Changed(key) => {
                if random.happens(200) {
                    late.push(key);
                } else {
                    hint(&key);
                }
                if random.happens(50) {
                    connection.changed(&key);
                }
                if random.happens(5) {
                    connection.changed(&StoreKey::from_bytes([7; 32]));
                }
                if random.happens(1) {
                    connection.all_changed();
                }
            }
            Message::Pong(sent) => {
                late.drain(..).rev().for_each(|key| hint(&key));
                *heard = Instant::now();
                connection.proven(sent.into_std());
            }
        }
        next = messages.try_recv().ok();
    }
    late.drain(..).rev().for_each(|key| hint(&key));
}
