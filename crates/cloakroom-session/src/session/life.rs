//! Life and identity: when a session began and when it ends, and whose it is.

use std::time::Duration;

use cloakroom_core::{Record, SessionId, SessionState, Timestamp};

use super::Session;
use crate::clock::fresh_token;

impl Session {
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

    /// Whether the request's id leads nowhere any more, because the session has ended or moved to a
    /// new id.
    ///
    /// Such a session is empty, and writes to it are dropped. Signing in begins a new one, and
    /// [`Session::invalidate`] ends the session where it has moved to.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.read(SessionState::is_detached)
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

    /// Ends the session and removes its cookie. What is written afterwards starts a new one, under
    /// a new id.
    ///
    /// It wins over everything else that this request did. Call it to sign out. If another request
    /// has moved the session to a new id in the meantime, the session ends there. A guard of
    /// [`Session::get_mut`] that was taken before has no effect afterwards.
    ///
    /// # Security
    /// A copy of a cookie session's cookie stays good until its deadline; a session in a store has
    /// ended (ASVS 7.4.1).
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("cart", "hat")?;
    /// session.invalidate();
    /// assert!(session.is_empty());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn invalidate(&self) {
        let now = self.now();
        self.write_anew(|state| state.invalidate(now));
    }

    /// Gives the session a new id and a new CSRF token, and keeps its values. Call it at every
    /// change of privilege, such as signing in (ASVS 7.2.4).
    ///
    /// The deadlines stay; [`Session::set_absolute_timeout`] starts them anew.
    ///
    /// # Security
    /// Whoever knew the id or the token before, because they planted the session or shared the
    /// machine, knows neither afterwards. A form that is open in another tab is refused once.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let before = session.csrf_token()?;
    /// session.cycle_id();
    /// assert_ne!(session.csrf_token()?, before);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn cycle_id(&self) {
        match fresh_token() {
            Ok(token) => self.write(|state| state.cycle_id(token)),
            Err(error) => self.fail(error),
        }
    }

    /// Says whose session it is, and gives it a new id and a new CSRF token: signing in is a change
    /// of privilege.
    ///
    /// If the session belonged to another owner, that session is ended first and nothing of it is
    /// kept. A store can list an owner's sessions, and end them. A cookie session keeps its owner
    /// as well, but nothing can list it.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.set_owner("anna");
    /// session.insert("is_admin", true)?;
    /// session.set_owner("bob");
    /// assert_eq!(session.owner().as_deref(), Some("bob"));
    /// assert!(!session.contains_key("is_admin"));
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn set_owner(&self, owner: impl AsRef<str>) {
        let (owner, now) = (owner.as_ref(), self.now());
        match fresh_token() {
            Ok(token) => self.write_anew(|state| state.set_owner(owner, token, now)),
            Err(error) => self.fail(error),
        }
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

    /// Keeps this session for so long from now, used or not, and its cookie beyond the end of the
    /// browser session.
    ///
    /// This is "remember me". It is kept in the session and holds through later writes.
    pub fn remember(&self, span: Duration) {
        let now = self.now();
        self.write(|state| state.remember(span, now));
    }

    /// Takes [`Session::remember`] back: the layer's timeouts hold again, counted from now, and the
    /// cookie ends with the browser session.
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
}
