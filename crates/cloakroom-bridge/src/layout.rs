//! Which member of a framework's session object is what: values, flash messages, the CSRF token, and what is the framework's own.
//!
//! A session is read from an object, and the object is kept in the record as it was ([`Foreign`]). Writing goes over it once more: what
//! wasn't touched is written as it stood, byte for byte, in its place.
//!
//! A member called `_cloakroom` holds what we keep of a session and the framework has no place for; it leaves that one alone, as it does every key
//! that it doesn't know.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use cloakroom_session::{
    Clockwork, CsrfScheme, CsrfToken, Error, Foreign, Json, Lifetimes, Record, Rejected, Text, Timestamp,
};

use crate::ours::{OURS, Ours};

/// More keys than this no session has, and each of them costs a look at all others.
const MOST_MEMBERS: usize = 4096;

/// How a framework spells JSON. Python's `json.dumps` puts a space behind comma and colon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    pub(crate) comma: &'static str,
    pub(crate) colon: &'static str,
    /// It reads bytes as Latin-1, so that everything else must be escaped.
    pub(crate) ascii: bool,
}

impl Spelling {
    pub(crate) fn push(self, out: &mut String, json: &str) {
        if !self.ascii || json.is_ascii() {
            return out.push_str(json);
        }
        // Outside of strings JSON is ASCII, so what isn't is in a string, where it can be escaped.
        let mut units = [0; 2];
        for character in json.chars() {
            if character.is_ascii() {
                out.push(character);
            } else {
                out.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }

    /// An array of these.
    pub(crate) fn array<'a>(self, items: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::from("[");
        for (index, item) in items.into_iter().enumerate() {
            out.push_str(if index == 0 { "" } else { self.comma });
            out.push_str(item);
        }
        out.push(']');
        out
    }
}

/// A string as JSON.
pub(crate) fn quoted(text: &str) -> Result<String, Error> {
    Ok(Json::encode(text, text)?.as_str().to_owned())
}

/// The messages of one queue, oldest first.
pub(crate) type Queue<'a> = (&'a str, Vec<&'a Json>);

/// Where a framework keeps what in its session object.
pub(crate) trait Layout: fmt::Debug + Sync {
    fn framework(&self) -> &'static str;

    fn spelling(&self) -> Spelling;

    /// The key of the CSRF token, where it is a string of the framework's session; else it is kept with what is ours.
    fn csrf_key(&self) -> Option<&'static str>;

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme>;

    /// Whether the framework keeps something of its own under this key, which handlers shouldn't see.
    fn is_hidden(&self, _key: &str) -> bool {
        false
    }

    /// The key under which messages of this queue wait.
    fn flash_key(&self, queue: &str) -> String;

    /// The messages under a key, with their queues; `None` if none belong there, or if they are of another shape: it is a value then.
    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>>;

    /// The value for a key under which these queues wait, none of them empty. `was` is what stood there.
    fn write_flashes(&self, key: &str, queues: &[Queue<'_>], was: Option<&Json>) -> Result<String, Error>;
}

/// What a member is.
enum Role {
    Value,
    Csrf(CsrfToken),
    Flashes(Vec<(String, Json)>),
    Ours,
    Hidden,
}

fn role(layout: &dyn Layout, key: &str, value: &Json) -> Role {
    if key == OURS {
        return Role::Ours;
    }
    if layout.is_hidden(key) {
        return Role::Hidden;
    }
    if layout.csrf_key() == Some(key) {
        let token = value.decode::<String>(key).ok().and_then(CsrfToken::from_text);
        return token.map_or(Role::Value, Role::Csrf);
    }
    layout.read_flashes(key, value).map_or(Role::Value, Role::Flashes)
}

/// What a framework knows about a session's age.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// When it was created, where the framework keeps that.
    pub(crate) created: Option<Timestamp>,
    /// The same as it is spelled, if it isn't a member of the object: it may be finer than our milliseconds.
    pub(crate) spelled: Option<Text>,
    /// When it was used or written last.
    pub(crate) touched: Timestamp,
    /// When it ends in any case, where the framework says so.
    pub(crate) expires: Option<Timestamp>,
    /// The idle timeout of this one session, where the framework has one.
    pub(crate) idle: Option<Duration>,
}

impl Times {
    /// No more is known than when it was written last.
    #[cfg(any(feature = "flask", feature = "django", feature = "express", feature = "rails", feature = "plug"))]
    pub(crate) const fn touched(touched: Timestamp) -> Self {
        Self { created: None, spelled: None, touched, expires: None, idle: None }
    }

