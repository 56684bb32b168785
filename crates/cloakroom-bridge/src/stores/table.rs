//! The tables of other frameworks.

/// A table, and which of its columns is what.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Quoted, with its schema if it has one.
    pub(crate) name: String,
    pub(crate) id: &'static str,
    pub(crate) text: &'static str,
    /// How a parameter becomes a value of that column.
    pub(crate) cast: &'static str,
    pub(crate) ends: &'static str,
    /// How the framework compares an end with now: whether a session is still open at its end
    /// exactly.
    pub(crate) after: &'static str,
}

impl Table {
    /// Django's `django_session`.
    pub(crate) fn django() -> Self {
        Self {
            name: quoted("django_session"),
            id: "session_key",
            text: "session_data",
            cast: "",
            ends: "expire_date",
            after: ">",
        }
    }

    /// That of `connect-pg-simple`, which is called `session` unless told otherwise.
    #[cfg(feature = "records-postgres")]
    pub(crate) fn express() -> Self {
        Self { name: quoted("session"), id: "sid", text: "sess", cast: "::json", ends: "expire", after: ">=" }
    }
}

/// A name as SQL has it, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
