//! `cargo xtask neighbours`: Cloakroom's stores resolve next to the database libraries that
//! applications have.
//!
//! A program links one SQLite. If two libraries require different versions of it, cargo resolves
//! neither, so the versions of rusqlite that Cloakroom allows are a wide range. Each row is an
//! application; cargo must find versions for it, without the drivers that it doesn't need. With
//! `--compile`, the applications that hand over their own pool or connection are compiled, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outcome::Outcome;
use crate::shell;

/// An application.
struct Application {
    name: &'static str,
    /// Its dependencies next to Cloakroom, lines of its `Cargo.toml`.
    dependencies: &'static str,
    /// The features of Cloakroom.
    features: &'static str,
    /// Its source, if it is compiled: it hands over its own pool, or is a listing of the guide.
    source: Source,
    /// Crates that must not be in its `Cargo.lock`.
    without: &'static [&'static str],
}

/// The source of an application.
#[derive(Clone, Copy)]
enum Source {
    Nothing,
    Text(&'static str),
    /// The listing below this heading of the guide's page for other crates.
    Guide(&'static str),
}

/// An application that has another library, and no pool to hand over.
const fn next_to(name: &'static str, dependencies: &'static str, features: &'static str) -> Application {
    Application { name, dependencies, features, source: Source::Nothing, without: &[] }
}

/// A listing of the guide.
const fn of_the_guide(name: &'static str, dependencies: &'static str) -> Application {
    Application { name, dependencies, features: "store", source: Source::Guide(name), without: &[] }
}

const SQLITE_BY_SQLX: &str =
    "pub fn store(pool: sqlx::SqlitePool) -> cloakroom::SqliteStore { cloakroom::SqliteStore::from_sqlx(pool) }";
const POSTGRES_BY_SQLX: &str =
    "pub fn store(pool: sqlx::PgPool) -> cloakroom::PostgresStore { cloakroom::PostgresStore::from_sqlx(pool) }";
const MYSQL_BY_SQLX: &str =
    "pub fn store(pool: sqlx::MySqlPool) -> cloakroom::MysqlStore { cloakroom::MysqlStore::from_sqlx(pool) }";
const SQLITE_BY_SEA_ORM: &str = "pub fn store(database: &sea_orm::DatabaseConnection) -> cloakroom::SqliteStore { \
    cloakroom::SqliteStore::from_sqlx(database.get_sqlite_connection_pool().clone()) }";
const POSTGRES_BY_SEA_ORM: &str = "pub fn store(database: &sea_orm::DatabaseConnection) -> cloakroom::PostgresStore { \
    cloakroom::PostgresStore::from_sqlx(database.get_postgres_connection_pool().clone()) }";
const CONNECTION_OF_RUSQLITE: &str = "pub fn store(connection: rusqlite::Connection) -> cloakroom::SqliteStore { \
    cloakroom::SqliteStore::from_connection(connection) }";
const POOL_OF_DEADPOOL: &str = "pub fn store(pool: deadpool_postgres::Pool) -> cloakroom::PostgresStore { \
    cloakroom::PostgresStore::from_pool(pool) }";

/// The drivers of Cloakroom's own connections.
const DRIVERS: &[&str] = &["rusqlite", "tokio-postgres", "mysql_async"];
/// The same, and everything that links SQLite.
const DRIVERS_AND_SQLITE: &[&str] = &["rusqlite", "tokio-postgres", "mysql_async", "libsqlite3-sys"];

const APPLICATIONS: &[Application] = &[
    next_to("sqlx 0.8, SQLite", r#"sqlx = { version = "0.8", features = ["runtime-tokio", "sqlite"] }"#, "sqlite"),
    next_to(
        "sqlx 0.8, PostgreSQL with macros",
        r#"sqlx = { version = "0.8", features = ["runtime-tokio", "postgres", "macros", "migrate"] }"#,
        "sqlite",
    ),
    next_to("sqlx 0.8, MySQL", r#"sqlx = { version = "0.8", features = ["runtime-tokio", "mysql"] }"#, "sqlite"),
    next_to("sqlx 0.9, SQLite", r#"sqlx = { version = "0.9", features = ["runtime-tokio", "sqlite"] }"#, "sqlite"),
    next_to("SeaORM 1", r#"sea-orm = { version = "1", features = ["sqlx-sqlite", "runtime-tokio"] }"#, "sqlite"),
    next_to(
        "SeaORM 1, PostgreSQL",
        r#"sea-orm = { version = "1", features = ["sqlx-postgres", "runtime-tokio"] }"#,
        "sqlite",
    ),
    next_to("SeaORM 2", r#"sea-orm = { version = "2", features = ["sqlx-sqlite", "runtime-tokio"] }"#, "sqlite"),
    next_to(
        "SeaORM 2, PostgreSQL",
        r#"sea-orm = { version = "2", features = ["sqlx-postgres", "runtime-tokio"] }"#,
        "sqlite",
    ),
    next_to(
        "Diesel 2",
        r#"diesel = { version = "2", features = ["sqlite", "returning_clauses_for_sqlite_3_35"] }"#,
        "sqlite",
    ),
    next_to("rusqlite 0.37", r#"rusqlite = { version = "0.37", features = ["bundled"] }"#, "sqlite"),
    next_to("rusqlite 0.38", r#"rusqlite = { version = "0.38", features = ["bundled"] }"#, "sqlite"),
    next_to("rusqlite 0.40", r#"rusqlite = { version = "0.40", features = ["bundled"] }"#, "sqlite"),
    next_to("deadpool-sqlite 0.12", r#"deadpool-sqlite = "0.12""#, "sqlite"),
    next_to("libsql 0.9", r#"libsql = "0.9""#, "sqlite"),
    next_to("tokio-postgres 0.7", r#"tokio-postgres = "0.7""#, "postgres"),
    next_to("redis 0.32", r#"redis = { version = "0.32", features = ["tokio-comp"] }"#, "redis"),
    Application {
        name: "sqlx 0.8, its SQLite pool",
        dependencies: r#"sqlx = { version = "0.8", features = ["runtime-tokio", "sqlite"] }"#,
        features: "sqlx08-sqlite",
        source: Source::Text(SQLITE_BY_SQLX),
        without: DRIVERS,
    },
    Application {
        name: "sqlx 0.8, its PostgreSQL pool",
        dependencies: r#"sqlx = { version = "0.8", features = ["runtime-tokio", "postgres", "macros", "migrate"] }"#,
        features: "sqlx08-postgres",
        source: Source::Text(POSTGRES_BY_SQLX),
        without: DRIVERS,
    },
    Application {
        name: "sqlx 0.8, its MySQL pool",
        dependencies: r#"sqlx = { version = "0.8", default-features = false, features = ["runtime-tokio", "mysql"] }"#,
        features: "sqlx08-mysql",
        source: Source::Text(MYSQL_BY_SQLX),
        without: DRIVERS_AND_SQLITE,
    },
    Application {
        name: "sqlx 0.9, its SQLite pool",
        dependencies: r#"sqlx = { version = "0.9", features = ["runtime-tokio", "sqlite"] }"#,
        features: "sqlx-sqlite",
        source: Source::Text(SQLITE_BY_SQLX),
        without: DRIVERS,
    },
    Application {
        name: "sqlx 0.9, its PostgreSQL pool",
        dependencies: r#"sqlx = { version = "0.9", default-features = false, features = ["runtime-tokio", "postgres"] }"#,
        features: "sqlx-postgres",
        source: Source::Text(POSTGRES_BY_SQLX),
        without: DRIVERS_AND_SQLITE,
    },
    Application {
        name: "SeaORM 1, its SQLite pool",
        dependencies: r#"sea-orm = { version = "1", features = ["sqlx-sqlite", "runtime-tokio"] }"#,
        features: "sqlx08-sqlite",
        source: Source::Text(SQLITE_BY_SEA_ORM),
        without: DRIVERS,
    },
    Application {
        name: "SeaORM 2, its PostgreSQL pool",
        dependencies: r#"sea-orm = { version = "2", features = ["sqlx-postgres", "runtime-tokio"] }"#,
        features: "sqlx-postgres",
        source: Source::Text(POSTGRES_BY_SEA_ORM),
        without: DRIVERS,
    },
    Application {
        name: "rusqlite 0.32, its connection",
        dependencies: r#"rusqlite = { version = "0.32", features = ["bundled"] }"#,
        features: "sqlite",
        source: Source::Text(CONNECTION_OF_RUSQLITE),
        without: &[],
    },
    Application {
        name: "rusqlite 0.43, its connection",
        dependencies: r#"rusqlite = { version = "0.43", features = ["bundled"] }"#,
        features: "sqlite",
        source: Source::Text(CONNECTION_OF_RUSQLITE),
        without: &[],
    },
    Application {
        name: "deadpool-postgres 0.14, its pool",
        dependencies: r#"deadpool-postgres = "0.14""#,
        features: "postgres",
        source: Source::Text(POOL_OF_DEADPOOL),
        without: &["libsqlite3-sys"],
    },
    of_the_guide(
        "loco",
        "loco-rs = { version = \"1\", default-features = false }\nasync-trait = \"0.1\"\naxum = \"0.8\"",
    ),
    of_the_guide("leptos", "leptos = { version = \"0.8\", features = [\"ssr\"] }\nleptos_axum = \"0.8\""),
    of_the_guide(
        "dioxus",
        "dioxus = { version = \"0.7\", default-features = false, features = [\"fullstack\", \"server\", \"macro\", \"html\"] }\n\
         [features]\ndefault = [\"server\"]\nserver = [\"dioxus/server\"]",
    ),
];

impl Application {
    const fn is_compiled(&self) -> bool {
        !matches!(self.source, Source::Nothing)
    }
}

impl Source {
    fn text(self) -> Result<String, String> {
        match self {
            Self::Nothing => Ok(String::new()),
            Self::Text(text) => Ok(text.to_owned()),
            Self::Guide(heading) => {
                let page = shell::root().join("docs/guide/other-crates.md");
                let page = fs::read_to_string(&page).map_err(|why| format!("{}: {why}", page.display()))?;
                listing(&page, heading)
                    .map(str::to_owned)
                    .ok_or_else(|| format!("the guide has no listing for {heading}"))
            }
        }
    }
}

/// Returns the first listing below a heading.
fn listing<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let section = page.split_once(&format!("\n## {heading}\n"))?.1.split("\n## ").next()?;
    section.split_once("```rust,ignore\n")?.1.split("```").next()
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let compile = match arguments {
        [] => false,
        [option] if option == "--compile" => true,
        [unknown, ..] => return Err(format!("`neighbours` has no option `{unknown}`")),
    };
    let folder = std::env::temp_dir().join(format!("cloakroom-neighbours-{}", std::process::id()));
    let failed: Vec<String> = APPLICATIONS
        .iter()
        .filter_map(|application| {
            let checked = resolves(&folder, application)
                .and_then(|()| if compile && application.is_compiled() { compiles(&folder) } else { Ok(()) });
            checked.err().map(|why| format!("{}: {why}", application.name))
        })
        .collect();
    let _ = fs::remove_dir_all(&folder);
    let _ = fs::remove_dir_all(target()); // gigabytes, for a check before a release
    if !failed.is_empty() {
        return Err(format!("these applications don't build:\n{}", failed.join("\n")));
    }
    let compiled = APPLICATIONS.iter().filter(|application| compile && application.is_compiled()).count();
    println!("neighbours: {} applications resolve, {compiled} of them were compiled", APPLICATIONS.len());
    Ok(())
}

/// Writes the application, and lets cargo find versions.
fn resolves(folder: &Path, application: &Application) -> Outcome {
    let Application { dependencies, features, without, .. } = application;
    let source = application.source.text()?;
    let crates = shell::root().join("crates/cloakroom");
    let manifest = format!(
        "[package]\nname = \"application\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n\
         cloakroom = {{ path = '{}', features = [\"axum\", \"{features}\"] }}\n{dependencies}\n",
        crates.display()
    );
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("Cargo.toml"), manifest))
        .and_then(|()| fs::write(folder.join("lib.rs"), &source));
    written.map_err(|why| format!("{}: {why}", folder.display()))?;
    let lock = folder.join("Cargo.lock");
    let _ = fs::remove_file(&lock);
    succeeds(Command::new("cargo").args(["generate-lockfile", "--quiet"]).current_dir(folder))?;
    let lock = fs::read_to_string(&lock).map_err(|why| format!("{}: {why}", lock.display()))?;
    match without.iter().find(|name| lock.contains(&format!("\nname = \"{name}\"\n"))) {
        Some(name) => Err(format!("`{features}` brings `{name}` along")),
        None => Ok(()),
    }
}

fn compiles(folder: &Path) -> Outcome {
    let mut check = Command::new("cargo");
    succeeds(check.args(["check", "--quiet", "--locked"]).env("CARGO_TARGET_DIR", target()).current_dir(folder))
}

/// One folder for all applications, so that each version of a crate is compiled once.
fn target() -> PathBuf {
    shell::target().join("neighbours")
}

fn succeeds(command: &mut Command) -> Outcome {
    let output = command.output().map_err(|why| shell::not_started(command, &why))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::{APPLICATIONS, Source, listing};

    #[test]
    fn the_guide_has_a_listing_for_each_application_that_it_names() {
        let sources = APPLICATIONS.iter().map(|it| it.source).filter(|it| matches!(it, Source::Guide(_)));
        let texts: Vec<String> = sources.map(|source| source.text().unwrap()).collect();
        assert_eq!(texts.len(), 3);
        assert!(texts.iter().all(|text| text.contains("cloakroom::")), "{texts:?}");
        assert_eq!(listing("## a\n\n## b\n```rust,ignore\nx\n```\n", "a"), None, "another section's");
    }
}
