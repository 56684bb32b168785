//! One of the two applications that share a session, and the browser that visits both.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use cloakroom_servers::{Foreign, Program};
use serde_json::{Value, json};

/// The cookies of a browser.
pub(crate) type Jar = BTreeMap<String, String>;

/// An application, with a connection that is kept open.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    port: u16,
    connection: Option<BufReader<TcpStream>>,
    _running: Running,
}

enum Running {
    Ours { _program: Program },
    Theirs { _application: Foreign },
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The lines of `Set-Cookie`, without the name of the header.
    pub(crate) set_cookies: Vec<String>,
}

impl Side {
    /// Starts the probe with these options.
    pub(crate) fn ours(options: &[&str]) -> Self {
        Self::of(options, None)
    }

    /// Starts the probe in this time zone.
    pub(crate) fn ours_in_zone(zone: &str, options: &[&str]) -> Self {
        Self::of(options, Some(zone))
    }

    fn of(options: &[&str], zone: Option<&str>) -> Self {
        let options = [&["--port", "0"], options].concat();
        let program = Program::start_in(env!("CARGO_BIN_EXE_cloakroom-probe"), &options, zone);
        let port = program.address().port();
        Self { name: "ours", port, connection: None, _running: Running::Ours { _program: program } }
    }

    /// Wraps a real application.
    pub(crate) fn theirs(application: Foreign) -> Self {
        let port = application.port();
        Self { name: "theirs", port, connection: None, _running: Running::Theirs { _application: application } }
    }

    /// Runs operations at the given time and returns their results: a value or `{"err": …}` each.
    pub(crate) fn run(&mut self, jar: &mut Jar, now: f64, operations: &Value) -> Vec<Value> {
        let answer = self.post(jar, "/ops", now, &[], &operations.to_string());
        assert_eq!(answer.status, 200, "{}: {operations}: {}", self.name, answer.body);
        let mut answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        let results = answer["results"].as_array_mut().expect("a list of results");
        results
            .iter_mut()
            .map(|result| if result["err"].is_null() { result["ok"].take() } else { result.take() })
            .collect()
    }

    /// Runs one operation and returns its result.
    pub(crate) fn one(&mut self, jar: &mut Jar, now: f64, operation: &Value) -> Value {
        self.run(jar, now, &json!([operation])).remove(0)
    }

    /// Returns whether a form with this token is accepted.
    pub(crate) fn takes_form(&mut self, jar: &mut Jar, now: f64, token: &str) -> bool {
        let answer = self.post(jar, "/form", now, &[("X-CSRF-Token", token)], "");
        assert!([200, 400, 403].contains(&answer.status), "{}: {} {}", self.name, answer.status, answer.body);
        answer.status == 200
    }

    /// Sends one request on the open connection, or on a new one.
    pub(crate) fn post(&mut self, jar: &mut Jar, path: &str, now: f64, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Site: same-origin\r\nX-Probe-Now: {now}\r\nContent-Length: {}\r\n",
            self.port,
            body.len()
        );
        if !jar.is_empty() {
            let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.push_str(&format!("Cookie: {}\r\n", pairs.join("; ")));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        // The server may have closed an idle connection.
        let answer = self.exchange(&request).or_else(|| self.exchange(&request));
        let (head, body) = answer.unwrap_or_else(|| panic!("{} doesn't answer {path} {body}", self.name));
        let headers = head.lines().filter_map(|line| line.split_once(':'));
        let lines = headers.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let set_cookies: Vec<String> = lines.map(|(_, value)| value.trim().to_owned()).collect();
        set_cookies.iter().for_each(|line| keep(jar, line));
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body, set_cookies }
    }

    fn exchange(&mut self, request: &str) -> Option<(String, String)> {
        let mut connection = self.connection.take().unwrap_or_else(|| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        });
        connection.get_mut().write_all(request.as_bytes()).ok()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let mut body = vec![0; length.expect("a length")];
        connection.read_exact(&mut body).ok()?;
        self.connection = Some(connection);
        Some((head, String::from_utf8(body).unwrap()))
    }
}

/// Applies a `Set-Cookie` line to the jar.
fn keep(jar: &mut Jar, line: &str) {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next().unwrap().split_once('=').unwrap();
    let removed = parts.any(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.to_ascii_lowercase().as_str() {
            "max-age" => value == "0",
            "expires" => value.contains(" 1970 ") || value.contains("-1970 "),
            _ => false,
        }
    });
    if removed {
        jar.remove(name);
    } else {
        jar.insert(name.to_owned(), value.trim_matches('"').to_owned());
    }
}
