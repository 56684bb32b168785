//! Flash messages.

use cloakroom_core::Duplicates;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::Error;

impl Session {
    /// Appends a message to the default flash queue, where it waits until it is popped. Any value that serde can write will do.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn flash<T: Serialize>(&self, message: T) -> Result<(), Error> {
        self.flash_queue("").flash(message)
    }

    /// A flash queue by name, to append with options, to look into, or to empty. The default queue's name is empty.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let warnings = session.flash_queue("warnings").no_duplicates();
    /// warnings.flash("disk almost full")?;
    /// warnings.flash("disk almost full")?;
    /// assert_eq!(warnings.pop::<String>()?, ["disk almost full"]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn flash_queue<'a>(&'a self, name: &'a str) -> FlashQueue<'a> {
        FlashQueue { session: self, name, duplicates: Duplicates::Allow }
    }

    /// Takes the messages that wait in a queue, oldest first; what another request adds meanwhile stays.
    ///
    /// # Errors
    /// When one can't be read as a `T`; all of them stay then.
    pub fn pop_flash<T: DeserializeOwned>(&self, queue: &str) -> Result<Vec<T>, Error> {
        Ok(self.write(|state| state.pop_flash(queue))?)
    }

    /// The messages that wait in a queue, oldest first. They stay.
    ///
    /// # Errors
    /// When one can't be read as a `T`.
    pub fn peek_flash<T: DeserializeOwned>(&self, queue: &str) -> Result<Vec<T>, Error> {
        Ok(self.read(|state| state.peek_flash(queue))?)
    }
}

/// A flash queue of a session; see [`Session::flash_queue`].
#[derive(Clone, Copy, Debug)]
pub struct FlashQueue<'a> {
    session: &'a Session,
    name: &'a str,
    duplicates: Duplicates,
}

impl FlashQueue<'_> {
    /// Doesn't append a message while an equal one waits in this queue (Pyramid's `allow_duplicate=False`).
    #[must_use]
    pub const fn no_duplicates(mut self) -> Self {
        self.duplicates = Duplicates::Suppress;
        self
    }

    /// Appends a message.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn flash<T: Serialize>(&self, message: T) -> Result<(), Error> {
        self.session.write(|state| state.flash(self.name, &message, self.duplicates))?;
        Ok(())
    }

    /// Takes the messages that wait, oldest first.
    ///
    /// # Errors
    /// When one can't be read as a `T`; all of them stay then.
    pub fn pop<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        self.session.pop_flash(self.name)
    }

    /// The messages that wait, oldest first. They stay.
    ///
    /// # Errors
    /// When one can't be read as a `T`.
    pub fn peek<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        self.session.peek_flash(self.name)
    }
}
