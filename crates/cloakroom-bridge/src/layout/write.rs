//! Encoding a record as a framework's object.

use std::collections::HashSet;

use cloakroom_session::Error;
use cloakroom_session::factory::{FrameworkData, Json, Record};

use super::{Layout, Queue, Role, Spelling, name, quoted, role};
use crate::extras::{CloakroomExtras, EXTRAS_KEY};

/// Writes a session as its object. `hidden` are changed members of the framework's own data.
pub(crate) fn write(
    layout: &dyn Layout,
    record: &Record,
    extras: &CloakroomExtras,
    hidden: &[(&str, String)],
) -> Result<String, Error> {
    Writer::new(layout, record, extras, hidden)?.write()
}

struct Writer<'a> {
    layout: &'a dyn Layout,
    record: &'a Record,
    /// The current flash messages under each key.
    flashes: Vec<(String, Vec<Queue<'a>>)>,
    csrf: Option<String>,
    extras: Option<String>,
    hidden: Vec<(&'a str, &'a str)>,
    spelling: Spelling,
    out: String,
}

impl<'a> Writer<'a> {
    fn new(
        layout: &'a dyn Layout,
        record: &'a Record,
        extras: &CloakroomExtras,
        hidden: &'a [(&'a str, String)],
    ) -> Result<Self, Error> {
        let mut flashes: Vec<(String, Vec<Queue<'a>>)> = Vec::new();
        for queue in record.flashes() {
            let key = layout.flash_key(queue.0);
            match flashes.iter_mut().find(|(there, _)| *there == key) {
                Some((_, queues)) => queues.push(queue),
                None => flashes.push((key, vec![queue])),
            }
        }
        let csrf = layout.csrf_key().and(record.csrf());
        let csrf = csrf.map(|token| quoted(token.expose())).transpose()?;
        let hidden = hidden.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let (spelling, out) = (layout.spelling(), String::from("{"));
        Ok(Self { layout, record, flashes, csrf, extras: extras.write()?, hidden, spelling, out })
    }

    fn write(mut self) -> Result<String, Error> {
        let original = self.record.foreign(self.layout.framework()).map_or(&[][..], FrameworkData::entries);
        self.check_names(original)?;
        // Values keep the handler's order: they fill the positions of values one after the other.
        let taken = self.taken();
        let mut values = self.record.entries().filter(|(key, _)| !taken.contains(*key));
        for (spelled, value) in original {
            let Some(key) = name(spelled) else {
                self.member(spelled.as_str(), value.as_str());
                continue;
            };
            match role(self.layout, &key, value) {
                Role::Value => {
                    if let Some((current, value)) = values.next() {
                        let respelled = if current == key { None } else { Some(quoted(current)?) };
                        let text = self.value(current, &value, original)?;
                        self.member(respelled.as_deref().unwrap_or(spelled.as_str()), &text);
                    }
                }
                Role::Csrf(_) => {
                    let token = self.csrf.take();
                    self.optional(spelled.as_str(), token.as_deref());
                }
                Role::Extras => {
                    let extras = self.extras.take();
                    self.optional(spelled.as_str(), extras.as_deref());
                }
                Role::Hidden => {
                    let place = self.hidden.iter().position(|(name, _)| *name == key);
                    let new = place.map(|place| self.hidden.remove(place).1);
                    self.member(spelled.as_str(), new.unwrap_or(value.as_str()));
                }
                Role::Flashes(read) => {
                    let place = self.flashes.iter().position(|(name, _)| *name == key);
                    if let Some(place) = place {
                        let (_, queues) = self.flashes.remove(place);
                        let text = self.flashes_text(&key, &queues, Some((&read, value)))?;
                        self.member(spelled.as_str(), &text);
                    } else if read.is_empty() {
                        self.member(spelled.as_str(), value.as_str());
                    }
                }
            }
        }
        for (key, value) in values {
            let text = self.value(key, &value, original)?;
            self.member(&quoted(key)?, &text);
        }
        self.rest()
    }

    /// Returns the text of a value. An unchanged value keeps its original text.
    fn value(&self, key: &str, value: &Json, original: &[(Json, Json)]) -> Result<String, Error> {
        let was = original.iter().find(|(spelled, _)| name(spelled).is_some_and(|it| it == key)).map(|(_, was)| was);
        match was {
            Some(was) if self.layout.read_value(was) == *value => Ok(was.as_str().to_owned()),
            was => self.layout.write_value(key, value, was),
        }
    }

    /// Appends members that the original object doesn't have.
    fn rest(mut self) -> Result<String, Error> {
        for (key, value) in std::mem::take(&mut self.hidden) {
            self.member(&quoted(key)?, value);
        }
        for (key, queues) in std::mem::take(&mut self.flashes) {
            let text = self.flashes_text(&key, &queues, None)?;
            self.member(&quoted(&key)?, &text);
        }
        if let (Some(key), Some(token)) = (self.layout.csrf_key(), self.csrf.take()) {
            self.member(&quoted(key)?, &token);
        }
        if let Some(extras) = self.extras.take() {
            self.member(&quoted(EXTRAS_KEY)?, &extras);
        }
        self.out.push('}');
        Ok(self.out)
    }

    /// Returns the keys used for flash messages and the token. A value of that name, which had
    /// another form, is replaced.
    fn taken(&self) -> HashSet<String> {
        let csrf = self.csrf.as_ref().and(self.layout.csrf_key()).map(str::to_owned);
        self.flashes.iter().map(|(key, _)| key.clone()).chain(csrf).collect()
    }

    /// Refuses handlers' values under keys that the framework keeps for itself, unless the key
    /// already held something else.
    fn check_names(&self, original: &[(Json, Json)]) -> Result<(), Error> {
        for (key, value) in self.record.entries() {
            if matches!(role(self.layout, key, &value), Role::Value) && self.layout.csrf_key() != Some(key) {
                continue;
            }
            let untouched = |(spelled, old): &(Json, Json)| {
                name(spelled).is_some_and(|it| it == key) && self.layout.read_value(old) == value
            };
            if !original.iter().any(untouched) {
                return Err(Error::reserved(key, self.layout.framework()));
            }
        }
        Ok(())
    }

    /// Writes unchanged messages in their original text.
    fn flashes_text(
        &self,
        key: &str,
        queues: &[Queue<'_>],
        read: Option<(&[(String, Json)], &Json)>,
    ) -> Result<String, Error> {
        if let Some((read, raw)) = read {
            let now = queues.iter().flat_map(|(queue, bodies)| bodies.iter().map(move |body| (*queue, *body)));
            let mut before = read.iter().map(|(queue, body)| (queue.as_str(), body)).collect::<Vec<_>>();
            // Several queues may share a key. Only the order within each queue counts.
            before.sort_by_key(|(queue, _)| queues.iter().position(|(name, _)| name == queue));
            if now.eq(before) {
                return Ok(raw.as_str().to_owned());
            }
        }
        self.layout.write_flashes(key, queues, read.map(|(_, raw)| raw))
    }

    fn optional(&mut self, spelled: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.member(spelled, value);
        }
    }

    fn member(&mut self, spelled: &str, value: &str) {
        if self.out.len() > 1 {
            self.out.push_str(self.spelling.comma);
        }
        self.spelling.push(&mut self.out, spelled);
        self.out.push_str(self.spelling.colon);
        self.spelling.push(&mut self.out, value);
    }
}
