//! The session as handlers hold it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_core::{
    CookieUpdate, CsrfToken, Duplicates, IntoKey, Json, KeyName, Plan, Record, SessionId, SessionState, SetCookie,
    Timestamp,
};

use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{fresh_token, random};
use crate::guard::RefMut;
use crate::slot::Engine;
use crate::turn::Turns;

/// The session of one request: a cheap handle, which every clone shares.
///
/// Reads decode the one key that is read; writes are kept until the response is ready and committed together, or not at all.
/// Nothing here waits, except [`Session::commit_now`].
///
/// A key is a string, or a [`SessionKey`](cloakroom_core::SessionKey) that fixes the type. A value is anything that serde can write
/// as JSON; numbers that JSON has no word for (NaN, infinities) become `null`, as serde_json has it.
///
/// If a task that holds a clone of it panics, nothing of the request is committed.
///
/// # Examples
/// ```
/// use cloakroom_session::{Error, Session, SessionKey};
///
/// const VISITS: SessionKey<u32> = SessionKey::new("visits");
///
/// fn visit(session: &Session) -> Result<String, Error> {
///     let visits = session.update(VISITS, |visits| { *visits += 1; *visits })?;
///     if visits == 1 {
///         session.flash("Welcome!")?;
///     }
///     Ok(format!("visit {visits}"))
/// }
/// # let session = Session::for_tests();
/// # assert_eq!(visit(&session)?, "visit 1");
/// # assert_eq!(session.pop_flash::<String>("")?, ["Welcome!"]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    engine: Arc<Engine>,
    inner: Mutex<Inner>,
    /// Commits of one session follow each other: each starts from what the one before it left.
    turns: Turns,
    /// A holder panicked: nothing is committed. Not behind the lock, which the closure that panicked may hold.
    abandoned: AtomicBool,
}

struct Inner {
    state: SessionState,
    /// Cookies of what was committed, until the response takes them.
    cookies: Vec<SetCookie>,
    phase: Phase,
    /// What a guard couldn't write when it was dropped: the commit fails with it.
    failed: Option<Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The response's headers are on their way.
    HeadersSent,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a key is a name or a constant: references to them would only be noise"
)]
impl Session {
    pub(crate) fn new(engine: Arc<Engine>, state: SessionState) -> Self {
        let (cookies, phase, failed) = (Vec::new(), Phase::Running, None);
        let inner = Mutex::new(Inner { state, cookies, phase, failed });
        Self(Arc::new(Shared { engine, inner, turns: Turns::default(), abandoned: AtomicBool::new(false) }))
    }

    /// The response went without this session: it was opened too late for a cookie.
    pub(crate) fn opened_late(self) -> Self {
        self.inner().phase = Phase::HeadersSent;
        self
    }

    /// A fresh session that belongs to no request, for the unit tests of functions that take one.
    #[must_use]
    pub fn for_tests() -> Self {
        let engine = Engine::for_tests();
        let state = SessionState::fresh(engine.now(), cloakroom_core::Lifetimes::default());
        Self::new(engine, state)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No invariant spans two fields: what a panicking closure left is whole.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<R>(&self, read: impl FnOnce(&SessionState) -> R) -> R {
        read(&self.inner().state)
    }

    fn write<R>(&self, write: impl FnOnce(&mut SessionState) -> R) -> R {
        let mut inner = self.inner();
        if inner.phase == Phase::HeadersSent {
            tracing::warn!("session changed after its response was sent: only commit_now can still keep that");
        }
        write(&mut inner.state)
    }

    fn now(&self) -> Timestamp {
        self.0.engine.now()
    }

    // ---- values ----

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
        self.read(|state| state.record().get(key).cloned())
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

    /// Sets several values, or none of them if one can't be written as JSON.
    ///
    /// # Errors
    /// The key of the first value that can't be written.
    pub fn extend<K: AsRef<str>, T: Serialize>(&self, entries: impl IntoIterator<Item = (K, T)>) -> Result<(), Error> {
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

    // ---- life and identity ----

    /// When the session was created, in whole seconds since the Unix epoch.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.read(|state| state.record().clockwork().created.unix_secs())
    }

    /// Whether the session began with this request.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.read(SessionState::is_new)
    }

