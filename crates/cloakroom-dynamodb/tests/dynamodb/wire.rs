//! A server between the store and the emulator: it counts requests, and injects faults.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use cloakroom_servers::DynamoDb;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The fate of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is closed before the request reaches the emulator.
    CutBefore,
    /// The connection is closed after the emulator has executed the request.
    CutAfter,
    /// The request isn't executed, and this is the status and the error code of the answer.
    Answer(u16, &'static str),
    /// The transaction isn't executed, because of another one.
    Cancelled,
}

#[derive(Debug, Default)]
struct State {
    /// The operations of all requests, such as `PutItem`.
    asked: Vec<String>,
    /// The faults of the next requests.
    faults: VecDeque<Fault>,
}

/// The server. It runs until the runtime of the test ends.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Wire {
    pub(crate) async fn to(server: &DynamoDb) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, server) = (Arc::<Mutex<State>>::default(), server.port());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server, Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    /// Injects faults into the next requests, one each.
    pub(crate) fn fault(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// Returns the operations since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Returns whether all faults have happened.
    pub(crate) fn is_mended(&self) -> bool {
        self.state.lock().unwrap().faults.is_empty()
    }
}

/// Forwards the requests of one connection. Ends at the first error.
async fn serve(mut client: TcpStream, server: u16, state: Arc<Mutex<State>>) -> Option<()> {
    loop {
        let request = message(&mut client).await?;
        let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let (_, target) = head.split_once("x-amz-target: dynamodb_20120810.")?;
        let operation = target.split_once('\r')?.0.to_owned();
        let fault = {
            let mut state = state.lock().unwrap();
            state.asked.push(operation);
            state.faults.pop_front()
        };
        let answer = match fault {
            Some(Fault::CutBefore) => return None,
            Some(Fault::Answer(status, code)) => error(status, code, ""),
            Some(Fault::Cancelled) => error(
                400,
                "TransactionCanceledException",
                r#","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]"#,
            ),
            None | Some(Fault::CutAfter) => {
                // A connection per request is enough for a test.
                let mut emulator = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.ok()?;
                emulator.write_all(&request).await.ok()?;
                message(&mut emulator).await?
            }
        };
        if fault == Some(Fault::CutAfter) {
            return None;
        }
        client.write_all(&answer).await.ok()?;
    }
}

fn error(status: u16, code: &str, more: &str) -> Vec<u8> {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"injected"{more}}}"#);
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Injected\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Reads one message with a `content-length`.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let Some(end) = message.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(message.get(..end)?).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(Some(0), |length| length.trim().parse().ok())?;
            if message.len() >= end + 4 + length {
                return Some(message);
            }
        }
        if stream.read_buf(&mut message).await.ok()? == 0 {
            return None;
        }
    }
}
