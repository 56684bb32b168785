//! Reading and writing values: the dictionary that a handler sees.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::apply::Effect;
use crate::change::Change;
use crate::error::Error;
use crate::flash::{Duplicates, Given};
use crate::key::IntoKey;
use crate::state::SessionState;
use crate::text::{Json, Text};

impl SessionState {
    /// The value under a key.
    ///
    /// # Errors
    /// When it can't be read as a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name();
        self.record().get(name).map(|value| value.decode(name)).transpose()
    }

    /// Sets a value.
    ///
    /// # Errors
    /// When it can't be written as JSON; nothing changed then.
    pub fn insert<T: Serialize>(&mut self, key: impl IntoKey<T>, value: &T) -> Result<(), Error> {
        let value = Json::encode(key.name(), value)?;
        self.insert_json(key.name(), value);
        Ok(())
    }

    /// Sets a value that is JSON already.
    pub fn insert_json(&mut self, key: &str, value: Json) {
        self.apply(Change::Set { key: key.into(), value });
    }

    /// Sets several values, or none if one of them can't be written as JSON.
    ///
    /// # Errors
    /// The key of the first value that can't be written.
    pub fn extend<K: IntoKey<T>, T: Serialize>(
        &mut self,
        entries: impl IntoIterator<Item = (K, T)>,
    ) -> Result<(), Error> {
        let encode = |(key, value): (K, T)| {
            let value = Json::encode(key.name(), &value)?;
            Ok((Text::from(key.name()), value))
        };
        let entries = entries.into_iter().map(encode).collect::<Result<Vec<_>, Error>>()?;
        for (key, value) in entries {
            self.apply(Change::Set { key, value });
        }
        Ok(())
    }

    /// Removes a key; says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        self.apply(Change::Remove { key: key.into() }) == Effect::Changed
    }

    /// Removes a key and returns its value.
    ///
    /// # Errors
    /// When it can't be read as a `T`; it stays then.
    pub fn take<T: DeserializeOwned>(&mut self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name().to_owned();
        let value = self.get(key)?;
        self.remove(&name);
        Ok(value)
    }

    /// Removes the entry that was added last and returns it.
    ///
    /// # Errors
    /// When its value can't be read as a `T`; it stays then.
    pub fn pop_item<T: DeserializeOwned>(&mut self) -> Result<Option<(String, T)>, Error> {
        let Some(key) = self.record().entries().last().map(|(key, _)| key.to_owned()) else {
            return Ok(None);
        };
        let value = self.take(key.as_str())?;
        Ok(value.map(|value| (key, value)))
    }

    /// The value under a key, set to what `default` makes if there is none.
    ///
    /// # Errors
    /// When the value can't be read as a `T`, or the default can't be written as JSON.
    pub fn get_or_insert_with<T: Serialize + DeserializeOwned>(
        &mut self,
        key: impl IntoKey<T>,
        default: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        let name = key.name().to_owned();
        if let Some(value) = self.get(key)? {
            return Ok(value);
        }
        let value = default();
        let json = Json::encode(&name, &value)?;
        self.apply(Change::SetIfAbsent { key: name.into(), value: json });
        Ok(value)
    }

    /// Changes a value in place, starting from its default if there is none.
    ///
    /// # Errors
    /// When the value can't be read as a `T`, or written afterwards; nothing changed then.
    pub fn update<T, R>(
        &mut self,
        key: impl IntoKey<T>,
        change: impl Fn(&mut T) -> R + Send + Sync + 'static,
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let name = Text::from(key.name());
        let step = {
            let name = name.clone();
            move |current: Option<&Json>| {
                let mut value: T = match current {
                    Some(json) => json.decode(name.as_str())?,
                    None => T::default(),
                };
                let result = change(&mut value);
                Json::encode(name.as_str(), &value).map(|json| (json, result))
            }
        };
        let (value, result) = step(self.record().get(name.as_str()).as_ref())?;
        let again = Arc::new(move |current: Option<&Json>| step(current).map(|(json, _)| json));
        self.apply(Change::Update { key: name, value, again });
        Ok(result)
    }

    /// Removes all values. Flash messages and the CSRF token stay; `invalidate` ends those too.
    pub fn clear(&mut self) {
        self.apply(Change::Clear);
    }

    /// Whether there is a value under a key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.record().contains_key(key)
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.record().entries().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys, in the order in which they were added.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.record().entries().map(|(key, _)| key)
    }

    /// Keys and values, in the order in which they were added.
    ///
    /// # Errors
    /// The key of the first value that can't be read as a `T`.
    pub fn entries<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, Error> {
        let decode = |(key, value): (&str, Json)| value.decode(key).map(|value| (key.to_owned(), value));
        self.record().entries().map(decode).collect()
    }

    /// Appends a message to a flash queue; says whether it was added.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn flash<T: Serialize>(&mut self, queue: &str, message: &T, duplicates: Duplicates) -> Result<bool, Error> {
        let body = Json::encode(queue, message)?;
        let queue = queue.into();
        Ok(self.apply(Change::Flash { queue, body, duplicates }) == Effect::Changed)
    }

    /// The messages that wait in a flash queue, oldest first. They stay.
    ///
    /// # Errors
    /// When one can't be read as a `T`.
    pub fn peek_flash<T: DeserializeOwned>(&self, queue: &str) -> Result<Vec<T>, Error> {
        let waiting = self.record().flashes.queue(queue);
        waiting.iter().map(|message| message.body.decode(queue)).collect()
    }

    /// Takes the messages that wait in a flash queue, oldest first.
    ///
    /// What another request adds meanwhile stays: only what is returned here is removed.
    ///
    /// # Errors
    /// When one can't be read as a `T`; all of them stay then.
    pub fn pop_flash<T: DeserializeOwned>(&mut self, queue: &str) -> Result<Vec<T>, Error> {
        let messages = self.peek_flash(queue)?;
        let given: Vec<Given> = self.record().flashes.queue(queue).iter().map(Given::from).collect();
        if !given.is_empty() {
            self.apply(Change::PopFlash { queue: queue.into(), given });
        }
        Ok(messages)
    }
}
