//! Programs that applications write by mistake, and the compiler's messages, which must lead to the
//! answer.
//!
//! The programs are compiled as one package, with the versions of this workspace and without the
//! network. A line `//~ text` is a part of the expected messages; a program without such lines must
//! compile. Only these parts are compared, because the rest of a message belongs to the compiler
//! and changes with its versions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The frameworks and stores of other features are absent, as the programs expect.
const MANIFEST: &str = r#"
[package]
name = "messages"
version = "0.0.0"
edition = "2024"
publish = false
autobins = false

[lib]
path = "lib.rs"

[workspace]

[dependencies]
axum = { version = "0.8", default-features = false, features = ["tokio", "http1"] }
axum07 = { package = "axum", version = "0.7", default-features = false, features = ["tokio", "http1"] }
cloakroom = { path = 'CRATE', features = ["axum", "store"] }
"#;

/// Compiles the programs and returns the messages by program.
fn messages(folder: &Path) -> BTreeMap<String, String> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["check", "--examples", "--keep-going", "--offline", "--quiet", "--message-format=json"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let mut messages = BTreeMap::<String, String>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |path| line.pointer(path).and_then(serde_json::Value::as_str);
        if let (Some(program), Some(message)) = (text("/target/name"), text("/message/rendered")) {
            messages.entry(program.to_owned()).or_default().push_str(message);
        }
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || !messages.is_empty(), "cargo compiled no program: {said}");
    messages
}

#[test]
fn the_compiler_leads_to_the_answer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs = root.join("tests/messages/programs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages");
    let _ = fs::remove_dir_all(folder.join("examples"));
    fs::create_dir_all(folder.join("examples")).unwrap();
    fs::write(folder.join("Cargo.toml"), MANIFEST.replace("CRATE", root.to_str().unwrap())).unwrap();
    fs::write(folder.join("lib.rs"), "").unwrap();
    fs::copy(root.join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut sources = BTreeMap::new();
    for file in fs::read_dir(programs).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, folder.join("examples").join(path.file_name().unwrap())).unwrap();
        sources.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap());
    }
    assert!(sources.len() > 10, "only {} programs were found", sources.len());

    let messages = messages(&folder);
    let mut wrong = Vec::new();
    for (name, source) in sources {
        let said = messages.get(&name).map_or("", String::as_str);
        let expected: Vec<&str> = source.lines().filter_map(|line| line.strip_prefix("//~ ")).collect();
        let missing: Vec<&str> = expected.iter().copied().filter(|part| !said.contains(part)).collect();
        if !missing.is_empty() || expected.is_empty() && !said.is_empty() {
            wrong.push(format!("{name}: the messages lack {missing:?}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
