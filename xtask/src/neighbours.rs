//! `cargo xtask neighbours`: Cloakroom's stores resolve next to the database libraries that
//! applications have.
//!
//! A program links one SQLite. If two libraries require different versions of it, cargo resolves
//! neither, so the versions of rusqlite that Cloakroom allows are a wide range. Each row is an
//! application; cargo must find versions for it. Nothing is compiled.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::outcome::Outcome;
use crate::shell;

/// An application's dependencies next to Cloakroom, and the features of Cloakroom.
const APPLICATIONS: &[(&str, &str, &str)] = &[
    ("sqlx 0.8, SQLite", r#"sqlx = { version = "0.8", features = ["runtime-tokio", "sqlite"] }"#, "sqlite"),
    ("sqlx 0.8, PostgreSQL", r#"sqlx = { version = "0.8", features = ["runtime-tokio", "postgres"] }"#, "sqlite"),
    ("sqlx 0.8, MySQL", r#"sqlx = { version = "0.8", features = ["runtime-tokio", "mysql"] }"#, "sqlite"),
    ("sqlx 0.9, SQLite", r#"sqlx = { version = "0.9", features = ["runtime-tokio", "sqlite"] }"#, "sqlite"),
    ("sqlx 0.9, its pool", r#"sqlx = { version = "0.9", features = ["runtime-tokio", "sqlite"] }"#, "sqlx-sqlite"),
    ("SeaORM 1", r#"sea-orm = { version = "1", features = ["sqlx-sqlite", "runtime-tokio"] }"#, "sqlite"),
    ("SeaORM 2", r#"sea-orm = { version = "2", features = ["sqlx-sqlite", "runtime-tokio"] }"#, "sqlite"),
    (
        "SeaORM 2, its pool",
        r#"sea-orm = { version = "2", features = ["sqlx-sqlite", "runtime-tokio"] }"#,
        "sqlx-sqlite",
    ),
    ("Diesel 2", r#"diesel = { version = "2", features = ["sqlite", "returning_clauses_for_sqlite_3_35"] }"#, "sqlite"),
    ("rusqlite 0.32", r#"rusqlite = { version = "0.32", features = ["bundled"] }"#, "sqlite"),
    ("rusqlite 0.37", r#"rusqlite = { version = "0.37", features = ["bundled"] }"#, "sqlite"),
    ("rusqlite 0.38", r#"rusqlite = { version = "0.38", features = ["bundled"] }"#, "sqlite"),
    ("rusqlite 0.40", r#"rusqlite = { version = "0.40", features = ["bundled"] }"#, "sqlite"),
    ("rusqlite 0.43", r#"rusqlite = { version = "0.43", features = ["bundled"] }"#, "sqlite"),
    ("deadpool-sqlite 0.12", r#"deadpool-sqlite = "0.12""#, "sqlite"),
    ("libsql 0.9", r#"libsql = "0.9""#, "sqlite"),
    ("tokio-postgres 0.7", r#"tokio-postgres = "0.7""#, "postgres"),
    ("redis 0.32", r#"redis = { version = "0.32", features = ["tokio-comp"] }"#, "redis"),
];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(unknown) = arguments.first() {
        return Err(format!("`neighbours` has no option `{unknown}`"));
    }
    let folder = std::env::temp_dir().join(format!("cloakroom-neighbours-{}", std::process::id()));
    let failed: Vec<String> =
        APPLICATIONS.iter().filter_map(|application| resolves(&folder, application).err()).collect();
    let _ = fs::remove_dir_all(&folder);
    if !failed.is_empty() {
        return Err(format!("cargo finds no versions for these applications:\n{}", failed.join("\n")));
    }
    println!("neighbours: {} applications resolve", APPLICATIONS.len());
    Ok(())
}

fn resolves(folder: &Path, (name, dependency, feature): &(&str, &str, &str)) -> Outcome {
    let crates = shell::root().join("crates/cloakroom");
    let manifest = format!(
        "[package]\nname = \"application\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n\
         cloakroom = {{ path = '{}', features = [\"axum\", \"{feature}\"] }}\n{dependency}\n",
        crates.display()
    );
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("Cargo.toml"), manifest))
        .and_then(|()| fs::write(folder.join("lib.rs"), ""));
    written.map_err(|why| format!("{}: {why}", folder.display()))?;
    let _ = fs::remove_file(folder.join("Cargo.lock"));
    let output = Command::new("cargo").args(["generate-lockfile", "--quiet"]).current_dir(folder).output();
    let output = output.map_err(|why| format!("cargo: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))
}
