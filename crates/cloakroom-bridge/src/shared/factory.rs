//! The factory for records that another framework keeps in its store. Its methods for a commit are
//! in `commit`.

use std::future::Future;
use std::time::Duration;

use cloakroom_session::factory::{
    After, Candidates, Commit, Committed, CookieHeader, CookiePayload, CookieTemplate, CookieUpdate, FrameworkData,
    Plan, Record, Rejected, SessionFactory, SessionId, SessionState, SetCookie,
};
use cloakroom_session::meter::{self, Event};
use cloakroom_session::{ConfigError, ConflictPolicy, CookieConfig, Error, Lifetimes, Timestamp};
use sha2::{Digest as _, Sha256, Sha512};

use super::format::{RecordFormat, Renewal};
use super::outcome::CommitOutcome;
use super::store::ForeignStore;
use crate::cookie_format::IncomingCookie;

/// A factory that shares the stored records of an application in another framework.
///
/// Both applications need the same store, and the same cookie name, path and domain. Concurrent
/// requests to this side both succeed, as with `StoredSessions`: a record is replaced only if it is
/// unchanged since it was read; otherwise the changes are replayed on the newer record. The other
/// application overwrites: if a request there starts before a commit here and saves after it, the
/// commit is undone. The guide's page on bridges lists when each framework saves.
///
/// # Security
/// The other framework's ids are its keys in the store: anyone who can read the store can use them.
/// A session that ends on either side has ended on both, and this side never revives it.
///
/// # Examples
/// ```
/// # #[cfg(feature = "django")] {
/// use cloakroom_bridge::{DjangoRecord, MemoryRecords, SharedRecords};
/// use cloakroom_session::ConflictPolicy;
///
/// let format = DjangoRecord::new("django-insecure-test-key")?;
/// let sessions = SharedRecords::new(format, MemoryRecords::new()).conflicts(ConflictPolicy::Strict).build()?;
/// # }
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct SharedRecords<F, S> {
    pub(crate) format: F,
    pub(crate) store: S,
    pub(crate) cookie: CookieTemplate,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) conflicts: ConflictPolicy,
    max_age: Option<Duration>,
    call_timeout: Duration,
    pub(crate) commit_timeout: Duration,
}

/// Options of [`SharedRecords`].
#[derive(Debug)]
#[must_use]
pub struct SharedRecordsBuilder<F, S> {
    format: F,
    store: S,
    cookie: CookieConfig,
    lifetimes: Lifetimes,
    conflicts: ConflictPolicy,
    max_age: Option<Duration>,
    call_timeout: Duration,
    commit_timeout: Duration,
}

impl<F: RecordFormat, S: ForeignStore> SharedRecords<F, S> {
    /// Creates a factory for records of this format in this store.
    ///
    /// The defaults are the framework's own cookie name and timeouts.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(format: F, store: S) -> SharedRecordsBuilder<F, S> {
        let (cookie, lifetimes, max_age) = (format.cookie(), format.lifetimes(), format.max_age());
        let conflicts = ConflictPolicy::default();
        let (call_timeout, commit_timeout) = (Duration::from_secs(2), Duration::from_secs(2));
        SharedRecordsBuilder { format, store, cookie, lifetimes, conflicts, max_age, call_timeout, commit_timeout }
    }

    /// Returns the store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Makes a call to the store, with the configured timeout.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(self.call_timeout, call).await;
        answer.unwrap_or_else(|_| {
            Err(Error::unavailable(format!("{operation}: no answer within {:?}", self.call_timeout)))
        })
    }

    /// Returns the framework's id of a session that was created by a commit with this new id.
    pub(crate) fn first_id(&self, new: SessionId) -> String {
        self.format.fresh_id(&Sha512::digest(new.expose()).into())
    }

    /// Loads the record under an id, or the reason why it isn't a session.
    pub(crate) async fn find(&self, id: &str, now: Timestamp) -> Result<Result<Record, Rejected>, Error> {
        let Some(text) = self.call("load", self.store.load(id, now)).await? else { return Ok(Err(Rejected::Unknown)) };
        Ok(self.read(id, &text, now))
    }

    fn read(&self, id: &str, text: &str, now: Timestamp) -> Result<Record, Rejected> {
        let mut record = self.format.open(text, now, &self.lifetimes)?;
        if record.times().is_from_future(now) {
            return Err(Rejected::FromFuture);
        }
        if let Some(deadline) = record.times().expired(now) {
            return Err(Rejected::Expired(deadline));
        }
        self.remember(&mut record, id, text);
        Ok(record)
    }

    /// Stores the framework's id and the original text in a record.
    pub(crate) fn remember(&self, record: &mut Record, id: &str, text: &str) {
        let framework = self.format.framework();
        let foreign = record.foreign(framework).cloned().unwrap_or_else(|| FrameworkData::new(framework));
        record.restore_foreign(foreign.stored(id, text));
    }

    fn cookie_for(&self, commit: &Commit, outcome: &CommitOutcome) -> Result<Vec<SetCookie>, Error> {
        let renews = |record: &Record| match (self.format.renewal(record), commit.plan()) {
            // A browser that drops its cookie after some time needs a new one while the session
            // continues.
            (None, Plan::Replace | Plan::Touch) => self.max_age_of(record, commit.now()).is_some(),
            (Some(Renewal::Uses), Plan::Replace | Plan::Touch) | (Some(Renewal::Writes), Plan::Replace) => true,
            _ => false,
        };
        Ok(match (commit.cookie(), outcome) {
            // If there was nothing to end, the browser may have the cookie of a newer session.
            (CookieUpdate::Remove, CommitOutcome::Ended { was_there: true }) => vec![self.cookie.remove()],
            (CookieUpdate::Set, CommitOutcome::Kept(id, record)) => vec![self.set(id, record, commit.now())?],
            (_, CommitOutcome::Kept(id, record)) if renews(record) => vec![self.set(id, record, commit.now())?],
            _ => Vec::new(),
        })
    }

    /// Applies this factory's settings to an opened session.
    fn opened(&self, session: SessionState) -> SessionState {
        let (scheme, resolution) = (self.format.csrf_scheme(), self.format.resolution());
        session.with_payload(CookiePayload::Id).timed_in(resolution).with_csrf_scheme(scheme)
    }

    fn set(&self, id: &str, record: &Record, now: Timestamp) -> Result<SetCookie, Error> {
        Ok(self.cookie.set(&self.format.seal_id(id, self.cookie.name()), self.max_age_of(record, now))?)
    }

    fn max_age_of(&self, record: &Record, now: Timestamp) -> Option<Duration> {
        self.format.life(record).max_age(record.max_age(now).or(self.max_age), now)
    }
}

