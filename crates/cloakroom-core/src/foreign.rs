//! What another framework keeps of its own in a session that we share with it.

use std::fmt;

use crate::text::{Json, Text};

/// What another framework keeps of its own in a session: out of the sight of handlers, and written
/// back as it was read.
///
/// A bridge that reads that framework's sessions leaves it in the [`Record`](crate::Record), and
/// finds it there when it writes. It is no part of our own wire format: a session that moves to us
/// for good leaves it behind.
///
/// # Security
/// `Debug` prints sizes, never a member, nor the id.
///
/// # Examples
/// ```
/// use cloakroom_core::{Foreign, Json};
///
/// let object = Json::from_foreign("session", r#"{"_id":"a1","hat":NaN}"#)?;
/// let foreign = Foreign::new("beaker").members(object.members().unwrap_or_default());
/// assert_eq!(foreign.member("_id").map(Json::as_str), Some("\"a1\""));
/// assert_eq!(format!("{foreign:?}"), "Foreign(beaker, 2 members)");
/// # Ok::<(), cloakroom_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Foreign {
    framework: &'static str,
    id: Option<Text>,
    seen: Option<Text>,
    note: Option<Text>,
    members: Vec<(Json, Json)>,
}

impl Foreign {
    /// Nothing yet, of the framework of this name.
    #[must_use]
    pub const fn new(framework: &'static str) -> Self {
        Self { framework, id: None, seen: None, note: None, members: Vec::new() }
    }

    /// The id under which that framework's store keeps the record, and the text that was found
    /// there.
    #[must_use]
    pub fn stored(mut self, id: impl Into<Text>, seen: impl Into<Text>) -> Self {
        self.id = Some(id.into());
        self.seen = Some(seen.into());
        self
    }

    /// Something that the framework keeps beside the session's object.
    #[must_use]
    pub fn noting(mut self, note: Option<Text>) -> Self {
        self.note = note;
        self
    }

    /// The members of the object that the session was read from, each with its key as it was
    /// spelled.
    #[must_use]
    pub fn members(mut self, members: Vec<(Json, Json)>) -> Self {
        self.members = members;
        self
    }

    /// Which framework it is.
    #[must_use]
    pub const fn framework(&self) -> &'static str {
        self.framework
    }

    /// The id under which that framework's store keeps the record.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_ref().map(Text::as_str)
    }

    /// The text that was found in that framework's store: a commit replaces no other.
    #[must_use]
    pub fn seen(&self) -> Option<&str> {
        self.seen.as_ref().map(Text::as_str)
    }

    /// Something that the framework keeps beside the session's object.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_ref().map(Text::as_str)
    }

    /// Keys, as they were spelled, and values, in their order.
    #[must_use]
    pub fn entries(&self) -> &[(Json, Json)] {
        &self.members
    }

    /// The member of this name. Of several, the last.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json> {
        let is = |spelled: &Json| spelled.decode::<String>(name).is_ok_and(|key| key == name);
        self.members.iter().rev().find(|(key, _)| is(key)).map(|(_, value)| value)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign({}, {} members)", self.framework, self.members.len())
    }
}
