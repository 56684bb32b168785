//! The name of a store's table, and the statements built with it.

use std::fmt;
use std::sync::Arc;

use cloakroom_store::store::StoreError;

/// The longest name that leaves room for the names of its indexes, in bytes: PostgreSQL cuts names
/// at 63.
const LONGEST: usize = 48;

/// The name of the table that holds the sessions of a store.
///
/// The default is `cloakroom_sessions`, in the connection's own schema or database.
///
/// A name consists of ASCII letters, digits and underscores, doesn't begin with a digit, and has at
/// most 48 bytes. It is quoted in each statement, so PostgreSQL distinguishes upper and lower case,
/// and SQL keywords are valid names.
///
/// # Examples
/// ```
/// use cloakroom_sql::TableName;
///
/// # fn main() -> Result<(), cloakroom_store::store::StoreError> {
/// let name = TableName::new("shop_sessions")?.in_schema("web")?;
/// assert_eq!(name.to_string(), "web.shop_sessions");
/// assert!(TableName::new("shop-sessions").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    schema: Option<String>,
    table: String,
}

impl TableName {
    /// Creates a table name, in the connection's own schema or database.
    ///
    /// # Errors
    /// Fails if `table` isn't a valid name; the error names the option `table`.
    pub fn new(table: impl Into<String>) -> Result<Self, StoreError> {
        Ok(Self { schema: None, table: checked("table", table.into())? })
    }

    /// Puts the table into a schema.
    ///
    /// This is a schema in PostgreSQL, a database in MySQL and MariaDB, and an attached file in
    /// SQLite. It must exist: `migrate` doesn't create it.
    ///
    /// # Errors
    /// Fails if `schema` isn't a valid name; the error names the option `schema`.
    pub fn in_schema(self, schema: impl Into<String>) -> Result<Self, StoreError> {
        Ok(Self { schema: Some(checked("schema", schema.into())?), ..self })
    }

    /// Builds the name from the URL options `table` and `schema`.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn of_url(table: Option<String>, schema: Option<String>) -> Result<Self, StoreError> {
        let name = table.map_or_else(|| Ok(Self::default()), Self::new)?;
        schema.map_or_else(|| Ok(name.clone()), |schema| name.clone().in_schema(schema))
    }

    /// Fills in a statement template for this table. `quote` is the database's quote character.
    ///
    /// | in the template | for `web.shop` in PostgreSQL |
    /// |---|---|
    /// | `{table}` | `"web"."shop"` |
    /// | `{schema}` | `"web".` |
    /// | `{name}` | `shop` |
    /// | `{database}` | `'web'` |
    /// | `{channel}` | `cloakroom:web.shop` |
    pub(crate) fn compose(&self, template: &str, quote: char) -> Arc<str> {
        let schema = self.schema.as_ref().map(|schema| format!("{quote}{schema}{quote}.")).unwrap_or_default();
        let database = self.schema.as_ref().map_or_else(|| "DATABASE()".to_owned(), |schema| format!("'{schema}'"));
        let table = format!("{schema}{quote}{}{quote}", self.table);
        let text = template.replace("{table}", &table).replace("{schema}", &schema);
        let text = text.replace("{name}", &self.table).replace("{database}", &database);
        text.replace("{channel}", &self.channel()).into()
    }

    /// Returns the channel on which PostgreSQL announces ended sessions.
    ///
    /// The server accepts 63 bytes. Two long names may have the same channel, and so may two
    /// default schemas: their stores get hints about sessions that they don't have, which do no
    /// harm.
    fn channel(&self) -> String {
        let mut channel = format!("cloakroom:{self}");
        // All letters are ASCII.
        channel.truncate(63);
        channel
    }
}

impl Default for TableName {
    fn default() -> Self {
        Self { schema: None, table: "cloakroom_sessions".to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

/// Names are inserted into statements as they are, so a name must not be able to end the quotes.
fn checked(option: &str, name: String) -> Result<String, StoreError> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let begins = name.chars().next().is_some_and(|first| !first.is_ascii_digit());
    if begins && name.len() <= LONGEST && name.chars().all(is_letter) {
        return Ok(name);
    }
    Err(StoreError::unavailable(format!(
        "the option `{option}` must consist of ASCII letters, digits and underscores, not begin with a digit, and have at most \
         {LONGEST} bytes"
    )))
}

/// The statements of a store, built once for its table.
///
/// `S` and `W` are the statement types of an [`Executor`](crate::query::Executor), `O` holds the
/// statements that only one database has.
pub(crate) struct Statements<S, W, O> {
    pub(crate) table: TableName,
    pub(crate) load: S,
    pub(crate) create: S,
    pub(crate) replace: W,
    pub(crate) touch: W,
    pub(crate) forget: S,
    pub(crate) cycle: W,
    pub(crate) end: W,
    pub(crate) sweep: S,
    pub(crate) owned: S,
    pub(crate) count_owned: S,
    pub(crate) end_owned: W,
    pub(crate) end_before: S,
    pub(crate) edge: S,
    pub(crate) scan: S,
    pub(crate) checkup: S,
    pub(crate) own: O,
}

#[cfg(test)]
mod tests {
    use super::TableName;

    #[test]
    fn names_are_checked() {
        let long = "x".repeat(48);
        for right in ["sessions", "_1", "Select", &long] {
            assert_eq!(TableName::new(right).unwrap().to_string(), right);
        }
        let longer = "x".repeat(49);
        for wrong in ["", "1st", "a.b", "a b", "a\"b", "a`b", "a'b", "a;b", "größe", "a\0", "{name}", &longer] {
            let error = TableName::new(wrong).unwrap_err().to_string();
            assert!(error.contains("`table`"), "{wrong}: {error}");
            let error = TableName::default().in_schema(wrong).unwrap_err().to_string();
            assert!(error.contains("`schema`"), "{wrong}: {error}");
        }
    }

    #[test]
    fn statements_are_composed() {
        let plain = TableName::new("shop").unwrap();
        let within = plain.clone().in_schema("web").unwrap();
        let template = "{table} {schema}`{name}_sweep` {database}";
        assert_eq!(&*plain.compose(template, '"'), "\"shop\" `shop_sweep` DATABASE()");
        assert_eq!(&*within.compose(template, '`'), "`web`.`shop` `web`.`shop_sweep` 'web'");
        assert_eq!(&*within.compose("{channel}", '"'), "cloakroom:web.shop");
        let long = TableName::new("x".repeat(48)).unwrap().in_schema("y".repeat(48)).unwrap();
        assert_eq!(long.compose("{channel}", '"').len(), 63);
    }
}