/// Derives an id for use in traces: ids of other frameworks have other forms.
pub(crate) fn id_of(id: &str) -> SessionId {
    SessionId::from_random(Sha256::digest(id).into())
}

impl<F: RecordFormat, S: ForeignStore> SessionFactory for SharedRecords<F, S> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let mut candidates = Candidates::new(&cookies, self.cookie.name()).of_framework(self.format.framework());
        while let Some(value) = candidates.next_value() {
            let found = match self.format.open_id(IncomingCookie::new(self.cookie.name(), value)) {
                Ok(id) => self.find(&id, now).await?.map(|record| (id_of(&id), record)),
                Err(why) => Err(why),
            };
            match found {
                Ok((id, record)) => {
                    meter::event(CookiePayload::Id, Event::Opened);
                    return Ok(self.opened(SessionState::loaded(id, record, now, self.lifetimes)));
                }
                Err(why) => candidates.reject(why),
            }
        }
        Ok(self.opened(SessionState::fresh(now, self.lifetimes)).with_rejection(candidates.first_rejected()))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let plan = commit.plan();
        let outcome = self.carry_out(commit).await?;
        if matches!(outcome, CommitOutcome::Dropped) {
            meter::event(CookiePayload::Id, Event::Dropped);
        } else {
            Event::of(plan).iter().for_each(|event| meter::event(CookiePayload::Id, *event));
        }
        let cookies = self.cookie_for(commit, &outcome)?;
        let after = match outcome {
            CommitOutcome::Kept(id, record) => After::Kept(id_of(&id), record.into()),
            CommitOutcome::Ended { .. } => After::Ended,
            CommitOutcome::Dropped => {
                let changes = commit.session().log().len();
                tracing::warn!(?plan, changes, "session changes dropped: it has ended in the meantime");
                After::Dropped
            }
            CommitOutcome::Untouched => After::Untouched,
        };
        Ok(Committed::new(commit.settle(after), cookies))
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        let now = self.format.resolution().floor(now);
        let Some(id) = session.id() else { return Ok(session.clone()) };
        let raw = match self.raw_id(session.base().foreign(self.format.framework())) {
            Some(raw) => raw.to_owned(),
            // A factory that hands sessions on knows only the id with which the session began here.
            None => self.first_id(id),
        };
        let found = match self.find(&raw, now).await? {
            Ok(record) => SessionState::loaded(id_of(&raw), record, now, self.lifetimes),
            // Other frameworks leave no tombstones, so a sign-out has nothing left to end.
            Err(Rejected::Unknown | Rejected::Expired(_)) => SessionState::detached(None, now, self.lifetimes),
            Err(why) => return Err(Error::corrupt(why.to_string())),
        };
        Ok(self.opened(found))
    }
}

impl<F: RecordFormat, S: ForeignStore> SharedRecordsBuilder<F, S> {
    /// Sets the cookie's name and attributes.
    ///
    /// Name, path and domain must equal the other application's.
    pub fn cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie = cookie;
        self
    }

    /// Sets the timeouts. The other application should use the same.
    pub const fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// Sets how long browsers keep the cookie.
    ///
    /// Use the other application's setting; `None` means until they are closed.
    pub fn max_age(mut self, max_age: impl Into<Option<Duration>>) -> Self {
        self.max_age = max_age.into();
        self
    }

    /// Sets the policy for concurrent requests to this side that set the same key.
    pub const fn conflicts(mut self, policy: ConflictPolicy) -> Self {
        self.conflicts = policy;
        self
    }

    /// Sets the timeout of one store call. The default is 2 seconds.
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Sets the time after which a commit that keeps meeting conflicts gives up.
    ///
    /// The default is 2 seconds.
    pub const fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.commit_timeout = timeout;
        self
    }

    /// Checks the options and builds the factory.
    ///
    /// # Errors
    /// Fails if options contradict each other; the error names one of them.
    pub fn build(self) -> Result<SharedRecords<F, S>, ConfigError> {
        self.lifetimes.validate()?;
        for (option, span) in [("call_timeout", self.call_timeout), ("commit_timeout", self.commit_timeout)] {
            if span.is_zero() {
                return Err(ConfigError::new(option, "is zero: nothing could ever be stored"));
            }
        }
        Ok(SharedRecords {
            format: self.format,
            store: self.store,
            cookie: self.cookie.build()?,
            lifetimes: self.lifetimes,
            conflicts: self.conflicts,
            max_age: self.max_age,
            call_timeout: self.call_timeout,
            commit_timeout: self.commit_timeout,
        })
    }
}
