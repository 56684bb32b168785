//! The tables of other frameworks.

use cloakroom_session::Error;

/// A table, and the roles of its columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The quoted name, with the schema if there is one.
    pub(crate) name: String,
    pub(crate) id: &'static str,
    pub(crate) record: &'static str,
    pub(crate) holds: Holds,
    pub(crate) ends: &'static str,
    /// The operator with which the framework compares an expiry with now: it decides whether a
    /// session is valid at exactly its expiry.
    pub(crate) after: &'static str,
    /// The SQL of a time in the form of that column, with `{}` for the parameter.
    pub(crate) time: String,
    /// The form of times in SQLite, which has no type for them.
    pub(crate) times: Times,
}

/// The type of the column that holds a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    /// `json` in PostgreSQL, which keeps the text as it is.
    Json,
    Bytes,
}

/// The form of times in a column of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// `2023-11-14 22:13:20.250000`, or without a fraction if it is zero.
    Django,
    /// `2023-11-14T22:13:20.25Z`.
    Rfc3339,
}

impl Table {
    /// Django's `django_session`.
    #[cfg(any(feature = "records-postgres", feature = "records-sqlite"))]
    pub(crate) fn django(time: &str) -> Self {
        Self {
            name: quoted("django_session"),
            id: "session_key",
            record: "session_data",
            holds: Holds::Text,
            ends: "expire_date",
            after: ">",
            time: time.to_owned(),
            times: Times::Django,
        }
    }

    /// Returns the SQL of a time that is passed as this parameter.
    pub(crate) fn time(&self, parameter: &str) -> String {
        self.time.replace("{}", parameter)
    }

    /// The table of `connect-pg-simple`, called `session` by default.
    #[cfg(feature = "records-postgres")]
    pub(crate) fn express() -> Self {
        Self {
            name: quoted("session"),
            id: "sid",
            record: "sess",
            holds: Holds::Json,
            ends: "expire",
            after: ">=",
            time: "to_timestamp({})".to_owned(),
            times: Times::Rfc3339,
        }
    }

    /// The table of `tower-sessions-sqlx-store`, with this quoted name.
    pub(crate) fn tower_sessions(name: String, time: &str) -> Self {
        let (holds, times, time) = (Holds::Bytes, Times::Rfc3339, time.to_owned());
        Self { name, id: "id", record: "data", holds, ends: "expiry_date", after: ">", time, times }
    }
}

/// Quotes a name for SQL.
#[cfg(any(feature = "records-postgres", feature = "records-sqlite"))]
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns a record for a column of text.
#[cfg(any(feature = "records-postgres", feature = "records-sqlite"))]
pub(crate) fn text(record: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(record).map_err(|_| Error::corrupt("the record isn't text, but the column is"))
}
