//! Values: the session as a map from keys to JSON values.

use std::sync::Arc;

use cloakroom_core::{CookiePayload, IntoKey, Json, KeyName, SessionState, Updater};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use super::ref_mut::RefMut;
use crate::error::Error;

/// Give up an update after this many attempts. An attempt is repeated only if the value changed
/// while the closure ran, that is, if the closure itself sets the key.
const MOST_UPDATES: usize = 1000;

impl Session {
    /// Returns the value of `key`, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`. The rest of the session stays
    /// usable.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("theme", "dark")?;
    /// assert_eq!(session.get::<String>("theme")?.as_deref(), Some("dark"));
    /// assert_eq!(session.get::<String>("language")?, None);
    /// assert!(session.get::<u32>("theme").is_err());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn get<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name();
        let json = self.read_mut(|state| state.read_json(name));
        Ok(json.map(|json| json.decode(name)).transpose()?)
    }

    fn json(&self, key: &str) -> Option<Json> {
        self.read(|state| state.record().get(key))
    }

    /// Sets the value of `key`.
    ///
    /// If two requests set the same key, the last commit wins for that key. Use [`Session::update`]
    /// for a value that is computed from the previous one: if two requests `get` a counter and
    /// `insert` it incremented, one increment is lost. When that happens, a warning in the trace
    /// names the key. Under [`ConflictPolicy::Strict`](cloakroom_core::ConflictPolicy::Strict) it
    /// is an error instead.
    ///
    /// # Errors
    /// Returns an error if the value can't be written as JSON. The session is then unchanged.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("theme", "dark")?;
    /// session.insert("theme", "light")?;
    /// assert_eq!(session.get::<String>("theme")?.as_deref(), Some("light"));
    /// assert!(session.insert("ratio", f64::NAN).is_err());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn insert<T: Serialize>(&self, key: impl IntoKey<T>, value: T) -> Result<(), Error> {
        let name = key.name();
        let json = Json::encode(name, &value)?;
        self.write(|state| state.insert_json(name, json));
        Ok(())
    }

    /// Sets several values, or none if one of them can't be written as JSON.
    ///
    /// Keys are strings, or [`SessionKey`]s of the values' type.
    ///
    /// [`SessionKey`]: cloakroom_core::SessionKey
    ///
    /// # Errors
    /// Returns an error that names the first key whose value can't be written.
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
    pub fn extend<K: IntoKey<T>, T: Serialize>(&self, entries: impl IntoIterator<Item = (K, T)>) -> Result<(), Error> {
        let encode = |(key, value): (K, T)| {
            let name = key.name().to_owned();
            Json::encode(&name, &value).map(|json| (name, json))
        };
        let entries: Vec<(String, Json)> = entries.into_iter().map(encode).collect::<Result<_, _>>()?;
        self.write(|state| {
            for (name, value) in entries {
                state.insert_json(&name, value);
            }
        });
        Ok(())
    }

    /// Removes `key`. Returns `true` if it had a value.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("draft", "Dear Sir")?;
    /// assert!(session.remove("draft"));
    /// assert!(!session.remove("draft"));
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn remove(&self, key: impl KeyName) -> bool {
        let name = key.name();
        self.write(|state| state.remove(name))
    }

    /// Stores a value that must work once, like [`insert`](Self::insert).
    ///
    /// Examples are the state of a passkey ceremony and a code that was sent by e-mail. Remove it
    /// with [`take`](Self::take) before you use it, so that a wrong answer uses it up, too.
    ///
    /// # Errors
    /// Fails as `insert` does. Fails with [`Error::is_unsupported`] in a cookie session, because a
    /// copy of the cookie could bring the value back after it was taken. Nothing is stored then.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert_once("code", "471102")?;
    /// assert_eq!(session.take::<String>("code")?.as_deref(), Some("471102"));
    /// assert_eq!(session.take::<String>("code")?, None);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn insert_once<T: Serialize>(&self, key: impl IntoKey<T>, value: T) -> Result<(), Error> {
        if self.read(SessionState::payload) == CookiePayload::Record {
            return Err(Error::replayable(key.name()));
        }
        self.insert(key, value)
    }

    /// Removes `key` and returns its value.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`. The value then stays in the
    /// session.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("return_to", "/cart")?;
    /// assert_eq!(session.take::<String>("return_to")?.as_deref(), Some("/cart"));
    /// assert_eq!(session.take::<String>("return_to")?, None);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn take<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name();
        while let Some(json) = self.json(name) {
            let value = json.decode(name)?;
            if self.write(|state| state.remove_if(name, &json)) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Removes the entry that was added last and returns its key and value.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`. The entry then stays in the
    /// session.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.extend([("first", 1), ("second", 2)])?;
    /// assert_eq!(session.pop_item::<u32>()?, Some(("second".to_owned(), 2)));
    /// assert_eq!(session.len(), 1);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn pop_item<T: DeserializeOwned>(&self) -> Result<Option<(String, T)>, Error> {
        let last = |state: &SessionState| state.record().entries().last().map(|(key, json)| (key.to_owned(), json));
        while let Some((key, json)) = self.read(last) {
            let value = json.decode(&key)?;
            if self.write(|state| state.remove_if(&key, &json)) {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    /// Returns the value of `key`, inserting the result of `default` if there is none.
    ///
    /// If another request sets the key first, its value is kept.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`, or if the default can't be written
    /// as JSON.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert_eq!(session.get_or_insert_with("page_size", || 20)?, 20);
    /// assert_eq!(session.get_or_insert_with("page_size", || 50)?, 20);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &self,
        key: impl IntoKey<T>,
        default: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        let name = key.name();
        if let Some(json) = self.json(name) {
            return Ok(json.decode(name)?);
        }
        let value = default();
        let json = Json::encode(name, &value)?;
        let kept = self.write(|state| state.insert_json_if_absent(name, json.clone()));
        Ok(if kept == json { value } else { kept.decode(name)? })
    }

    /// Changes the value of `key` in place. A missing value starts as `T::default()`.
    ///
    /// With a store, no concurrent update is lost: if another request committed first, `change`
    /// runs again on the newest value. Because it may run several times, `change` should have no
    /// other side effects.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`, or can't be written afterwards; the
    /// session is then unchanged. Returns an error with [`Error::is_conflict`] if `change` itself
    /// sets the same key through the session, because such an update can never succeed.
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
        let name: Arc<str> = key.name().into();
        let step = {
            let name = Arc::clone(&name);
            move |current: Option<&Json>| {
                let mut value: T = current.map(|json| json.decode(&name)).transpose()?.unwrap_or_default();
                let result = change(&mut value);
                Json::encode(&name, &value).map(|json| (json, result))
            }
        };
        let step = Arc::new(step);
        for _ in 0..MOST_UPDATES {
            let seen = self.json(&name);
            let (value, result) = step(seen.as_ref())?;
            let again: Updater = {
                let step = Arc::clone(&step);
                Arc::new(move |current| step(current).map(|(json, _)| json))
            };
            if self.write(|state| state.update_json(&name, seen.as_ref(), value, again)) {
                return Ok(result);
            }
        }
        Err(Error::contended(&name))
    }

    /// Returns a guard for changing the value of `key` in place.
    ///
    /// Returns `None` if there is no value. The new value is set when the guard is dropped. If two
    /// requests race, the last commit wins for this key; [`Session::update`] has no such race.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`. If the value can't be written when
    /// the guard is dropped, the commit fails; [`RefMut::save`] reports that error at once.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("tags", vec!["new"])?;
    /// if let Some(mut tags) = session.get_mut::<Vec<String>>("tags")? {
    ///     tags.push("sale".to_owned());
    /// }
    /// assert_eq!(session.get::<Vec<String>>("tags")?.unwrap(), ["new", "sale"]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn get_mut<T: Serialize + DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<RefMut<T>>, Error> {
        let name = key.name().to_owned();
        let (generation, json) = self.read_mut(|state| (state.generation(), state.read_json(&name)));
        let value = json.map(|json| json.decode(&name)).transpose()?;
        Ok(value.map(|value| RefMut::new(self.clone(), generation, name, value)))
    }

    /// Sets a value for a guard that was taken in this generation of the session. Returns `false`
    /// if the session has been replaced since.
    pub(super) fn set_guarded(&self, generation: u32, key: &str, value: Json) -> bool {
        self.write(|state| {
            let same = state.generation() == generation;
            if same {
                state.insert_json(key, value);
            }
            same
        })
    }

    /// Removes all values.
    ///
    /// Flash messages and the CSRF token stay; [`Session::invalidate`] removes them too.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("cart", "hat")?;
    /// session.flash("Cart emptied");
    /// session.clear();
    /// assert!(session.is_empty());
    /// assert_eq!(session.pop_flash::<String>(), ["Cart emptied"]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn clear(&self) {
        self.write(SessionState::clear);
    }

    /// Returns `true` if `key` has a value.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert!(!session.contains_key("theme"));
    /// session.insert("theme", "dark")?;
    /// assert!(session.contains_key("theme"));
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn contains_key(&self, key: impl KeyName) -> bool {
        let name = key.name();
        self.read(|state| state.contains_key(name))
    }

    /// Returns the number of values.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert_eq!(session.len(), 0);
    /// session.extend([("width", 3), ("height", 4)])?;
    /// assert_eq!(session.len(), 2);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.read(SessionState::len)
    }

    /// Returns `true` if the session has no values.
    ///
    /// Flash messages and the CSRF token don't count as values.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.flash("Welcome!");
    /// assert!(session.is_empty());
    /// session.insert("theme", "dark")?;
    /// assert!(!session.is_empty());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the keys, in the order in which they were added.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("theme", "dark")?;
    /// session.insert("visits", 1)?;
    /// assert_eq!(session.keys(), ["theme", "visits"]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.read(|state| state.keys().map(str::to_owned).collect())
    }

    /// Returns keys and values, in the order in which they were added.
    ///
    /// # Errors
    /// Returns an error that names the first key whose value can't be decoded as a `T`.
    /// `serde_json::Value` decodes every value.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.extend([("width", 3), ("height", 4)])?;
    /// let entries = session.entries::<u32>()?;
    /// assert_eq!(entries, [("width".to_owned(), 3), ("height".to_owned(), 4)]);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn entries<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, Error> {
        let entries = self.read_mut(SessionState::read_all_json);
        let decode = |(key, json): (String, Json)| json.decode(&key).map(|value| (key, value));
        Ok(entries.into_iter().map(decode).collect::<Result<_, _>>()?)
    }
}
