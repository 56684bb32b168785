//! The tables of other frameworks.

/// A table, and the roles of its columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The quoted name, with the schema if there is one.
    pub(crate) name: String,
    pub(crate) id: &'static str,
    pub(crate) text: &'static str,
    /// The cast of a parameter to the type of that column.
    pub(crate) cast: &'static str,
    pub(crate) ends: &'static str,
    /// The operator with which the framework compares an expiry with now: it decides whether a
    /// session is valid at exactly its expiry.
    pub(crate) after: &'static str,
    /// The SQL of a time in the form of that column, with `{}` for the parameter.
    pub(crate) time: String,
}

impl Table {
    /// Django's `django_session`.
    pub(crate) fn django(time: &str) -> Self {
        Self {
            name: quoted("django_session"),
            id: "session_key",
            text: "session_data",
            cast: "",
            ends: "expire_date",
            after: ">",
            time: time.to_owned(),
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
            text: "sess",
            cast: "::json",
            ends: "expire",
            after: ">=",
            time: "to_timestamp({})".to_owned(),
        }
    }
}

/// Quotes a name for SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
