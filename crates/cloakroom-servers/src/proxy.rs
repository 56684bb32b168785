//! A wire that counts: how often a client spoke after the server had, which is how often it waited
//! for an answer.
//!
//! The wire has the faults of real ones. It goes silent, as when a firewall forgets its
//! connections: what is sent is taken, and nothing arrives. It is cut after a random number of
//! bytes. And the server's side hangs up, as servers do with idle connections.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A separate port that leads to a server's.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    faults: Arc<Faults>,
    trips: Arc<AtomicUsize>,
}

/// The state that all connections of a wire share.
#[derive(Debug, Default)]
struct Faults {
    server: AtomicU16,
    opened: AtomicUsize,
    closed: AtomicUsize,
    /// The number of connections, counted from the first one, that are silent.
    silent: AtomicUsize,
    /// The largest number of bytes that a connection carries; 0 is no limit.
    most: AtomicU64,
    seed: AtomicU64,
    live: Mutex<Vec<(usize, TcpStream, TcpStream)>>,
}

impl Faults {
    /// A number from 1 to the largest one, another for each connection: the bytes until it is cut.
    fn budget(&self, number: usize) -> Option<u64> {
        let most = self.most.load(Ordering::SeqCst);
        let seed = self.seed.load(Ordering::SeqCst).wrapping_add(number as u64);
        (most > 0).then(|| 1 + scrambled(seed) % most)
    }
}

/// One step of SplitMix64: the same seed cuts at the same places.
#[must_use]
pub const fn scrambled(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Proxy {
    /// A wire to this port. It is there until the test ends.
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

    /// Leads new connections to another server; those that there are stay.
    pub fn lead_to(&self, server: u16) {
        self.faults.server.store(server, Ordering::SeqCst);
    }

    /// Makes all connections that there are silent, for ever: they stay open, and nothing arrives
    /// on either side. New ones work.
    pub fn silence(&self) {
        self.faults.silent.store(self.opened(), Ordering::SeqCst);
    }

    /// Cuts each connection after a random number of bytes, at most this many, in the middle of
    /// whatever they belong to. The same seed cuts at the same places.
    pub fn cut_within(&self, most: u64, seed: u64) {
        self.faults.seed.store(seed, Ordering::SeqCst);
        self.faults.most.store(most, Ordering::SeqCst);
    }

    /// Cuts no connection any more.
    pub fn mend(&self) {
        self.faults.most.store(0, Ordering::SeqCst);
    }

    /// Ends all connections as a server does that closes idle ones: the client is told, and says
    /// goodbye itself.
    pub fn hang_up(&self) {
        for (_, client, server) in self.faults.live.lock().unwrap().iter() {
            // One that is gone already has nobody to tell.
            let _ = (client.shutdown(Shutdown::Write), server.shutdown(Shutdown::Write));
        }
    }

    /// The connections since the start.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.faults.opened.load(Ordering::SeqCst)
    }

    /// The connections that are open now, on either side.
    #[must_use]
    pub fn open(&self) -> usize {
        self.opened() - self.faults.closed.load(Ordering::SeqCst)
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

/// Which connection it is, and the faults that it may have.
#[derive(Clone, Debug)]
struct Wire {
    number: usize,
    faults: Arc<Faults>,
    carried: Arc<AtomicU64>,
    /// How many of its two directions are over.
    over: Arc<AtomicUsize>,
}

impl Wire {
    fn is_silent(&self) -> bool {
        self.number < self.faults.silent.load(Ordering::SeqCst)
    }

    /// How many of these bytes arrive, and whether the wire is cut behind them.
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
            let (length, cut) = wire.passes(length);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
            if cut {
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                break;
            }
        }
        // Nor does anybody learn that the other side is gone.
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

    /// A server that sends back what it receives.
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
    fn a_wire_is_cut_within_the_bytes_that_were_said_and_mended_again() {
        let wire = Proxy::to(echo());
        wire.cut_within(1000, 7);
        for number in 0..20 {
            let mut client = client(&wire);
            let _ = client.write_all(&[1; 2000]);
            let mut back = Vec::new();
            // It may be cut with a reset.
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
    fn a_server_that_hangs_up_is_heard() {
        let wire = Proxy::to(echo());
        let mut client = client(&wire);
        let mut back = [0; 1];
        client.write_all(&[1]).unwrap();
        client.read_exact(&mut back).unwrap();
        assert_eq!(wire.open(), 1);
        wire.hang_up();
        assert_eq!(client.read(&mut back).unwrap(), 0, "the end is told");
        drop(client);
        while wire.open() > 0 {
            thread::yield_now();
        }
    }
}
