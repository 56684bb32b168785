//! The rows of the table: their requests, and the session that makes them.

/// A storage for sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
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

impl Keep {
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
        Self::ALL.into_iter().find(|keep| keep.as_str() == name)
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
    pub keep: Keep,
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
}

/// Defines the rows of a storage.
macro_rules! rows_of {
    ($name:literal, $keep:expr) => {
        [
            row(concat!($name, "-untouched"), $keep, Stranger, UNTOUCHED),
            row(concat!($name, "-untouched-cookie"), $keep, Known(Small), UNTOUCHED),
            row(concat!($name, "-new"), $keep, Stranger, &[Get("/new")]),
            row(concat!($name, "-read"), $keep, Known(Small), READ),
            row(concat!($name, "-write"), $keep, Known(Small), WRITE),
            row(concat!($name, "-flash-pop"), $keep, Known(Small), &[Get("/flash"), Get("/pop")]),
            row(concat!($name, "-csrf-post"), $keep, Known(Small), &[Post("/post")]),
            row(concat!($name, "-read-1-key"), $keep, Known(One), READ),
            row(concat!($name, "-write-1-key"), $keep, Known(One), WRITE),
            row(concat!($name, "-read-100-keys"), $keep, Known(Many), READ),
            row(concat!($name, "-write-100-keys"), $keep, Known(Many), WRITE),
            row(concat!($name, "-read-2kb"), $keep, Known(Large), READ),
            row(concat!($name, "-write-2kb"), $keep, Known(Large), WRITE),
        ]
    };
}

use Client::{Foreign, Known, Stranger};
use Contents::{Huge, Large, Many, One, Small, Thousand};
use Step::{Get, Post};

const fn row(name: &'static str, keep: Keep, client: Client, steps: &'static [Step]) -> Row {
    Row { name, keep, client, steps }
}

const UNTOUCHED: &[Step] = &[Get("/untouched")];
const READ: &[Step] = &[Get("/read")];
const WRITE: &[Step] = &[Get("/write")];

static BASE: [Row; 3] = [
    row("none", Keep::Nothing, Stranger, UNTOUCHED),
    row("none-cookie", Keep::Nothing, Foreign, UNTOUCHED),
    row("empty-layer", Keep::EmptyLayer, Stranger, UNTOUCHED),
];
static MEMORY: [Row; 13] = rows_of!("memory", Keep::Memory);
/// Too large for any cookie.
static HUGE: [Row; 4] = [
    row("memory-read-1000-keys", Keep::Memory, Known(Thousand), READ),
    row("memory-write-1000-keys", Keep::Memory, Known(Thousand), WRITE),
    row("memory-read-64kb", Keep::Memory, Known(Huge), READ),
    row("memory-write-64kb", Keep::Memory, Known(Huge), WRITE),
];
static SIGNED: [Row; 13] = rows_of!("signed", Keep::Signed);
static ENCRYPTED: [Row; 13] = rows_of!("encrypted", Keep::Encrypted);

/// Returns all rows. The others are compared with those whose names begin with `none`.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    BASE.iter().chain(&MEMORY).chain(&HUGE).chain(&SIGNED).chain(&ENCRYPTED)
}
