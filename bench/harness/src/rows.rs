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
}

impl Keep {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::EmptyLayer => "empty-layer",
            Self::Memory => "memory",
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
        }
    }
}

/// What a session holds before it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// About 200 bytes in eight keys.
    Small,
    /// 2,000 bytes in one key beside the counter.
    Large,
    /// A hundred keys of a few bytes.
    Many,
}

impl Contents {
    /// The page that fills a session so.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Small => "/fill/small",
            Self::Large => "/fill/large",
            Self::Many => "/fill/many",
        }
    }

    /// Keys and values; the counter `count` comes on top.
    pub fn entries(self) -> Vec<(String, String)> {
        match self {
            Self::Small => ["user", "name", "theme", "language", "visits", "cart", "address", "seen"]
                .map(|key| (key.to_owned(), "about twenty bytes".to_owned()))
                .into(),
            Self::Large => vec![("text".to_owned(), "0123456789".repeat(200))],
            Self::Many => (0..99).map(|number| (format!("k{number:02}"), "four".to_owned())).collect(),
        }
    }
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

/// One row: some requests by one client.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub keep: Keep,
    pub client: Client,
    /// The pages that it asks for, one after the other.
    pub paths: &'static [&'static str],
}

impl Row {
    /// The row without sessions that this one is compared with, once for each of its requests: making a request with a cookie costs
    /// something too, and isn't the library's doing.
    pub const fn baseline(&self) -> &'static str {
        match self.client {
            Client::Stranger => "none",
            Client::Foreign | Client::Known(_) => "none-cookie",
        }
    }
}

/// All rows; those whose name begins with `none` are what the others are compared with.
pub const fn rows() -> &'static [Row] {
    use Client::{Foreign, Known, Stranger};
    use Contents::{Large, Many, Small};
    use Keep::{EmptyLayer, Encrypted, Memory, Nothing, Signed};
    const fn row(name: &'static str, keep: Keep, client: Client, paths: &'static [&'static str]) -> Row {
        Row { name, keep, client, paths }
    }
    const {
        &[
            row("none", Nothing, Stranger, &["/untouched"]),
            row("none-cookie", Nothing, Foreign, &["/untouched"]),
            row("empty-layer", EmptyLayer, Stranger, &["/untouched"]),
            row("untouched", Memory, Stranger, &["/untouched"]),
            row("untouched-cookie", Memory, Known(Small), &["/untouched"]),
            row("signed-untouched-cookie", Signed, Known(Small), &["/untouched"]),
            row("memory-new", Memory, Stranger, &["/new"]),
            row("memory-read", Memory, Known(Small), &["/read"]),
            row("memory-write", Memory, Known(Small), &["/write"]),
            row("memory-flash-pop", Memory, Known(Small), &["/flash", "/pop"]),
            row("memory-write-2kb", Memory, Known(Large), &["/write"]),
            row("memory-write-100-keys", Memory, Known(Many), &["/write"]),
            row("signed-new", Signed, Stranger, &["/new"]),
            row("signed-read", Signed, Known(Small), &["/read"]),
            row("signed-write", Signed, Known(Small), &["/write"]),
            row("signed-flash-pop", Signed, Known(Small), &["/flash", "/pop"]),
            row("signed-write-2kb", Signed, Known(Large), &["/write"]),
            row("signed-write-100-keys", Signed, Known(Many), &["/write"]),
            row("encrypted-new", Encrypted, Stranger, &["/new"]),
            row("encrypted-read", Encrypted, Known(Small), &["/read"]),
            row("encrypted-write", Encrypted, Known(Small), &["/write"]),
            row("encrypted-flash-pop", Encrypted, Known(Small), &["/flash", "/pop"]),
            row("encrypted-write-2kb", Encrypted, Known(Large), &["/write"]),
            row("encrypted-write-100-keys", Encrypted, Known(Many), &["/write"]),
        ]
    }
}
