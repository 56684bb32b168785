//! What a handler does between reading a session and writing it, while other requests come and go.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The variable with the port of a gate: who counts races, and must know that a request has read
/// and hasn't written yet.
pub const GATE: &str = "GATE";

/// Goes to the gate and stays until it opens, or for 20 milliseconds if there is none.
pub async fn slow_work() {
    let Ok(port) = std::env::var(GATE) else { return tokio::time::sleep(Duration::from_millis(20)).await };
    let mut gate = TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).await.expect("a gate");
    gate.read_u8().await.expect("a gate that opens");
}
