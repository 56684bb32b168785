//! Values: the session as a dictionary.

use std::sync::Arc;

use cloakroom_core::{IntoKey, Json, KeyName, SessionState, Updater};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::Error;
use crate::guard::RefMut;

/// The number of times that an update is tried, each time because the value changed while the
/// closure ran. Only a closure that sets the same key itself comes here.
const MOST_UPDATES: usize = 1000;

impl Session {
    /// The value under a key.
    ///
    /// # Errors
    /// When it can't be read as a `T`. The rest of the session is unaffected.
    pub fn get<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name();
        let json = self.read_mut(|state| state.read_json(name));
        Ok(json.map(|json| json.decode(name)).transpose()?)
    }

    fn json(&self, key: &str) -> Option<Json> {
        self.read(|state| state.record().get(key))
    }

    /// Sets a value. When two requests set the same key, the one that commits last wins, on that
    /// key alone.
    ///
    /// A value that is computed from the one before belongs into [`Session::update`]: of two
    /// requests that `get` a counter and `insert` it again, one is lost. Where that happens, a
    /// warning in the trace names the key; under
    /// [`ConflictPolicy::Strict`](cloakroom_core::ConflictPolicy::Strict) it is an error.
    ///
    /// # Errors
    /// When it can't be written as JSON; nothing changed then.
    pub fn insert<T: Serialize>(&self, key: impl IntoKey<T>, value: T) -> Result<(), Error> {
        let name = key.name();
        let json = Json::encode(name, &value)?;
        self.write(|state| state.insert_json(name, json));
        Ok(())
    }

    /// Sets several values, or none of them if one can't be written as JSON. Keys are strings, or
    /// each a [`SessionKey`] of the values' type.
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

    /// Removes a key; returns whether it was there.
    pub fn remove(&self, key: impl KeyName) -> bool {
        let name = key.name();
        self.write(|state| state.remove(name))
    }

    /// Removes a key and returns its value.
    ///
    /// # Errors
    /// When it can't be read as a `T`; it stays then.
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

    /// Removes the entry that was added last and returns it.
    ///
    /// # Errors
    /// When its value can't be read as a `T`; it stays then.
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

    /// The value under a key, set to what `default` makes if there is none.
    ///
    /// If another request set it first, that value stays.
    ///
    /// # Errors
    /// When the value can't be read as a `T`, or the default can't be written as JSON.
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

    /// Changes a value in place, starting from its default if there is none.
    ///
    /// In a store no concurrent update is lost: if another request committed first, `change` runs
    /// again on the value that it left. It should do nothing but change the value, because it may
    /// run several times.
    ///
    /// # Errors
    /// When the value can't be read as a `T`, or written afterwards; nothing changed then. When
    /// `change` sets the same key through the session, so that it can never be done:
    /// [`Error::is_conflict`].
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

    /// The value under a key, to be changed in place: what was changed is set when the guard is
    /// dropped.
    ///
    /// `None` if there is none. When two requests race, the one that commits last wins on this key;
    /// `update` has no such race.
    ///
    /// # Errors
    /// When it can't be read as a `T`. A value that can't be written when the guard is dropped
    /// fails the commit; [`RefMut::save`] says so at once.
    pub fn get_mut<T: Serialize + DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<RefMut<T>>, Error> {
        let name = key.name().to_owned();
        let (generation, json) = self.read_mut(|state| (state.generation(), state.read_json(&name)));
        let value = json.map(|json| json.decode(&name)).transpose()?;
        Ok(value.map(|value| RefMut::new(self.clone(), generation, name, value)))
    }

    /// Sets a value for a guard that was taken from the session of this generation; returns whether
    /// that session is still the one of the request.
    pub(crate) fn set_guarded(&self, generation: u32, key: &str, value: Json) -> bool {
        self.write(|state| {
            let same = state.generation() == generation;
            if same {
                state.insert_json(key, value);
            }
            same
        })
    }

    /// Removes all values. Flash messages and the CSRF token stay; [`Session::invalidate`] ends
    /// those too.
    pub fn clear(&self) {
        self.write(SessionState::clear);
    }

    /// Whether there is a value under a key.
    #[must_use]
    pub fn contains_key(&self, key: impl KeyName) -> bool {
        let name = key.name();
        self.read(|state| state.contains_key(name))
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
        let entries = self.read_mut(SessionState::read_all_json);
        let decode = |(key, json): (String, Json)| json.decode(&key).map(|value| (key, value));
        Ok(entries.into_iter().map(decode).collect::<Result<_, _>>()?)
    }
}
