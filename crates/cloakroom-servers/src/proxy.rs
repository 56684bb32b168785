//! A wire that counts: how often a client spoke after the server had, which is how often it waited for an answer.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread;

/// A port of its own that leads to a server's.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    server: Arc<AtomicU16>,
    trips: Arc<AtomicUsize>,
}

impl Proxy {
    /// A wire to this port. It is there until the test ends.
    #[must_use]
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let trips = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&trips);
        let server = Arc::new(AtomicU16::new(server));
        let there = Arc::clone(&server);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, there.load(Ordering::SeqCst)));
                let Ok(server) = server else { continue };
                let answered = Arc::new(AtomicBool::new(true));
                let (asked, counter) = (Arc::clone(&answered), Arc::clone(&counter));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                carry(from, to, move || {
                    counter.fetch_add(usize::from(asked.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
                });
                carry(server, client, move || answered.store(true, Ordering::SeqCst));
            }
        });
        Self { port, server, trips }
    }

    /// Leads new connections to another server; those that there are stay.
    pub fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::SeqCst);
    }

    /// Where to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The round trips since the start, of all connections.
    #[must_use]
    pub fn trips(&self) -> usize {
        self.trips.load(Ordering::SeqCst)
    }
}

/// Counts before it hands on, so that who has the answer finds it counted.
fn carry(mut from: TcpStream, mut to: TcpStream, seen: impl Fn() + Send + 'static) {
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            seen();
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
