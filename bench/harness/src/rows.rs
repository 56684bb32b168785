//! The rows of the table: which requests, and of which session.

/// Where sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: the same application without sessions.
    Nothing,
    /// A layer of the framework that does nothing, to see what having one costs.
    EmptyLayer,
    Memory,
    Signed,
    Encrypted,
    Redis,
    /// What speaks to Redis speaks to it.
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

/// What a session holds before it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// One key.
    One,
    /// About 200 bytes in nine keys.
    Small,
    /// 2,000 bytes in one key beside the counter.
    Large,
    /// 64 kilobytes in one key beside the counter.
    Huge,
    /// A hundred keys of a few bytes.
    Many,
    /// A thousand.
    Thousand,
}

impl Contents {
    /// The page that fills a session so.
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

    /// What the last segment of such a path means.
    ///
    /// # Panics
    /// When it means nothing.
    pub fn named(name: &str) -> Self {
        let all = [Self::One, Self::Small, Self::Large, Self::Huge, Self::Many, Self::Thousand];
        all.into_iter().find(|it| it.path().ends_with(name)).expect("a known name")
    }

    /// Keys and values; the counter `count` comes on top.
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

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Somebody without a cookie.
    Stranger,
    /// Somebody whose only cookie is of another application.
    Foreign,
    /// Somebody whose session holds this.
    Known(Contents),
}

/// One request of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Get(&'static str),
    /// A `POST` with the token that the page `/token` shows, which a library or a handler checks.
    Post(&'static str),
}

/// One row: some requests by one client.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub keep: Keep,
    pub client: Client,
    /// What it asks for, one after the other.
    pub steps: &'static [Step],
}

impl Row {
    /// The row without sessions that this one is compared with, once for each of its requests:
    /// making a request with a cookie costs something too, and isn't the library's doing.
    pub const fn baseline(&self) -> &'static str {
        match self.client {
            Client::Stranger => "none",
            Client::Foreign | Client::Known(_) => "none-cookie",
        }
    }
}

/// The rows of a place where sessions are kept.
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
/// No cookie has room for that.
static HUGE: [Row; 4] = [
    row("memory-read-1000-keys", Keep::Memory, Known(Thousand), READ),
    row("memory-write-1000-keys", Keep::Memory, Known(Thousand), WRITE),
    row("memory-read-64kb", Keep::Memory, Known(Huge), READ),
    row("memory-write-64kb", Keep::Memory, Known(Huge), WRITE),
];
static SIGNED: [Row; 13] = rows_of!("signed", Keep::Signed);
static ENCRYPTED: [Row; 13] = rows_of!("encrypted", Keep::Encrypted);

/// All rows; those whose name begins with `none` are what the others are compared with.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    BASE.iter().chain(&MEMORY).chain(&HUGE).chain(&SIGNED).chain(&ENCRYPTED)
}
