//! The data of another framework that shares a session with us.

use std::fmt;
use std::sync::Arc;

use crate::json::{Json, Text};

/// The data of another framework in a session.
///
/// It is hidden from handlers and written back unchanged. A bridge that reads that framework's
/// sessions stores the data in the [`Record`](crate::Record), and uses it when it writes the
/// session. Our own wire format omits it, so a session that is migrated to our format loses it.
///
/// # Security
/// `Debug` prints sizes, never a member or the id.
///
/// # Examples
/// ```
/// use cloakroom_core::{FrameworkData, Json};
///
/// let object = Json::from_lenient("session", r#"{"_id":"a1","hat":NaN}"#)?;
/// let foreign = FrameworkData::new("beaker").members(object.members().unwrap_or_default());
/// assert_eq!(foreign.member("_id").map(Json::as_str), Some("\"a1\""));
/// assert_eq!(format!("{foreign:?}"), "FrameworkData(beaker, 2 members)");
/// # Ok::<(), cloakroom_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FrameworkData {
    framework: &'static str,
    id: Option<Text>,
    seen: Option<Arc<[u8]>>,
    note: Option<Text>,
    members: Vec<(Json, Json)>,
}

impl FrameworkData {
    /// Creates empty data of the framework with this name.
    #[must_use]
    pub const fn new(framework: &'static str) -> Self {
        Self { framework, id: None, seen: None, note: None, members: Vec::new() }
    }

    /// Sets the id of the record in that framework's store, and the record as it is stored.
    #[must_use]
    pub fn stored(mut self, id: impl Into<Text>, seen: impl AsRef<[u8]>) -> Self {
        self.id = Some(id.into());
        self.seen = Some(seen.as_ref().into());
        self
    }

    /// Sets additional data that the framework keeps outside the session's object.
    #[must_use]
    pub fn noting(mut self, note: Option<Text>) -> Self {
        self.note = note;
        self
    }

    /// Sets the members of the object that the session was read from.
    ///
    /// Keys are given as they were written.
    #[must_use]
    pub fn members(mut self, members: Vec<(Json, Json)>) -> Self {
        self.members = members;
        self
    }

    /// Returns the name of the framework.
    #[must_use]
    pub const fn framework(&self) -> &'static str {
        self.framework
    }

    /// Returns the id of the record in that framework's store.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_ref().map(Text::as_str)
    }

    /// Returns the record as it was found in that framework's store.
    ///
    /// A commit replaces only a record of these bytes.
    #[must_use]
    pub fn seen(&self) -> Option<&[u8]> {
        self.seen.as_deref()
    }

    /// Returns the additional data that the framework keeps outside the session's object.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_ref().map(Text::as_str)
    }

    /// Returns keys, as they were written, and values, in order.
    #[must_use]
    pub fn entries(&self) -> &[(Json, Json)] {
        &self.members
    }

    /// Returns the member `name`. If there are several, the last one.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json> {
        let is = |spelled: &Json| spelled.decode::<String>(name).is_ok_and(|key| key == name);
        self.members.iter().rev().find(|(key, _)| is(key)).map(|(_, value)| value)
    }
}

impl fmt::Debug for FrameworkData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameworkData({}, {} members)", self.framework, self.members.len())
    }
}
