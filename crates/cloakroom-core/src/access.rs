//! Access to values and flash messages.

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
    /// Returns the value of `key`.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name();
        self.record().get(name).map(|value| value.decode(name)).transpose()
    }

    /// Returns the value of `key` as JSON, and records the read.
    ///
    /// A commit reports a key that was read and then set although another request changed it: see
    /// [`Replayed::overwritten`](crate::Replayed::overwritten).
    pub fn read_json(&mut self, key: &str) -> Option<Json> {
        self.log_mut().read(key);
        self.record().get(key)
    }

    /// Returns all keys and values as JSON, and records the read.
    pub fn read_all_json(&mut self) -> Vec<(String, Json)> {
        self.log_mut().read_all();
        self.record().entries().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Removes `key` if its value is still `seen`. Returns `true` if it was.
    pub fn remove_if(&mut self, key: &str, seen: &Json) -> bool {
        let same = self.record().get(key).as_ref() == Some(seen);
        same && self.remove(key)
    }

    /// Sets a JSON value unless there is one, and returns the current value.
    pub fn insert_json_if_absent(&mut self, key: &str, value: Json) -> Json {
        self.apply(Change::SetIfAbsent { key: key.into(), value: value.clone() });
        self.record().get(key).unwrap_or(value)
    }

    /// Applies an update that computed `value` from `seen`, and logs it for replay.
    ///
    /// Returns `false`, and changes nothing, if the current value is no longer `seen`.
    pub fn update_json(&mut self, key: &str, seen: Option<&Json>, value: Json, again: Updater) -> bool {
        if self.record().get(key).as_ref() != seen {
            return false;
        }
        self.apply(Change::Update { key: key.into(), value, again });
        true
    }

    /// Sets the value of `key`.
    ///
    /// # Errors
    /// Returns an error if the value can't be written as JSON. Nothing is changed then.
    pub fn insert<T: Serialize>(&mut self, key: impl IntoKey<T>, value: &T) -> Result<(), Error> {
        let value = Json::encode(key.name(), value)?;
        self.insert_json(key.name(), value);
        Ok(())
    }

    /// Sets a JSON value.
    pub fn insert_json(&mut self, key: &str, value: Json) {
        self.apply(Change::Set { key: key.into(), value });
    }

    /// Sets several values, or none if one of them can't be written as JSON.
    ///
    /// # Errors
    /// Returns an error that names the first key whose value can't be written.
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

    /// Removes `key`. Returns `true` if it had a value.
    pub fn remove(&mut self, key: &str) -> bool {
        self.apply(Change::Remove { key: key.into() }) == Effect::Changed
    }

    /// Removes `key` and returns its value.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`. The value then stays.
    pub fn take<T: DeserializeOwned>(&mut self, key: impl IntoKey<T>) -> Result<Option<T>, Error> {
        let name = key.name().to_owned();
        let value = self.get(key)?;
        self.remove(&name);
        Ok(value)
    }

    /// Removes the entry that was added last and returns it.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`. The entry then stays.
    pub fn pop_item<T: DeserializeOwned>(&mut self) -> Result<Option<(String, T)>, Error> {
        let Some(key) = self.record().entries().last().map(|(key, _)| key.to_owned()) else {
            return Ok(None);
        };
        let value = self.take(key.as_str())?;
        Ok(value.map(|value| (key, value)))
    }

    /// Returns the value of `key`, inserting the result of `default` if there is none.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`, or the default can't be written as
    /// JSON.
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

    /// Changes the value of `key` in place. A missing value starts as `T::default()`.
    ///
    /// # Errors
    /// Returns an error if the value can't be decoded as a `T`, or can't be written afterwards.
    /// Nothing is changed then.
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

    /// Removes all values.
    ///
    /// Flash messages and the CSRF token stay; `invalidate` removes them too.
    pub fn clear(&mut self) {
        self.apply(Change::Clear);
    }

    /// Returns `true` if `key` has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.record().contains_key(key)
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.record().entries().len()
    }

    /// Returns `true` if there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the keys, in the order in which they were added.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.record().entries().map(|(key, _)| key)
    }

    /// Returns keys and values, in the order in which they were added.
    ///
    /// # Errors
    /// Returns an error that names the first key whose value can't be decoded as a `T`.
    pub fn entries<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, Error> {
        let decode = |(key, value): (&str, Json)| value.decode(key).map(|value| (key.to_owned(), value));
        self.record().entries().map(decode).collect()
    }

    /// Appends a message to a flash queue. Returns `true` if it was added.
    ///
    /// # Errors
    /// Returns an error if the message can't be written as JSON.
    pub fn flash<T: Serialize>(
        &mut self,
        queue: &str,
        message: &T,
        id: FlashId,
        duplicates: Duplicates,
    ) -> Result<bool, Error> {
        Ok(self.flash_json(queue, Json::encode(queue, message)?, id, duplicates, FLASH_LIMIT))
    }

    /// Appends a JSON message to a flash queue. Returns `true` if it was added.
    ///
    /// A queue holds at most `limit` messages; beyond that, the oldest are dropped.
    pub fn flash_json(&mut self, queue: &str, body: Json, id: FlashId, duplicates: Duplicates, limit: usize) -> bool {
        let queue = queue.into();
        self.apply(Change::Flash { queue, id, body, duplicates, limit }) == Effect::Changed
    }

    /// Returns the number of messages in a flash queue.
    #[must_use]
    pub fn flash_len(&self, queue: &str) -> usize {
        self.record().flashes.queue(queue).len()
    }

    /// Returns the messages of a flash queue without removing them, oldest first.
    pub fn peek_flash_json(&self, queue: &str) -> impl Iterator<Item = &Json> {
        self.record().flashes.queue(queue).iter().map(|message| &message.body)
    }

    /// Removes and returns the messages of a flash queue, oldest first.
    ///
    /// Only the returned messages are removed: messages that another request adds in the meantime
    /// stay. A speculative request removes none, because its page may never be seen.
    pub fn pop_flash_json(&mut self, queue: &str) -> Vec<Json> {
        let waiting = self.record().flashes.queue(queue);
        let mut ids: Vec<FlashId> = waiting.iter().map(|message| message.id).collect();
        if !ids.is_empty() {
            // Each of these was suppressed by an equal message, which is now being removed.
            ids.extend(self.log().suppressed(queue));
        }
        let messages = waiting.iter().map(|message| message.body.clone()).collect();
        if !ids.is_empty() && self.request() != RequestKind::Speculative {
            self.apply(Change::PopFlash { queue: queue.into(), ids });
        }
        messages
    }

    /// Returns the messages of a flash queue without removing them, oldest first.
    ///
    /// # Errors
    /// Returns an error if a message can't be decoded as a `T`.
    pub fn peek_flash<T: DeserializeOwned>(&self, queue: &str) -> Result<Vec<T>, Error> {
        self.peek_flash_json(queue).map(|body| body.decode(queue)).collect()
    }

    /// Removes and returns the messages of a flash queue, decoded.
    ///
    /// See [`SessionState::pop_flash_json`].
    ///
    /// # Errors
    /// Returns an error if a message can't be decoded as a `T`. All messages are removed
    /// nevertheless.
    pub fn pop_flash<T: DeserializeOwned>(&mut self, queue: &str) -> Result<Vec<T>, Error> {
        self.pop_flash_json(queue).iter().map(|body| body.decode(queue)).collect()
    }
}
