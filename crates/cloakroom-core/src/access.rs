//! Reading and writing values: the dictionary that a handler sees.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::apply::Effect;
use crate::change::{Change, Updater};
use crate::error::Error;
use crate::flash::{Duplicates, FLASH_LIMIT, FlashId};
use crate::key::IntoKey;
use crate::request_kind::RequestKind;
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

    /// The value under a key as JSON, remembered as read.
    ///
    /// A commit that meets another request's change of a key that was read and then set reports it:
    /// see [`Replayed::overwritten`](crate::Replayed::overwritten).
    pub fn read_json(&mut self, key: &str) -> Option<Json> {
        self.log_mut().read(key);
        self.record().get(key)
    }

    /// All keys and values as JSON, remembered as read.
    pub fn read_all_json(&mut self) -> Vec<(String, Json)> {
        self.log_mut().read_all();
        self.record().entries().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Removes a key if its value is still this one; returns whether it was.
    pub fn remove_if(&mut self, key: &str, seen: &Json) -> bool {
        let same = self.record().get(key).as_ref() == Some(seen);
        same && self.remove(key)
    }

    /// Sets a value that is JSON already, unless there is one; returns the value that is there now.
    pub fn insert_json_if_absent(&mut self, key: &str, value: Json) -> Json {
        self.apply(Change::SetIfAbsent { key: key.into(), value: value.clone() });
        self.record().get(key).unwrap_or(value)
    }

    /// Replaces the value that an update has seen by the one that it computed, and keeps the update
    /// for replay; returns `false`, and changes nothing, if another value is there now.
    pub fn update_json(&mut self, key: &str, seen: Option<&Json>, value: Json, again: Updater) -> bool {
        if self.record().get(key).as_ref() != seen {
            return false;
        }
        self.apply(Change::Update { key: key.into(), value, again });
        true
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

    /// Appends a message to a flash queue; returns whether it was added.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn flash<T: Serialize>(
        &mut self,
        queue: &str,
        message: &T,
        id: FlashId,
        duplicates: Duplicates,
    ) -> Result<bool, Error> {
        Ok(self.flash_json(queue, Json::encode(queue, message)?, id, duplicates, FLASH_LIMIT))
    }

    /// Appends a message that is JSON already; returns whether it was added.
    ///
    /// A queue holds at most `limit` messages: the oldest make room.
    pub fn flash_json(&mut self, queue: &str, body: Json, id: FlashId, duplicates: Duplicates, limit: usize) -> bool {
        let queue = queue.into();
        self.apply(Change::Flash { queue, id, body, duplicates, limit }) == Effect::Changed
    }

    /// The number of messages that wait in a flash queue.
    #[must_use]
    pub fn flash_len(&self, queue: &str) -> usize {
        self.record().flashes.queue(queue).len()
    }

    /// The messages that wait in a flash queue, oldest first. They stay.
    pub fn peek_flash_json(&self, queue: &str) -> impl Iterator<Item = &Json> {
        self.record().flashes.queue(queue).iter().map(|message| &message.body)
    }

    /// Takes the messages that wait in a flash queue, oldest first.
    ///
    /// Messages that another request adds in the meantime stay: only those that are returned are
    /// removed. A speculative request removes none, because its page may never be seen.
    pub fn pop_flash_json(&mut self, queue: &str) -> Vec<Json> {
        let waiting = self.record().flashes.queue(queue);
        let mut ids: Vec<FlashId> = waiting.iter().map(|message| message.id).collect();
        if !ids.is_empty() {
            // An equal message took the place of each of these, and is among those that are taken
            // now.
            ids.extend(self.log().suppressed(queue));
        }
        let messages = waiting.iter().map(|message| message.body.clone()).collect();
        if !ids.is_empty() && self.request() != RequestKind::Speculative {
            self.apply(Change::PopFlash { queue: queue.into(), ids });
        }
        messages
    }

    /// The messages of a type that wait in a flash queue, oldest first. They stay.
    ///
    /// # Errors
    /// When one can't be read as a `T`.
    pub fn peek_flash<T: DeserializeOwned>(&self, queue: &str) -> Result<Vec<T>, Error> {
        self.peek_flash_json(queue).map(|body| body.decode(queue)).collect()
    }

    /// Takes the messages that wait in a flash queue, oldest first; see
    /// [`SessionState::pop_flash_json`].
    ///
    /// # Errors
    /// When one can't be read as a `T`. All of them are removed nevertheless.
    pub fn pop_flash<T: DeserializeOwned>(&mut self, queue: &str) -> Result<Vec<T>, Error> {
        self.pop_flash_json(queue).iter().map(|body| body.decode(queue)).collect()
    }
}
