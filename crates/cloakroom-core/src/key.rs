//! The names under which a session keeps its values.

use std::fmt;
use std::marker::PhantomData;

/// A typed name for a session value, declared once as a constant.
///
/// A value of another type is then a compile error instead of a surprise at run time.
///
/// # Examples
/// ```
/// use cloakroom_core::SessionKey;
///
/// const VISITS: SessionKey<u32> = SessionKey::new("visits");
/// assert_eq!(VISITS.name(), "visits");
/// ```
pub struct SessionKey<T> {
    name: &'static str,
    // A function type, so that a key is Send, Sync and Copy whatever T is.
    holds: PhantomData<fn() -> T>,
}

impl<T> SessionKey<T> {
    /// A key of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, holds: PhantomData }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for SessionKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SessionKey<T> {}

impl<T> fmt::Debug for SessionKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({:?})", self.name)
    }
}

/// What names a session value: a string, or a [`SessionKey`].
pub trait KeyName {
    /// The name.
    fn name(&self) -> &str;
}

/// What names a session value of type `T`: a string for any type, or a [`SessionKey<T>`].
pub trait IntoKey<T>: KeyName {}

impl KeyName for &str {
    fn name(&self) -> &str {
        self
    }
}

impl KeyName for String {
    fn name(&self) -> &str {
        self
    }
}

impl KeyName for &String {
    fn name(&self) -> &str {
        self
    }
}

impl<T> KeyName for SessionKey<T> {
    fn name(&self) -> &str {
        self.name
    }
}

impl<T> IntoKey<T> for &str {}
impl<T> IntoKey<T> for String {}
impl<T> IntoKey<T> for &String {}
impl<T> IntoKey<T> for SessionKey<T> {}
