//! The guard of a value that is changed in place and set on drop.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cloakroom_core::Json;

use crate::error::Error;
use serde::Serialize;

use crate::session::Session;

/// A guard for changing a session value in place; see [`Session::get_mut`].
///
/// # Examples
/// ```
/// # let session = cloakroom_session::Session::for_tests();
/// session.insert("sizes", vec![41, 42])?;
/// if let Some(mut sizes) = session.get_mut::<Vec<u32>>("sizes")? {
///     sizes.push(43);
/// }
/// assert_eq!(session.get::<Vec<u32>>("sizes")?.unwrap(), [41, 42, 43]);
/// # Ok::<(), cloakroom_session::Error>(())
/// ```
pub struct RefMut<T: Serialize> {
    session: Session,
    /// The generation of the session that the value was taken from. The value is never written into
    /// a later session.
    generation: u32,
    key: String,
    value: T,
    touched: bool,
}

impl<T: Serialize> RefMut<T> {
    pub(crate) const fn new(session: Session, generation: u32, key: String, value: T) -> Self {
        Self { session, generation, key, value, touched: false }
    }

    /// Sets the value now and returns the error if that fails.
    ///
    /// # Errors
    /// Returns an error if the value can't be written as JSON; the session then keeps its previous
    /// value. Returns an error with [`Error::is_conflict`] if the session was invalidated after the
    /// guard was taken.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("ratio", 0.5)?;
    /// if let Some(mut ratio) = session.get_mut::<f64>("ratio")? {
    ///     *ratio = f64::NAN;
    ///     assert!(ratio.save().is_err());
    /// }
    /// assert_eq!(session.get("ratio")?, Some(0.5));
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn save(mut self) -> Result<(), Error> {
        self.touched = false;
        let value = Json::encode(&self.key, &self.value)?;
        if self.session.set_guarded(self.generation, &self.key, value) {
            Ok(())
        } else {
            Err(Error::contended(&self.key))
        }
    }
}

impl<T: Serialize> Deref for RefMut<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> DerefMut for RefMut<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.touched = true;
        &mut self.value
    }
}

impl<T: Serialize> Drop for RefMut<T> {
    fn drop(&mut self) {
        if !self.touched || std::thread::panicking() {
            return;
        }
        match Json::encode(&self.key, &self.value) {
            // After `invalidate`, the value is dropped like every other change made before.
            Ok(value) => _ = self.session.set_guarded(self.generation, &self.key, value),
            Err(error) => self.session.fail(error.into()),
        }
    }
}

impl<T: Serialize> fmt::Debug for RefMut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefMut").field("key", &self.key).finish_non_exhaustive()
    }
}
