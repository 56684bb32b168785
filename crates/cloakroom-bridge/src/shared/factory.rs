//! The factory for records that another framework keeps in its store. Its methods for a commit are
//! in `commit`.

use std::future::Future;
use std::time::Duration;

use cloakroom_session::factory::{
    After, Candidates, Commit, Committed, CookieHeader, CookiePayload, CookieTemplate, CookieUpdate, FactoryOptions,
    FrameworkData, Plan, Presented, Record, Rejected, SessionFactory, SessionId, SessionState, SetCookie, TimeLimit,
    random,
};
use cloakroom_session::meter::{self, Event};
use cloakroom_session::{ConfigError, ConflictPolicy, Error, Lifetimes, Timestamp, factory_options};
use sha2::{Digest as _, Sha256, Sha512};

use super::format::RecordFormat;
use super::outcome::CommitOutcome;
use super::store::{DatedRecord, ForeignStore};
use super::zone;
use crate::cookie_format::{IncomingCookie, Renewal, SealContext};

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
    options: FactoryOptions,
}

impl<F: RecordFormat, S: ForeignStore> SharedRecords<F, S> {
    /// Creates a factory for records of this format in this store.
    ///
    /// The defaults are the framework's own cookie name and timeouts.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(format: F, store: S) -> SharedRecordsBuilder<F, S> {
        let mut options = FactoryOptions::new(format.cookie(), format.lifetimes());
        options.max_age = format.max_age();
        SharedRecordsBuilder { format, store, options }
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
        self.call_within(self.call_timeout, operation, call).await
    }

    /// Makes a call for a commit, with the configured timeout or the rest of the commit's time, if
    /// shorter.
    pub(crate) async fn call_by<T>(
        &self,
        limit: TimeLimit,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call_within(self.call_timeout.min(limit.left()), operation, call).await
    }

    async fn call_within<T>(
        &self,
        patience: Duration,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(patience, call).await;
        answer.unwrap_or_else(|_| Err(Error::unavailable(format!("{operation}: no answer within {patience:?}"))))
    }

    /// Returns the framework's id of a session that was created by a commit with this new id.
    pub(crate) fn first_id(&self, new: SessionId) -> String {
        self.format.fresh_id(&Sha512::digest(new.expose()).into())
    }

    /// Loads the record under an id, or the reason why it isn't a session.
    pub(crate) async fn find(&self, id: &str, now: Timestamp) -> Result<Result<Record, Rejected>, Error> {
        Ok(self.read(id, self.call("load", self.store.load_dated(id, now)).await?, now))
    }

    /// Decodes the record that was loaded under an id.
    pub(crate) fn read(&self, id: &str, stored: Option<DatedRecord>, now: Timestamp) -> Result<Record, Rejected> {
        let DatedRecord { record: stored, end } = stored.ok_or(Rejected::Unknown)?;
        let mut record = self.format.open(&stored, now, &self.lifetimes)?;
        if let (Some(end), Some(right)) = (end, self.format.stored_end(&record)) {
            // A write of this side has the end of this side's timeouts, which may differ.
            let is_ours = record.times().ends().is_some_and(|ours| zone::is_same(end, ours));
            if !is_ours && zone::is_other(end, right) {
                return Err(Rejected::OtherTimeZone);
            }
        }
        if end.is_some_and(|end| end <= now) {
            return Err(Rejected::Unknown);
        }
        if let Some(why) = Rejected::by_times(record.times(), now) {
            return Err(why);
        }
        self.remember(&mut record, id, &stored);
        Ok(record)
    }

    /// Stores the framework's id and the original bytes in a record.
    pub(crate) fn remember(&self, record: &mut Record, id: &str, stored: &[u8]) {
        let framework = self.format.framework();
        let foreign = record.foreign(framework).cloned().unwrap_or_else(|| FrameworkData::new(framework));
        record.restore_foreign(foreign.stored(id, stored));
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
            (CookieUpdate::Remove, CommitOutcome::Ended { was_there: true }) => self.cookie.remove_all(),
            (CookieUpdate::Set, CommitOutcome::Kept(id, record)) => self.set(id, record, commit.now())?,
            (_, CommitOutcome::Kept(id, record)) if renews(record) => self.set(id, record, commit.now())?,
            _ => Vec::new(),
        })
    }

    /// Applies this factory's settings to an opened session.
    fn opened(&self, session: SessionState) -> SessionState {
        let (scheme, resolution) = (self.format.csrf_scheme(), self.format.resolution());
        session.with_payload(CookiePayload::Id).timed_in(resolution).with_csrf_scheme(scheme)
    }

    fn set(&self, id: &str, record: &Record, now: Timestamp) -> Result<Vec<SetCookie>, Error> {
        let random = random()?;
        let sealing = SealContext::new(self.cookie.name(), now, &self.lifetimes, &random).with_cookie(&self.cookie);
        Ok(self.cookie.set_all(&self.format.seal_id(id, sealing), self.max_age_of(record, now))?)
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
        let mut candidates = Candidates::new(&cookies, self.cookie.name())
            .of_framework(self.format.framework())
            .in_order(self.format.order());
        while let Some(value) = candidates.next_value() {
            let found = match self.format.open_id(IncomingCookie::new(self.cookie.name(), value)) {
                Ok(id) => self.find(&id, now).await?.map(|record| (id_of(&id), record)),
                Err(why) => Err(why),
            };
            if let Some((id, record)) = candidates.accept(found) {
                meter::event(CookiePayload::Id, Event::Opened);
                let is_signed = |other| self.format.open_id(IncomingCookie::new(self.cookie.name(), other)).is_ok();
                candidates.report_others(value, is_signed);
                return Ok(self.opened(SessionState::loaded(id, record, now, self.lifetimes)));
            }
        }
        Ok(self.opened(SessionState::fresh(now, self.lifetimes)).with_rejection(candidates.first_rejected()))
    }

    fn cookie_names(&self) -> Vec<String> {
        vec![self.cookie.name().to_owned()]
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
            CommitOutcome::Dropped => return Ok(Committed::dropped(commit)),
            CommitOutcome::Untouched => After::Untouched,
        };
        Ok(Committed::new(commit.settle(after), cookies))
    }

    fn presented(&self, cookies: &CookieHeader<'_>, _: Timestamp) -> Presented {
        let name = self.cookie.name();
        let mut values = cookies.candidates_in(name, self.format.order()).flatten();
        let id = values.find_map(|value| self.format.open_id(IncomingCookie::new(name, value)).ok());
        id.map(|id| id_of(&id).store_key()).into()
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
    factory_options! {
        ///
        /// Name, path and domain must equal the other application's.
        cookie
        ///
        /// The other application should use the same.
        lifetimes
        ///
        /// Use the other application's setting.
        max_age
        ///
        /// It applies to concurrent requests to this side.
        conflicts
        call_timeout
        commit_timeout
    }

    /// Checks the options and builds the factory.
    ///
    /// # Errors
    /// Fails if options contradict each other; the error names one of them.
    pub fn build(self) -> Result<SharedRecords<F, S>, ConfigError> {
        let (cookie, options) = (self.options.check()?, self.options);
        Ok(SharedRecords {
            format: self.format,
            store: self.store,
            cookie,
            lifetimes: options.lifetimes,
            conflicts: options.conflicts,
            max_age: options.max_age,
            call_timeout: options.call_timeout,
            commit_timeout: options.commit_timeout,
        })
    }
}