    /// When the session ends if nobody uses it any more; `None` is never.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.read(|state| state.record().clockwork().ends())
    }

    /// The id under which the session was opened; `None` if it is new.
    ///
    /// # Security
    /// With a store the id is what signs a browser in: show and log the prefix of its
    /// [`store_key`](SessionId::store_key) only, as its `Debug` does.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.read(SessionState::id)
    }

    /// A copy of the record as it is now, for inspection.
    #[must_use]
    pub fn record(&self) -> Record {
        self.read(|state| state.record().clone())
    }

    /// Writes the session and sends its cookie even if nothing is different (Pyramid's `changed`).
    ///
    /// Not needed after any method here: they all record their changes themselves.
    pub fn changed(&self) {
        self.write(SessionState::changed);
    }

    /// Ends the session and removes its cookie. What is written afterwards starts a new one, under a new id.
    ///
    /// It wins over everything else that this request did. Call it to sign out.
    ///
    /// # Security
    /// A copy of a cookie session's cookie stays good until its deadline; a session in a store is over (ASVS 7.4.1).
    pub fn invalidate(&self) {
        let now = self.now();
        self.write(|state| state.invalidate(now));
    }

    /// Gives the session a new id and keeps what it holds. Call it at every change of privilege, such as signing in (ASVS 7.2.4).
    ///
    /// The deadlines stay; [`Session::set_absolute_timeout`] starts them anew.
    pub fn cycle_id(&self) {
        self.write(SessionState::cycle_id);
    }

    /// Says whose session it is, and gives it a new id: signing in is a change of privilege.
    ///
    /// A store can then list this owner's sessions, and end them. It is kept in a cookie session too, where nobody can list it.
    pub fn set_owner(&self, owner: &str) {
        self.write(|state| state.set_owner(owner));
    }

    /// Whose session it is, if [`Session::set_owner`] said so.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        self.read(|state| state.record().owner().map(str::to_owned))
    }

    /// What to call this session in a list of its owner's sessions, such as the browser's name.
    pub fn set_label(&self, label: &str) {
        self.write(|state| state.set_label(label));
    }

    /// Keeps this session for so long from now, used or not, and its cookie beyond the end of the browser session.
    ///
    /// This is "remember me". It is kept in the session and holds through later writes.
    pub fn remember(&self, span: Duration) {
        let now = self.now();
        self.write(|state| state.remember(span, now));
    }

    /// Takes [`Session::remember`] back: the layer's timeouts hold again, counted from now, and the cookie ends with the browser session.
    ///
    /// For who signs in without "remember me" where somebody was remembered before.
    pub fn forget(&self) {
        let now = self.now();
        self.write(|state| state.forget(now));
    }

    /// Ends this one session when it wasn't used for so long; `None` is never.
    pub fn set_idle_timeout(&self, timeout: impl Into<Option<Duration>>) {
        let (timeout, now) = (timeout.into(), self.now());
        self.write(|state| state.set_idle_timeout(timeout, now));
    }

    /// Ends this one session so long from now; `None` is never.
    pub fn set_absolute_timeout(&self, timeout: impl Into<Option<Duration>>) {
        let (timeout, now) = (timeout.into(), self.now());
        self.write(|state| state.set_absolute_timeout(timeout, now));
    }

    // ---- flash ----

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

    // ---- CSRF ----

    /// The session's CSRF token. A session is born with it; asking a new one for it keeps that session.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn csrf_token(&self) -> Result<CsrfToken, Error> {
        if let Some(token) = self.known_csrf_token() {
            return Ok(token);
        }
        let fresh = fresh_token()?;
        Ok(self.write(|state| state.csrf_token(|| fresh)))
    }

    /// The CSRF token under a random mask, for a form: other bytes at each rendering (against BREACH).
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn masked_csrf_token(&self) -> Result<String, Error> {
        masked(&self.csrf_token()?)
    }

    /// Replaces the CSRF token and returns the new one. Forms rendered before are refused from now on.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn new_csrf_token(&self) -> Result<CsrfToken, Error> {
        let token = fresh_token()?;
        self.write(|state| state.set_csrf_token(token.clone()));
        Ok(token)
    }

    /// The token if the session has one: a check must not create a session.
    pub(crate) fn known_csrf_token(&self) -> Option<CsrfToken> {
        self.read(|state| state.record().csrf().cloned())
    }

    // ---- commit ----

    /// Commits what was done so far, before the response: for streams, sockets, and work that goes on after a redirect.
    ///
    /// # Errors
    /// As at the end of a request. When the response's headers were sent and a cookie is needed, as it always is for a cookie session:
    /// [`Error::is_headers_sent`].
    pub async fn commit_now(&self) -> Result<(), Error> {
        let _turn = self.0.turns.take().await;
        let snapshot = {
            let mut inner = self.inner();
            if let Some(error) = inner.failed.take() {
                return Err(error);
            }
            let (plan, cookie) = inner.state.plan(self.0.engine.factory.carrier(), self.now());
            if plan == Plan::Nothing {
                return Ok(());
            }
            if inner.phase == Phase::HeadersSent && cookie != CookieUpdate::Keep {
                // A touch is a courtesy that can wait for the next request.
                return if plan == Plan::Touch { Ok(()) } else { Err(Error::headers_sent()) };
            }
            inner.state.clone()
        };
        let checkpoint = snapshot.checkpoint();
        let committed = self.0.engine.factory.commit(snapshot, self.now()).await?;
        let mut inner = self.inner();
        if !committed.cookies.is_empty() {
            inner.cookies = committed.cookies;
        }
        Ok(inner.state.absorb(checkpoint, committed.session)?)
    }

    /// The commit at the end of the request: the cookies that the response must set.
    pub(crate) async fn finish(&self, status: u16) -> Result<Vec<SetCookie>, Error> {
        let _turn = self.0.turns.take().await;
        let state = {
            let mut inner = self.inner();
            inner.phase = Phase::HeadersSent;
            if self.0.abandoned.load(Ordering::SeqCst) {
                tracing::warn!("session changes dropped: the handler panicked");
                return Ok(std::mem::take(&mut inner.cookies));
            }
            if !self.0.engine.policy.commits(status) {
                return Ok(std::mem::take(&mut inner.cookies));
            }
            if let Some(error) = inner.failed.take() {
                return Err(error);
            }
            let (plan, _) = inner.state.plan(self.0.engine.factory.carrier(), self.now());
            if plan == Plan::Nothing {
                return Ok(std::mem::take(&mut inner.cookies));
            }
            inner.state.clone()
        };
        let checkpoint = state.checkpoint();
        let committed = self.0.engine.factory.commit(state, self.now()).await?;
        let mut inner = self.inner();
        inner.state.absorb(checkpoint, committed.session)?;
        let earlier = std::mem::take(&mut inner.cookies);
        // A later commit's cookie supersedes that of an earlier one.
        Ok(if committed.cookies.is_empty() { earlier } else { committed.cookies })
    }

    /// The cookies of what `commit_now` committed, for a response that the last commit failed.
    pub(crate) fn committed_cookies(&self) -> Vec<SetCookie> {
        std::mem::take(&mut self.inner().cookies)
    }
}

/// The token under a mask of random bytes.
pub(crate) fn masked(token: &CsrfToken) -> Result<String, Error> {
    // As long as tokens of ours are; foreign ones may be longer, and get as many random bytes as they need.
    let mut pad = Vec::with_capacity(token.mask_len());
    while pad.len() < token.mask_len() {
        pad.extend_from_slice(&random::<64>()?);
    }
    pad.truncate(token.mask_len());
    Ok(token.mask(&pad))
}

impl Drop for Session {
    fn drop(&mut self) {
        // A handler that panicked commits nothing, also where a layer inside of ours turns its panic into a response.
        if std::thread::panicking() {
            self.0.abandoned.store(true, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.inner.try_lock() {
            Ok(inner) => f.debug_tuple("Session").field(&inner.state.record()).finish(),
            Err(_) => f.write_str("Session(in use)"),
        }
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
