//! Observes the commands that a Redis server receives. Used where clients learn addresses from
//! other servers, so that no proxy can be put in between.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use crate::redis::Redis;

/// A connection that receives a copy of every command.
#[derive(Debug)]
pub struct Monitor {
    server: u16,
    lines: BufReader<TcpStream>,
}

impl Monitor {
    /// Starts to observe a server.
    #[must_use]
    pub fn of(server: &Redis) -> Self {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut monitor = Self { server: server.port(), lines: BufReader::new(stream) };
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Returns the lines since the last call.
    fn lines(&mut self) -> Vec<String> {
        let mut marker = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)).unwrap();
        marker.write_all(b"ECHO until-here\r\n").unwrap();
        std::iter::from_fn(|| Some(self.line()).filter(|line| !line.contains("until-here"))).collect()
    }

    /// Returns the commands since the last call, except those inside scripts, which don't cross the
    /// network.
    pub fn commands(&mut self) -> Vec<String> {
        let mut commands = self.lines();
        commands.retain(|line| !is_in_script(line));
        commands
    }

    /// Returns, for each command since the last call, the number of commands that its script
    /// called.
    pub fn steps(&mut self) -> Vec<usize> {
        let mut steps = Vec::new();
        for line in self.lines() {
            match steps.last_mut() {
                Some(step) if is_in_script(&line) => *step += 1,
                _ => steps.push(0),
            }
        }
        steps
    }
}

fn is_in_script(line: &str) -> bool {
    line.contains(" lua] ")
}
