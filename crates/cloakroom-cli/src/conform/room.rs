//! The place where the suite works: next to an application's sessions, and empty.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cloakroom::store::{Cursor, Store as _, StoreIdentity};
use cloakroom::{Clock as _, SystemClock, connect};

use crate::outcome::WrongUse;
use crate::scan::{PAGE, within};

/// A store that no application uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    url: String,
    /// The identity of the store, without credentials.
    identity: StoreIdentity,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A prefix of keys in Redis.
    Prefix,
    /// A table of a database.
    Table,
    File(PathBuf),
    Folder(PathBuf),
    Memory,
}

impl Room {
    /// Creates the description of a room with this name in the store of a URL.
    pub(super) fn of(url: &str, name: &str) -> anyhow::Result<Self> {
        // `connect` reports an invalid URL better.
        StoreIdentity::of(url)?;
        let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let base = scheme.split('+').next().unwrap_or_default();
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let path = place.split_once(':').map_or("", |(_, rest)| rest.strip_prefix("//").unwrap_or(rest));
        let (url, kind) = match base {
            "memory" => (url.to_owned(), Kind::Memory),
            "sqlite" => {
                let file = PathBuf::from(format!("{path}.conform-{name}"));
                (with_query(&format!("sqlite:{}", file.display()), query), Kind::File(file))
            }
            "file" => {
                let folder = Path::new(path).with_file_name(format!(".conform-{name}"));
                (with_query(&format!("file:{}", folder.display()), query), Kind::Folder(folder))
            }
            "postgres" | "postgresql" | "mysql" | "mariadb" => {
                (with_query(place, &replaced(query, "table", &format!("cloakroom_conform_{name}"))), Kind::Table)
            }
            _ => {
                // Append to the existing prefix: a user may have access to that prefix only.
                let before = value(query, "prefix").unwrap_or("cloakroom:");
                (with_query(place, &replaced(query, "prefix", &format!("{before}conform-{name}:"))), Kind::Prefix)
            }
        };
        let identity = StoreIdentity::of(&url)?;
        Ok(Self { url, identity, kind })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns true if a sweep has nothing to do there.
    pub(super) fn expires_by_itself(&self) -> bool {
        self.kind == Kind::Prefix
    }

    /// Returns the size of the largest text in bytes, if the store has a limit below a few
    /// megabytes: an item of DynamoDB has 400 KB, with its other attributes.
    pub(super) fn largest_text(&self) -> Option<usize> {
        self.url.to_ascii_lowercase().starts_with("dynamodb:").then_some(400 * 1024 - 1_000)
    }

    /// Removes the room with everything in it.
    pub(super) async fn remove(&self) -> anyhow::Result<()> {
        let removed = match &self.kind {
            Kind::Memory => Ok(()),
            Kind::Folder(folder) => std::fs::remove_dir_all(folder).map_err(Into::into),
            Kind::File(file) => removed(file).map_err(Into::into),
            Kind::Prefix => self.emptied().await,
            Kind::Table => dropped(&self.url).await,
        };
        removed.with_context(|| format!("removing {self}, which must be removed by hand"))
    }

    /// Ends all sessions. Owner lists and tombstones expire by themselves.
    async fn emptied(&self) -> anyhow::Result<()> {
        let store = connect(&self.url).await?;
        let mut after: Option<Cursor> = None;
        loop {
            let page = within(store.scan(after.as_ref(), PAGE, SystemClock.now())).await?;
            for key in page.sessions.iter().map(|it| &it.key).chain(&page.damaged) {
                within(store.end(key, SystemClock.now())).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

/// Removes an SQLite file, and the two files that may be next to it.
fn removed(file: &Path) -> std::io::Result<()> {
    for ending in ["-wal", "-shm"] {
        let mut beside = file.to_owned().into_os_string();
        beside.push(ending);
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::remove_file(file)
}

async fn dropped(url: &str) -> anyhow::Result<()> {
    // The driver doesn't know the option of ours that all stores have.
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let url = with_query(place, &without(query, "compress_above").collect::<Vec<_>>().join("&"));
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            Ok(cloakroom::PostgresStore::connect(&format!("postgres:{rest}"))?.drop_table().await?)
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => Ok(cloakroom::MysqlStore::connect(&format!("mysql:{rest}"))?.drop_table().await?),
        _ => {
            let _ = rest;
            bail!(WrongUse::new("this program is built without this store"))
        }
    }
}

fn with_query(place: &str, query: &str) -> String {
    if query.is_empty() { place.to_owned() } else { format!("{place}?{query}") }
}

fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Returns a query in which an option has a new value.
fn replaced(query: &str, name: &str, value: &str) -> String {
    without(query, name).chain(std::iter::once(format!("{name}={value}"))).collect::<Vec<_>>().join("&")
}

/// The options of a query but for one.
fn without(query: &str, name: &str) -> impl Iterator<Item = String> {
    query.split('&').filter(move |pair| !pair.is_empty() && pair.split('=').next() != Some(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn a_room_is_next_to_the_store() {
        for (url, expected) in [
            ("memory:", "memory:"),
            ("sqlite:a/s.db", "sqlite:a/s.db.conform-x"),
            ("sqlite:///s.db?readers=2", "sqlite:/s.db.conform-x?readers=2"),
            ("file:a/sessions", "file:a/.conform-x"),
            ("redis://u:p@h/1", "redis://u:p@h/1?prefix=cloakroom:conform-x:"),
            ("redis://h?prefix=shop%3A&timeout=500", "redis://h?timeout=500&prefix=shop%3Aconform-x:"),
            ("unix:///s?db=1&pass=p", "unix:///s?db=1&pass=p&prefix=cloakroom:conform-x:"),
            ("postgres://u:p@h/d", "postgres://u:p@h/d?table=cloakroom_conform_x"),
            ("mariadb://h/d?table=shop&ssl-mode=REQUIRED", "mariadb://h/d?ssl-mode=REQUIRED&table=cloakroom_conform_x"),
        ] {
            let room = Room::of(url, "x").unwrap_or_else(|why| panic!("{url}: {why}"));
            assert_eq!(room.url(), expected);
            assert!(!room.to_string().contains("u:p@"), "{room}");
        }
        assert!(Room::of("nothing://h", "x").is_err());
    }
}
