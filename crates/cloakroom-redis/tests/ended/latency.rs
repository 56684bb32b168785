//! The time from a sign-out on one node to the closed socket on another.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_servers::redis::Redis;
use cloakroom_session::Session;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::node::{Node, until_live};

/// Measures 1,000 sign-outs one after the other. Run it alone:
/// `cargo test --release -p cloakroom-redis --test ended -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn from_the_sign_out_to_the_closed_socket() {
    for (name, server) in [("Redis", Redis::start()), ("Valkey", Redis::valkey(&[]))] {
        let [here, there] = [Node::at(&server.url()).await, Node::at(&server.url()).await];
        let there = Arc::new(there);
        let _live = until_live(&there.feed(), true).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut times = Vec::new();
        for _ in 0..1000 {
            let cookie = here.visit("", |session| session.insert("a", 1).unwrap()).await;
            let (client, accepted) =
                tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
            let (mut client, (socket, _)) = (client.unwrap(), accepted.unwrap());
            let waiting = there.wait(&cookie).await;
            let serving = tokio::spawn(async move {
                waiting.await.unwrap();
                drop(socket);
            });
            // The first check of the wait isn't part of the measurement.
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(!serving.is_finished());
            let (slot, session) = here.open(&cookie).await;
            Session::invalidate(&session);
            let began = Instant::now();
            slot.finish(200).await.unwrap();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let micros = |time: Duration| time.as_micros();
        println!("{name}: median {} µs, worst {} µs", micros(times[500]), micros(times[999]));
    }
}
