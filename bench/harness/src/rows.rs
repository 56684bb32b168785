//! The rows of the table: their requests, and the session that makes them.

/// A storage for sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// None: the same application without sessions.
    Nothing,
    /// A layer that does nothing, to measure the framework's cost of a layer.
    EmptyLayer,
    Memory,
    Signed,
    Encrypted,
    Redis,
    /// Valkey, with the same client as Redis.
    Valkey,
    Postgres,
    Sqlite,
}

impl Storage {
    pub const ALL: [Self; 9] = [
        Self::Nothing,
        Self::EmptyLayer,
        Self::Memory,
        Self::Signed,
        Self::Encrypted,
        Self::Redis,
        Self::Valkey,
        Self::Postgres,
        Self::Sqlite,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::EmptyLayer => "empty-layer",
            Self::Memory => "memory",
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
            Self::Redis => "redis",
            Self::Valkey => "valkey",
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|storage| storage.as_str() == name)
    }
}

/// The contents of a session before the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// One key.
    One,
    /// About 200 bytes in nine keys.
    Small,
    /// 2,000 bytes in one key, in addition to the counter.
    Large,
    /// 64 kilobytes in one key, in addition to the counter.
    Huge,
    /// A hundred keys of a few bytes.
    Many,
    /// A thousand keys.
    Thousand,
}

impl Contents {
    /// The path of the page that fills a session with these contents.
    pub const fn path(self) -> &'static str {
        match self {
            Self::One => "/fill/one",
            Self::Small => "/fill/small",
            Self::Large => "/fill/large",
            Self::Huge => "/fill/huge",
            Self::Many => "/fill/many",
            Self::Thousand => "/fill/thousand",
        }
    }

    /// Parses the last segment of such a path.
    ///
    /// # Panics
    /// If it is unknown.
    pub fn named(name: &str) -> Self {
        let all = [Self::One, Self::Small, Self::Large, Self::Huge, Self::Many, Self::Thousand];
        all.into_iter().find(|it| it.path().ends_with(name)).expect("a known name")
    }

    /// The keys and values, without the counter `count`.
    pub fn entries(self) -> Vec<(String, String)> {
        match self {
            Self::One => Vec::new(),
            Self::Small => ["user", "name", "theme", "language", "visits", "cart", "address", "seen"]
                .map(|key| (key.to_owned(), "about twenty bytes".to_owned()))
                .into(),
            Self::Large => vec![("text".to_owned(), "0123456789".repeat(200))],
            Self::Huge => vec![("text".to_owned(), "0123456789".repeat(6_554))],
            Self::Many => short(99),
            Self::Thousand => short(999),
        }
    }
}

fn short(count: u32) -> Vec<(String, String)> {
    (0..count).map(|number| (format!("k{number:02}"), "four".to_owned())).collect()
}

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A client without a cookie.
    Stranger,
    /// A client whose only cookie belongs to another application.
    Foreign,
    /// A client whose session has these contents.
    Known(Contents),
}

/// One request of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Get(&'static str),
    /// A `POST` with the token from the page `/token`, checked by the library or by a handler.
    Post(&'static str),
}

/// A row: a series of requests by one client.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub storage: Storage,
    pub client: Client,
    /// The requests, in order.
    pub steps: &'static [Step],
}

impl Row {
    /// The row without sessions to compare with, once for each request: parsing a request with a
    /// cookie has a cost that isn't the library's.
    pub const fn baseline(&self) -> &'static str {
        match self.client {
            Client::Stranger => "none",
            Client::Foreign | Client::Known(_) => "none-cookie",
        }
    }

    /// Returns whether the row changes a session that other requests may change as well.
    pub fn writes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Get("/write" | "/flash")))
    }
}

/// Defines the rows of a storage.
macro_rules! rows_of {
    ($name:literal, $storage:expr) => {
        [
            row(concat!($name, "-untouched"), $storage, Stranger, UNTOUCHED),
            row(concat!($name, "-untouched-cookie"), $storage, Known(Small), UNTOUCHED),
            row(concat!($name, "-new"), $storage, Stranger, &[Get("/new")]),
            row(concat!($name, "-read"), $storage, Known(Small), READ),
            row(concat!($name, "-write"), $storage, Known(Small), WRITE),
            row(concat!($name, "-flash-pop"), $storage, Known(Small), &[Get("/flash"), Get("/pop")]),
            row(concat!($name, "-csrf-post"), $storage, Known(Small), &[Post("/post")]),
            row(concat!($name, "-read-1-key"), $storage, Known(One), READ),
            row(concat!($name, "-write-1-key"), $storage, Known(One), WRITE),
            row(concat!($name, "-read-100-keys"), $storage, Known(Many), READ),
            row(concat!($name, "-write-100-keys"), $storage, Known(Many), WRITE),
            row(concat!($name, "-read-2kb"), $storage, Known(Large), READ),
            row(concat!($name, "-write-2kb"), $storage, Known(Large), WRITE),
        ]
    };
}

use Client::{Foreign, Known, Stranger};
use Contents::{Huge, Large, Many, One, Small, Thousand};
use Step::{Get, Post};

const fn row(name: &'static str, storage: Storage, client: Client, steps: &'static [Step]) -> Row {
    Row { name, storage, client, steps }
}

const UNTOUCHED: &[Step] = &[Get("/untouched")];
const READ: &[Step] = &[Get("/read")];
const WRITE: &[Step] = &[Get("/write")];

static BASE: [Row; 3] = [
    row("none", Storage::Nothing, Stranger, UNTOUCHED),
    row("none-cookie", Storage::Nothing, Foreign, UNTOUCHED),
    row("empty-layer", Storage::EmptyLayer, Stranger, UNTOUCHED),
];
static MEMORY: [Row; 13] = rows_of!("memory", Storage::Memory);
/// Too large for any cookie.
static HUGE: [Row; 4] = [
    row("memory-read-1000-keys", Storage::Memory, Known(Thousand), READ),
    row("memory-write-1000-keys", Storage::Memory, Known(Thousand), WRITE),
    row("memory-read-64kb", Storage::Memory, Known(Huge), READ),
    row("memory-write-64kb", Storage::Memory, Known(Huge), WRITE),
];
static SIGNED: [Row; 13] = rows_of!("signed", Storage::Signed);
static ENCRYPTED: [Row; 13] = rows_of!("encrypted", Storage::Encrypted);

/// Returns all rows. The others are compared with those whose names begin with `none`.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    BASE.iter().chain(&MEMORY).chain(&HUGE).chain(&SIGNED).chain(&ENCRYPTED)
}
