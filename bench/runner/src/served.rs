//! Contenders that serve their application over HTTP.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bench_harness::{GATE, Storage};

use crate::contenders::{CONTENDERS, Contender};
use crate::fallible::Fallible;
use crate::stores::Stores;

/// The storages that are measured.
pub const STORAGES: [Storage; 7] = [
    Storage::Memory,
    Storage::Signed,
    Storage::Encrypted,
    Storage::Redis,
    Storage::Valkey,
    Storage::Postgres,
    Storage::Sqlite,
];
/// Clock ticks per second in `/proc`; the kernel's interface fixes this value.
const TICKS: f64 = 100.0;

/// A program that serves its application on a loopback port until this is dropped.
pub struct Served {
    child: Child,
    pub port: u16,
}

impl Served {
    /// Starts a program. Returns `None` if it doesn't support this storage.
    pub fn start(program: &Path, storage: Storage, store: &str, gate: Option<u16>) -> Fallible<Option<Self>> {
        let mut command = Command::new(program);
        command.args(["serve", storage.as_str()]).env("STORE", store).stdout(Stdio::piped()).stdin(Stdio::null());
        if let Some(port) = gate {
            command.env(GATE, port.to_string());
        }
        let mut child = command.spawn().map_err(|why| format!("{}: {why}", program.display()))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| format!("{} printed no port: {line:?}", program.display()))?;
        let mut served = Self { child, port };
        Ok(served.answers()?.then_some(served))
    }

    /// Waits until the application answers. Returns `false` if the program exits because it doesn't
    /// support the storage.
    fn answers(&mut self) -> Fallible<bool> {
        for _ in 0..500 {
            if let Some(status) = self.child.try_wait()? {
                return if status.code() == Some(2) {
                    Ok(false)
                } else {
                    Err(format!("a contender ended: {status}").into())
                };
            }
            if self.says_something() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("a contender never answered".into())
    }

    /// Returns whether the application answers: a port may be open before the application is ready.
    fn says_something(&self) -> bool {
        use std::io::{Read as _, Write as _};
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let asked = stream.set_read_timeout(Some(Duration::from_millis(500))).and_then(|()| {
            stream.write_all(b"GET /untouched HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        });
        asked.is_ok() && stream.read(&mut [0; 16]).is_ok_and(|length| length > 0)
    }

    /// The CPU time that it has used, in user and kernel mode, in seconds.
    pub fn cpu(&self) -> Fallible<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("unexpected format of /proc/PID/stat")?;
        let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of the programs, and the stores.
pub struct Stage<'a> {
    pub programs: &'a Path,
    pub stores: &'a Stores,
}

impl Stage<'_> {
    /// Starts every contender that supports this storage, in the order of the contenders.
    pub fn all(&self, storage: Storage, gate: Option<u16>) -> Fallible<Vec<(usize, Served)>> {
        let mut all = Vec::new();
        for (place, contender) in CONTENDERS.iter().enumerate() {
            all.extend(self.one(contender, storage, gate)?.map(|served| (place, served)));
        }
        Ok(all)
    }

    pub fn one(&self, contender: &Contender, storage: Storage, gate: Option<u16>) -> Fallible<Option<Served>> {
        // A program that wasn't built has no figures.
        for program in contender.programs.iter().filter(|program| self.program(program).is_file()) {
            let store = self.stores.address(storage, program);
            if let Some(served) = Served::start(&self.program(program), storage, &store, gate)? {
                return Ok(Some(served));
            }
        }
        Ok(None)
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}
