//! A proxy that counts round trips: how often a client sends after the server has answered.
//!
//! It can inject the faults of real networks. Connections go silent, as when a firewall drops their
//! state: data is accepted, but never arrives. Connections are cut after a random number of bytes.
//! The server's side is closed, as servers do with idle connections.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy in front of a server.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    faults: Arc<Faults>,
    trips: Arc<AtomicUsize>,
}

/// The state shared by all connections of a proxy.
#[derive(Debug, Default)]
struct Faults {
    server: AtomicU16,
    opened: AtomicUsize,
    closed: AtomicUsize,
    /// The number of silent connections, which are the first ones.
    silent: AtomicUsize,
    /// The largest number of bytes that a connection carries; 0 means no limit.
    most: AtomicU64,
    seed: AtomicU64,
    live: Mutex<Vec<(usize, TcpStream, TcpStream)>>,
}

impl Faults {
    /// The number of bytes until the connection is cut: a random number from 1 to the limit.
    fn budget(&self, number: usize) -> Option<u64> {
        let most = self.most.load(Ordering::SeqCst);
        let seed = self.seed.load(Ordering::SeqCst).wrapping_add(number as u64);
        (most > 0).then(|| 1 + scrambled(seed) % most)
    }
}

/// One step of SplitMix64. The same seed cuts at the same points.
#[must_use]
pub const fn scrambled(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Proxy {
    /// Starts a proxy in front of the server on this port. It runs until the process ends.
    #[must_use]
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let trips = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&trips);
        let faults = Arc::new(Faults { server: AtomicU16::new(server), ..Faults::default() });
        let shared = Arc::clone(&faults);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.server.load(Ordering::SeqCst)));
                let Ok(server) = server else { continue };
                connect(client, server, &shared, &counter);
            }
        });
        Self { port, faults, trips }
    }

    /// Connects new clients to another server; existing connections stay.
    pub fn lead_to(&self, server: u16) {
        self.faults.server.store(server, Ordering::SeqCst);
    }

    /// Silences all existing connections for good: they stay open, but nothing arrives on either
    /// side. New connections work.
    pub fn silence(&self) {
        self.faults.silent.store(self.opened(), Ordering::SeqCst);
    }

    /// Cuts each connection after a random number of bytes, at most this many, regardless of
    /// message boundaries. The same seed cuts at the same points.
    pub fn cut_within(&self, most: u64, seed: u64) {
        self.faults.seed.store(seed, Ordering::SeqCst);
        self.faults.most.store(most, Ordering::SeqCst);
    }

    /// Stops cutting connections.
    pub fn mend(&self) {
        self.faults.most.store(0, Ordering::SeqCst);
    }

    /// Closes the server's side of all connections, as servers do with idle connections. Clients
    /// see the end and close their side.
    pub fn hang_up(&self) {
        for (_, client, server) in self.faults.live.lock().unwrap().iter() {
            // An error means that the connection is closed already.
            let _ = (client.shutdown(Shutdown::Write), server.shutdown(Shutdown::Write));
        }
    }

    /// The number of connections since the start.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.faults.opened.load(Ordering::SeqCst)
    }

    /// The number of connections that are open on either side.
    #[must_use]
    pub fn open(&self) -> usize {
        self.opened() - self.faults.closed.load(Ordering::SeqCst)
    }

    /// The port for clients.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The number of round trips since the start, over all connections.
    #[must_use]
    pub fn trips(&self) -> usize {
        self.trips.load(Ordering::SeqCst)
    }
}

/// A connection, and the faults that it may have.
#[derive(Clone, Debug)]
struct Wire {
    number: usize,
    faults: Arc<Faults>,
    carried: Arc<AtomicU64>,
    /// The number of its directions that have ended.
    over: Arc<AtomicUsize>,
}

impl Wire {
    fn is_silent(&self) -> bool {
        self.number < self.faults.silent.load(Ordering::SeqCst)
    }

    /// Returns how many of these bytes arrive, and whether the connection is cut after them.
    fn passes(&self, length: usize) -> (usize, bool) {
        let Some(budget) = self.faults.budget(self.number) else { return (length, false) };
        let carried = self.carried.fetch_add(length as u64, Ordering::SeqCst);
        let left = usize::try_from(budget.saturating_sub(carried)).unwrap_or(usize::MAX);
        (length.min(left), left < length)
    }

    fn end(&self) {
        if self.over.fetch_add(1, Ordering::SeqCst) == 1 {
            self.faults.closed.fetch_add(1, Ordering::SeqCst);
            self.faults.live.lock().unwrap().retain(|(number, ..)| *number != self.number);
        }
    }
}

fn connect(client: TcpStream, server: TcpStream, faults: &Arc<Faults>, trips: &Arc<AtomicUsize>) {
    let number = faults.opened.fetch_add(1, Ordering::SeqCst);
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    faults.live.lock().unwrap().push((number, client.try_clone().unwrap(), server.try_clone().unwrap()));
    let wire = Wire { number, faults: Arc::clone(faults), carried: Arc::default(), over: Arc::default() };
    let answered = Arc::new(AtomicBool::new(true));
    let (asked, counter) = (Arc::clone(&answered), Arc::clone(trips));
    carry(from, to, wire.clone(), move || {
        counter.fetch_add(usize::from(asked.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
    });
    carry(server, client, wire, move || answered.store(true, Ordering::SeqCst));
}

/// Forwards one direction. Counts before it forwards, so that a client that has the response finds
/// it counted.
fn carry(mut from: TcpStream, mut to: TcpStream, wire: Wire, seen: impl Fn() + Send + 'static) {
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if wire.is_silent() {
                continue;
            }
            seen();
            let (length, cut) = wire.passes(length);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
            if cut {
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                break;
            }
        }
        // On a silent connection the other side must not see the end either.
        if !wire.is_silent() {
            let _ = to.shutdown(Shutdown::Write);
        }
        wire.end();
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;

    use super::{Proxy, scrambled};

    /// Starts a server that sends back all that it receives.
    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut &stream));
            }
        });
        port
    }

    fn client(wire: &Proxy) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, wire.port())).unwrap()
    }

    #[test]
    fn connections_are_cut_within_the_limit_until_mended() {
        let wire = Proxy::to(echo());
        wire.cut_within(1000, 7);
        for number in 0..20 {
            let mut client = client(&wire);
            let _ = client.write_all(&[1; 2000]);
            let mut back = Vec::new();
            // The connection may be cut with a reset.
            let _ = client.read_to_end(&mut back);
            let budget = 1 + scrambled(7 + number) % 1000;
            assert!(back.len() as u64 <= budget, "{number}: {} of {budget}", back.len());
        }
        wire.mend();
        let mut client = client(&wire);
        let mut back = [0; 2000];
        client.write_all(&[1; 2000]).unwrap();
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, [1; 2000]);
    }

    #[test]
    fn clients_see_that_the_server_has_closed_the_connection() {
        let wire = Proxy::to(echo());
        let mut client = client(&wire);
        let mut back = [0; 1];
        client.write_all(&[1]).unwrap();
        client.read_exact(&mut back).unwrap();
        assert_eq!(wire.open(), 1);
        wire.hang_up();
        assert_eq!(client.read(&mut back).unwrap(), 0, "the client sees the end");
        drop(client);
        while wire.open() > 0 {
            thread::yield_now();
        }
    }
}
