//! The last release and this one take turns on a session, without errors and without loss of data.
//!
//! Each side is a program (`xtask/rolling/side.rs`), built against the crates of its release, that
//! executes requests line by line. Until there is a tag, the other side is
//! `xtask/rolling/first.rs`, which reads and writes the formats of the first release.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::part::{Verdict, folder};
use super::semver;
use crate::outcome::Outcome;
use crate::shell;

/// The number of turns.
const TURNS: usize = 300;

/// The dependencies of `first.rs`: the building blocks of the formats.
const CRATES_OF_THE_FIRST: [&str; 5] = ["aes-gcm-siv", "base64", "hkdf", "hmac", "sha2"];

pub(super) fn check() -> Outcome<Verdict> {
    let root = shell::root();
    let core = |there: &Path| format!("cloakroom-core = {{ path = {:?} }}\n", there.join("crates/cloakroom-core"));
    let (name, before) = match semver::last_release()? {
        Some(tag) => {
            let there = semver::checkout(&tag)?;
            (tag, build("before", &there, "side.rs", &core(&there))?)
        }
        None => {
            let workspace = read(&root.join("Cargo.toml"))?;
            let lines = workspace.lines().filter(|line| CRATES_OF_THE_FIRST.iter().any(|it| is_of(line, it)));
            let dependencies: String = lines.map(|line| format!("{line}\n")).collect();
            ("the frozen first release".to_owned(), build("before", &root, "first.rs", &dependencies)?)
        }
    };
    let now = build("now", &root, "side.rs", &core(&root))?;
    let mut sides = [Side::start(&before)?, Side::start(&now)?];
    for carrier in ["record", "signed", "encrypted"] {
        take_turns(carrier, &mut sides)?;
    }
    Ok(Verdict::Passed(format!("{TURNS} turns on each of 3 sessions with {name}")))
}

/// Returns whether a line of a manifest specifies this crate.
fn is_of(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}

/// Builds a single-file program with these dependencies, in the versions that the release has
/// locked.
fn build(name: &str, checkout: &Path, source: &str, dependencies: &str) -> Outcome<PathBuf> {
    let (there, failed) = (folder("rolling").join(name), |why: std::io::Error| format!("{name}: {why}"));
    fs::create_dir_all(&there).map_err(failed)?;
    let program = there.join("main.rs");
    fs::copy(checkout.join("xtask/rolling").join(source), program).map_err(failed)?;
    fs::copy(checkout.join("Cargo.lock"), there.join("Cargo.lock")).map_err(failed)?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\npublish = false\n\n[[bin]]\nname = \"{name}\"\npath = \"main.rs\"\n\n\
         [workspace]\n\n[dependencies]\n{dependencies}"
    );
    fs::write(there.join("Cargo.toml"), manifest).map_err(failed)?;
    let target = there.join("target");
    shell::succeed(shell::cargo().current_dir(&there).args(["build", "--quiet", "--target-dir"]).arg(&target))?;
    Ok(target.join("debug").join(name))
}

/// A running program of a release.
struct Side {
    program: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Side {
    fn start(program: &Path) -> Outcome<Self> {
        let mut command = shell::program(program);
        let mut program = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| shell::not_started(&command, &why))?;
        let pipes = program.stdin.take().zip(program.stdout.take());
        let (requests, answers) = pipes.ok_or("a program without pipes")?;
        Ok(Self { program, requests, answers: BufReader::new(answers) })
    }

    fn ask(&mut self, verb: &str, carrier: &str, words: &[&str]) -> Outcome<String> {
        let words: String = words.iter().map(|word| format!(" {}", hex(word))).collect();
        let failed = |why: std::io::Error| format!("{verb} {carrier}: {why}");
        writeln!(self.requests, "{verb} {carrier}{words}").map_err(failed)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(failed)?;
        match line.trim_end().split_once(' ') {
            Some(("ok", word)) => unhex(word),
            Some((_, word)) => Err(format!("{verb} {carrier}: {}", unhex(word)?)),
            None if line.trim_end() == "ok" => Ok(String::new()),
            None => Err(format!("{verb} {carrier}: no answer")),
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It exits when its input is closed; this is for one that doesn't.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The expected contents of the session.
#[derive(Default)]
struct Expected {
    values: Vec<(String, String)>,
    flashes: Vec<String>,
    commit: Option<u64>,
    extensions: String,
}

impl Expected {
    fn list(&self) -> String {
        let values = self.values.iter().map(|(key, json)| format!("{key}={json}\n"));
        let flashes = self.flashes.iter().map(|json| format!("flash={json}\n"));
        values.chain(flashes).chain(self.commit.map(|commit| format!("commit={commit}\n"))).collect()
    }
}

fn take_turns(carrier: &str, sides: &mut [Side; 2]) -> Outcome {
    let mut expected = Expected::default();
    let [first, _] = sides;
    let mut text = first.ask("new", carrier, &[])?;
    for turn in 0..TURNS {
        let which = usize::from(turn % 2 == 0 || turn % 5 == 0);
        let side = sides.get_mut(which).ok_or("two sides")?;
        let json = turn.to_string();
        text = match turn % 7 {
            3 if expected.flashes.len() < 20 => {
                expected.flashes.push(json.clone());
                side.ask("flash", carrier, &[&text, &json])?
            }
            4 => {
                let commit = (turn as u64) << 20;
                expected.commit = Some(commit);
                side.ask("mark", carrier, &[&text, &commit.to_string()])?
            }
            5 if expected.extensions.len() < 200 => {
                let fields = format!("X{}:{json};éA0:", json.len() + ";é".len());
                expected.extensions.push_str(&fields);
                side.ask("extend", carrier, &[&text, &fields])?
            }
            _ => {
                let key = format!("kéy {}", turn % 9);
                match expected.values.iter_mut().find(|(there, _)| *there == key) {
                    Some((_, value)) => value.clone_from(&json),
                    None => expected.values.push((key.clone(), json.clone())),
                }
                side.ask("put", carrier, &[&text, &key, &json])?
            }
        };
        for (name, side) in ["before", "now"].iter().zip(sides.iter_mut()) {
            let found = side.ask("list", carrier, &[&text])?;
            if found != expected.list() {
                return Err(format!("turn {turn}, {carrier}, {name}: expected\n{}found\n{found}", expected.list()));
            }
            let record = side.ask("open", carrier, &[&text])?;
            if !record.ends_with(&expected.extensions) {
                let extensions = &expected.extensions;
                return Err(format!("turn {turn}, {carrier}, {name}: {record} doesn't end with {extensions}"));
            }
        }
    }
    Ok(())
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(word: &str) -> Outcome<String> {
    let byte = |at: usize| u8::from_str_radix(word.get(at..at + 2).unwrap_or("odd"), 16).map_err(|why| why.to_string());
    let bytes = (0..word.len()).step_by(2).map(byte).collect::<Outcome<Vec<u8>>>()?;
    String::from_utf8(bytes).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::{hex, is_of, unhex};

    #[test]
    fn hex_survives_a_round_trip() {
        for text in ["", "a b\n", "kéy"] {
            assert_eq!(unhex(&hex(text)).as_deref(), Ok(text));
        }
        assert!(unhex("0").is_err() && unhex("zz").is_err() && unhex("ff").is_err());
    }

    #[test]
    fn a_dependency_is_found_by_its_whole_name() {
        assert!(is_of("hmac = { version = \"1\" }", "hmac"));
        assert!(!is_of("hmac-drbg = \"1\"", "hmac") && !is_of("# hmac = 1", "hmac"));
    }
}