    fn clockwork(&self, ours: &Ours, lifetimes: &Lifetimes) -> Clockwork {
        let created = self.created.or(ours.created).unwrap_or(self.touched);
        let idle = Clockwork::start(self.touched, lifetimes).idle_deadline;
        let absolute = Clockwork::start(created, lifetimes).absolute_deadline;
        let absolute = ours.ends.unwrap_or(absolute);
        let own_idle = ours.idle.or(self.idle.map(Some));
        Clockwork {
            created,
            touched: self.touched,
            idle_deadline: own_idle.map_or(idle, |idle| idle.map(|idle| self.touched + idle)),
            absolute_deadline: absolute.into_iter().chain(self.expires).min(),
            own_idle,
            remembered: ours.remembered,
        }
    }
}

/// Reads a session from its object.
pub(crate) fn read(
    layout: &dyn Layout,
    object: &Json,
    times: Times,
    lifetimes: &Lifetimes,
) -> Result<Record, Rejected> {
    let members = distinct(object.members().ok_or(Rejected::Corrupt)?)?;
    let ours = members.iter().find(|(spelled, _)| name(spelled).is_some_and(|key| key == OURS));
    let ours = ours.map(|(_, value)| Ours::read(value)).unwrap_or_default();
    let mut record = Record::from_clockwork(times.clockwork(&ours, lifetimes));
    for (spelled, value) in &members {
        // A key with half of a surrogate pair can't be named here. It stays with what is the framework's own.
        let Some(key) = name(spelled) else { continue };
        match role(layout, &key, value) {
            Role::Value => record.restore(key, value.clone()),
            Role::Csrf(token) => record.restore_csrf(spelled_as(token, layout)),
            Role::Flashes(waiting) => {
                waiting.into_iter().for_each(|(queue, body)| record.restore_flash(queue, body));
            }
            Role::Ours | Role::Hidden => {}
        }
    }
    ours.restore(&mut record, |token| spelled_as(token, layout));
    record.restore_foreign(Foreign::new(layout.framework()).noting(times.spelled).members(members));
    Ok(record)
}

fn spelled_as(token: CsrfToken, layout: &dyn Layout) -> CsrfToken {
    match layout.csrf_scheme() {
        Some(scheme) => token.with_scheme(scheme),
        None => token,
    }
}

fn name(spelled: &Json) -> Option<String> {
    spelled.decode("key").ok()
}

/// Of members of one name the last counts, and stands where the first stood, as in a Python dictionary.
fn distinct(members: Vec<(Json, Json)>) -> Result<Vec<(Json, Json)>, Rejected> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<(Json, Json)> = Vec::with_capacity(members.len().min(MOST_MEMBERS));
    for (spelled, value) in members {
        let key = name(&spelled).unwrap_or_else(|| spelled.as_str().to_owned());
        let count = kept.len();
        match places.get(&key).and_then(|place| kept.get_mut(*place)) {
            Some(member) => member.1 = value,
            None if count == MOST_MEMBERS => return Err(Rejected::Bomb),
            None => {
                places.insert(key, count);
                kept.push((spelled, value));
            }
        }
    }
    Ok(kept)
}

/// Writes a session as its object. `hidden` are members of the framework's own that have changed.
pub(crate) fn write(
    layout: &dyn Layout,
    record: &Record,
    ours: &Ours,
    hidden: &[(&str, String)],
) -> Result<String, Error> {
    Writer::new(layout, record, ours, hidden)?.write()
}

struct Writer<'a> {
    layout: &'a dyn Layout,
    record: &'a Record,
    /// What is under each key of flash messages now.
    flashes: Vec<(String, Vec<Queue<'a>>)>,
    csrf: Option<String>,
    ours: Option<String>,
    hidden: Vec<(&'a str, &'a str)>,
    spelling: Spelling,
    out: String,
}

impl<'a> Writer<'a> {
    fn new(
        layout: &'a dyn Layout,
        record: &'a Record,
        ours: &Ours,
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
        Ok(Self { layout, record, flashes, csrf, ours: ours.write()?, hidden, spelling, out })
    }

    fn write(mut self) -> Result<String, Error> {
        let original = self.record.foreign(self.layout.framework()).map_or(&[][..], Foreign::entries);
        self.check_names(original)?;
        // Values keep the order that the handler saw: one after the other they fill the places of values.
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
                        self.member(respelled.as_deref().unwrap_or(spelled.as_str()), value.as_str());
                    }
                }
                Role::Csrf(_) => {
                    let token = self.csrf.take();
                    self.optional(spelled.as_str(), token.as_deref());
                }
                Role::Ours => {
                    let ours = self.ours.take();
                    self.optional(spelled.as_str(), ours.as_deref());
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
            self.member(&quoted(key)?, value.as_str());
        }
        self.rest()
    }

    /// What the original object had no place for.
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
        if let Some(ours) = self.ours.take() {
            self.member(&quoted(OURS)?, &ours);
        }
        self.out.push('}');
        Ok(self.out)
    }

    /// Keys that are written for flash messages and the token: a value of that name, which had another shape, gives way.
    fn taken(&self) -> HashSet<String> {
        let csrf = self.csrf.as_ref().and(self.layout.csrf_key()).map(str::to_owned);
        self.flashes.iter().map(|(key, _)| key.clone()).chain(csrf).collect()
    }

    /// A key that the framework keeps for itself can't be a handler's, unless it was found with something else in it.
    fn check_names(&self, original: &[(Json, Json)]) -> Result<(), Error> {
        for (key, value) in self.record.entries() {
            if matches!(role(self.layout, key, value), Role::Value) && self.layout.csrf_key() != Some(key) {
                continue;
            }
            let untouched = |(spelled, old): &(Json, Json)| old == value && name(spelled).is_some_and(|it| it == key);
            if !original.iter().any(untouched) {
                return Err(Error::reserved(key, self.layout.framework()));
            }
        }
        Ok(())
    }

    /// What was read and is still the same is written as it stood.
    fn flashes_text(
        &self,
        key: &str,
        queues: &[Queue<'_>],
        read: Option<(&[(String, Json)], &Json)>,
    ) -> Result<String, Error> {
        if let Some((read, raw)) = read {
            let now = queues.iter().flat_map(|(queue, bodies)| bodies.iter().map(move |body| (*queue, *body)));
            let mut before = read.iter().map(|(queue, body)| (queue.as_str(), body)).collect::<Vec<_>>();
            // Several queues may share a key. What counts is each queue's own order.
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
