//! Values: the session as a dictionary.

use cloakroom_core::{IntoKey, Json, KeyName, SessionState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::Error;
use crate::guard::RefMut;

impl Session {
    /// The value under a key.
    ///
    /// # Errors
    /// When it can't be read as a `T`. The rest of the session is unaffected.
    pub fn get<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        // Decoded outside of the lock: a value's own code may use the session.
        match self.json(key.name()) {
            Some(value) => Ok(Some(value.decode(key.name())?)),
            None => Ok(None),
        }
    }

    fn json(&self, key: &str) -> Option<Json> {
        self.read(|state| state.record().get(key))
    }

    /// Sets a value. When two requests set the same key, the one that commits last wins, on that key alone.
    ///
    /// # Errors
    /// When it can't be written as JSON; nothing changed then.
    pub fn insert<T: Serialize>(&self, key: impl IntoKey<T>, value: T) -> Result<(), Error> {
        let json = Json::encode(key.name(), &value)?;
        self.write(|state| state.insert_json(key.name(), json));
        Ok(())
    }

    /// Sets several values, or none of them if one can't be written as JSON. Keys are strings, or each a [`SessionKey`] of the values'
    /// type.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// use cloakroom_session::SessionKey;
    ///
    /// const SIZE: SessionKey<u32> = SessionKey::new("size");
    /// const COUNT: SessionKey<u32> = SessionKey::new("count");
    ///
    /// session.extend([(SIZE, 42), (COUNT, 1)])?;
    /// session.extend([("theme", "dark"), ("language", "en")])?;
    /// assert_eq!(session.len(), 4);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    ///
    /// [`SessionKey`]: cloakroom_core::SessionKey
    ///
    /// # Errors
    /// The key of the first value that can't be written.
    pub fn extend<K: IntoKey<T>, T: Serialize>(&self, entries: impl IntoIterator<Item = (K, T)>) -> Result<(), Error> {
        // The iterator runs outside of the lock: it may read the session.
        let entries: Vec<_> = entries.into_iter().collect();
        Ok(self.write(|state| state.extend(entries))?)
    }

    /// Removes a key; says whether it was there.
    pub fn remove(&self, key: impl KeyName) -> bool {
        self.write(|state| state.remove(key.name()))
    }

    /// Removes a key and returns its value.
    ///
    /// # Errors
    /// When it can't be read as a `T`; it stays then.
    pub fn take<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        Ok(self.write(|state| state.take(key))?)
    }

    /// Removes the entry that was added last and returns it.
    ///
    /// # Errors
    /// When its value can't be read as a `T`; it stays then.
    pub fn pop_item<T: DeserializeOwned>(&self) -> Result<Option<(String, T)>, Error> {
        Ok(self.write(SessionState::pop_item)?)
    }

    /// The value under a key, set to what `default` makes if there is none.
    ///
    /// When another request set it first, what that one set stays.
    ///
    /// # Errors
    /// When the value can't be read as a `T`, or the default can't be written as JSON.
    pub fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        key: impl IntoKey<T>,
        default: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        let name = key.name().to_owned();
        if let Some(value) = self.get(key)? {
            return Ok(value);
        }
        // Made outside of the lock: it may read the session.
        let default = default();
        Ok(self.write(|state| state.get_or_insert_with(name, || default))?)
    }

    /// Changes a value in place, starting from its default if there is none.
    ///
    /// In a store no racing update is lost: if another request committed first, `change` runs again on what that one left. It
    /// must therefore do nothing but change the value; it must not use the session.
    ///
    /// # Errors
    /// When the value can't be read as a `T`, or written afterwards; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.update("cart", |cart: &mut Vec<String>| cart.push("hat".to_owned()))?;
    /// assert_eq!(session.get::<Vec<String>>("cart")?.unwrap(), ["hat"]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn update<T, R>(
        &self,
        key: impl IntoKey<T>,
        change: impl Fn(&mut T) -> R + Send + Sync + 'static,
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        Ok(self.write(|state| state.update(key, change))?)
    }

    /// The value under a key, to be changed in place: what was changed is set when the guard is dropped.
    ///
    /// `None` if there is none. When two requests race, the one that commits last wins on this key; `update` has no such race.
    ///
    /// # Errors
    /// When it can't be read as a `T`. A value that can't be written when the guard is dropped fails the commit;
    /// [`RefMut::save`] says so at once.
    pub fn get_mut<T: Serialize + DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<RefMut<T>>, Error> {
        let name = key.name().to_owned();
        Ok(self.get(key)?.map(|value| RefMut::new(self.clone(), name, value)))
    }

    pub(crate) fn set_json(&self, key: &str, value: Json) {
        self.write(|state| state.insert_json(key, value));
    }

    pub(crate) fn fail(&self, error: Error) {
        self.inner().failed.get_or_insert(error);
    }

    /// Removes all values. Flash messages and the CSRF token stay; [`Session::invalidate`] ends those too.
    pub fn clear(&self) {
        self.write(SessionState::clear);
    }

    /// Whether there is a value under a key.
    #[must_use]
    pub fn contains_key(&self, key: impl KeyName) -> bool {
        self.read(|state| state.contains_key(key.name()))
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read(SessionState::len)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys, in the order in which they were added.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.read(|state| state.keys().map(str::to_owned).collect())
    }

    /// Keys and values, in the order in which they were added.
    ///
    /// # Errors
    /// The key of the first value that can't be read as a `T`; `serde_json::Value` reads every one.
    pub fn entries<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, Error> {
        Ok(self.read(SessionState::entries)?)
    }
}
