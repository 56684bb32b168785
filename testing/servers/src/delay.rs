//! A slow network.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// A proxy that forwards requests after a delay; responses are forwarded at once.
///
/// The time that a caller takes shows how often it waited for a response, because requests sent
/// together are delayed together. The proxy runs until the process ends.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    port: u16,
}

impl Delay {
    /// Starts a proxy in front of the server on this port.
    #[must_use]
    pub fn to(server: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        spawn(move || {
            for client in listener.incoming().flatten() {
                // If the server is gone, close the client's connection.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) {
                    join(client, server, delay);
                }
            }
        });
        Self { port }
    }

    /// The port for clients.
    #[must_use]
    pub const fn port(self) -> u16 {
        self.port
    }
}

#[expect(clippy::disallowed_methods, reason = "a delay is real time")]
fn join(client: TcpStream, server: TcpStream, delay: Duration) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = requests.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    spawn(move || {
        for (due, bytes) in receiver {
            sleep(due.saturating_duration_since(Instant::now()));
            if to_server.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut answers, mut to_client) = (server, client);
    spawn(move || {
        let _ = std::io::copy(&mut answers, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
}
