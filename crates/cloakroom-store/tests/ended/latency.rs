//! The time from a sign-out to the closed socket in one process.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Session;
use cloakroom_store::MemoryStore;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::world::Node;

/// Measures 1,000 sign-outs one after the other. Run it alone:
/// `cargo test --release -p cloakroom-store --test ended -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn from_the_sign_out_to_the_closed_socket() {
    let node = Node::new(Arc::new(MemoryStore::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut times = Vec::new();
    for _ in 0..1000 {
        let cookie = node.begin().await;
        let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (mut client, (socket, _)) = (client.unwrap(), accepted.unwrap());
        let session = node.stream(&cookie).await;
        tokio::spawn(async move {
            session.ended().await;
            drop(socket);
        });
        // The first check of the wait isn't part of the measurement.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (slot, session) = node.open(&cookie).await;
        Session::invalidate(&session);
        let began = Instant::now();
        slot.finish(200).await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!("memory: median {} µs, worst {} µs", times[500].as_micros(), times[999].as_micros());
}
