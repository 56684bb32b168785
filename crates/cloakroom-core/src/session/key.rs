//! The keys under which a session stores its values.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A typed key of a session value, declared once as a constant.
///
/// Using a value of another type is then a compile error instead of a run-time error.
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
    // A function type, so that a key is `Send`, `Sync` and `Copy` for every `T`.
    holds: PhantomData<fn() -> T>,
}

impl<T> SessionKey<T> {
    /// Creates a key with this name.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionKey;
    ///
    /// const CART: SessionKey<Vec<String>> = SessionKey::new("cart");
    /// assert_eq!(CART.name(), "cart");
    /// ```
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, holds: PhantomData }
    }

    /// Returns the key's name.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::SessionKey;
    ///
    /// assert_eq!(SessionKey::<u32>::new("visits").name(), "visits");
    /// ```
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

/// A key of a session value: a string, or a [`SessionKey`].
pub trait KeyName {
    /// Returns the key's name.
    fn name(&self) -> &str;
}

/// A key of a session value of type `T`: any string, or a [`SessionKey<T>`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key of a value of type `{T}`",
    label = "a key of a `{T}` is needed here",
    note = "a key is a string, or a `SessionKey` of the same type as the value"
)]
pub trait IntoKey<T>: KeyName {}

impl KeyName for str {
    fn name(&self) -> &str {
        self
    }
}

impl KeyName for String {
    fn name(&self) -> &str {
        self
    }
}

impl KeyName for Cow<'_, str> {
    fn name(&self) -> &str {
        self
    }
}

impl<T> KeyName for SessionKey<T> {
    fn name(&self) -> &str {
        self.name
    }
}

/// References to keys are keys, at any depth.
impl<K: KeyName + ?Sized> KeyName for &K {
    fn name(&self) -> &str {
        (**self).name()
    }
}

impl<T> IntoKey<T> for str {}
impl<T> IntoKey<T> for String {}
impl<T> IntoKey<T> for Cow<'_, str> {}
impl<T> IntoKey<T> for SessionKey<T> {}
impl<T, K: IntoKey<T> + ?Sized> IntoKey<T> for &K {}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{IntoKey, KeyName, SessionKey};

    const VISITS: SessionKey<u32> = SessionKey::new("visits");

    fn typed(key: impl IntoKey<u32>) -> String {
        key.name().to_owned()
    }

    fn named(key: impl KeyName) -> String {
        key.name().to_owned()
    }

    #[test]
    #[expect(clippy::needless_borrows_for_generic_args, reason = "the references are what is tested")]
    fn a_key_is_a_string_or_a_session_key_owned_or_borrowed() {
        let owned = "visits".to_owned();
        let cow = Cow::Borrowed("visits");
        let names = [
            typed("visits"),
            typed(&"visits"),
            typed(&owned),
            typed(owned.clone()),
            typed(&cow),
            typed(cow.clone()),
            typed(VISITS),
            typed(&VISITS),
            typed(&&VISITS),
            named(&&owned),
            named(VISITS),
        ];
        for (row, name) in names.iter().enumerate() {
            assert_eq!(name, "visits", "row {row}");
        }
    }
}
