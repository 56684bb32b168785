//! The work of a handler between reading and writing a session, while other requests run.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The variable with the port of a gate, which shows the race test that a request has read the
/// session and has not yet written it.
pub const GATE: &str = "GATE";

/// Waits at the gate until it opens, or for 20 milliseconds if there is none.
pub async fn slow_work() {
    let Ok(port) = std::env::var(GATE) else { return tokio::time::sleep(Duration::from_millis(20)).await };
    let mut gate = TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).await.expect("a gate");
    gate.read_u8().await.expect("a gate that opens");
}
