//! A wire that counts: how often a client spoke after the server had, which is how often it waited for an answer.
//!
//! It can go silent, as one does when a firewall forgets its connections: what is sent is taken, and nothing arrives.

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
    opened: Arc<AtomicUsize>,
    silent: Arc<AtomicUsize>,
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
        let (opened, silent) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, quiet) = (Arc::clone(&opened), Arc::clone(&silent));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, there.load(Ordering::SeqCst)));
                let Ok(server) = server else { continue };
                let wire = Wire { number: count.fetch_add(1, Ordering::SeqCst), silent: Arc::clone(&quiet) };
                let answered = Arc::new(AtomicBool::new(true));
                let (asked, counter) = (Arc::clone(&answered), Arc::clone(&counter));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                carry(from, to, wire.clone(), move || {
                    counter.fetch_add(usize::from(asked.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
                });
                carry(server, client, wire, move || answered.store(true, Ordering::SeqCst));
            }
        });
        Self { port, server, trips, opened, silent }
    }

    /// Leads new connections to another server; those that there are stay.
    pub fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::SeqCst);
    }

    /// Makes all connections that there are silent, for ever: they stay open, and nothing arrives on either side. New ones
    /// work.
    pub fn silence(&self) {
        self.silent.store(self.opened(), Ordering::SeqCst);
    }

    /// The connections since the start.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
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

/// Which connection it is, and how many of the first ones are silent.
#[derive(Clone, Debug)]
struct Wire {
    number: usize,
    silent: Arc<AtomicUsize>,
}

impl Wire {
    fn is_silent(&self) -> bool {
        self.number < self.silent.load(Ordering::SeqCst)
    }
}

/// Counts before it hands on, so that who has the answer finds it counted.
fn carry(mut from: TcpStream, mut to: TcpStream, wire: Wire, seen: impl Fn() + Send + 'static) {
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if wire.is_silent() {
                continue;
            }
            seen();
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // Nor does anybody learn that the other side is gone.
        if !wire.is_silent() {
            let _ = to.shutdown(Shutdown::Write);
        }
    });
}
