//! Lifetime and identity: creation, timeouts, sign-in and sign-out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_core::{Alias, Record, SessionId, SessionState, Timestamp};

use super::Session;
use crate::clock::fresh_token;
use crate::error::Error;

impl Session {
    /// Returns the time of creation, in whole seconds since the Unix epoch.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    /// assert!(session.created() <= now);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn created(&self) -> u64 {
        self.read(|state| state.record().times().created.unix_secs())
    }

    /// Returns `true` if the session began in this request.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert!(session.is_new());
    /// session.insert("theme", "dark")?;
    /// assert!(session.is_new());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.read(SessionState::is_new)
    }

    /// Returns `true` if the request's id is superseded.
    ///
    /// The session has then ended or moved to a new id. A detached session is empty and drops all
    /// writes. Two operations still work: signing in begins a new session, and
    /// [`Session::invalidate`] ends the session under its new id.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert!(!session.is_detached());
    /// session.cycle_id();     // this request keeps the session; requests with the old id don't
    /// assert!(!session.is_detached());
    /// ```
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.read(SessionState::is_detached)
    }

    /// Returns the time at which the session expires if it isn't used again.
    ///
    /// `None` is never.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// let before = session.expires_at().ok_or("a timeout is the default")?;
    /// session.set_idle_timeout(Duration::from_secs(60));
    /// assert!(session.expires_at().is_some_and(|after| after < before));
    /// session.set_idle_timeout(None);
    /// session.set_absolute_timeout(None);
    /// assert_eq!(session.expires_at(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.read(|state| state.record().times().ends())
    }

    /// Returns the id under which the session was opened, or `None` if the session is new.
    ///
    /// # Security
    /// With a store, the id authenticates the browser. Show and log only the prefix of its
    /// [`store_key`](SessionId::store_key), as its `Debug` does.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert!(session.is_new());
    /// assert!(session.id().is_none());
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.read(SessionState::id)
    }

    /// Returns a copy of the record in its current state, for inspection.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("theme", "dark")?;
    /// let record = session.record();
    /// assert!(record.get("theme").is_some());
    /// assert_eq!(record.owner(), None);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn record(&self) -> Record {
        self.read(|state| state.record().clone())
    }

    /// Writes the session and sends its cookie even if no value changed.
    ///
    /// This is Pyramid's `changed`. All other methods record their changes themselves and don't
    /// need this call.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("theme", "dark")?;
    /// session.changed();
    /// assert_eq!(session.len(), 1);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn changed(&self) {
        self.write(SessionState::changed);
    }

    /// Ends the session and removes its cookie. Call it to sign a user out.
    ///
    /// Later writes in the same request start a new session under a new id. The end takes
    /// precedence over every other change of this request. If another request has moved the session
    /// to a new id in the meantime, the session ends under that id. A guard of [`Session::get_mut`]
    /// that was taken before has no effect afterwards.
    ///
    /// # Security
    /// A session in a store ends on the server (ASVS 7.4.1). With cookie sessions, a copy of the
    /// cookie stays valid until its deadline.
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

    /// Gives the session a new id and a new CSRF token, and keeps its values.
    ///
    /// Call it at every change of privilege, such as signing in (ASVS 7.2.4). The deadlines stay;
    /// [`Session::set_absolute_timeout`] restarts them.
    ///
    /// # Security
    /// An attacker who knew the old id or token, through session fixation or a shared machine,
    /// doesn't know the new ones. A form that is open in another tab is refused once.
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

    /// Sets the owner of the session, and gives it a new id and a new CSRF token.
    ///
    /// Call it to sign a user in. If the session belonged to another owner, that session is ended
    /// first and nothing of it is kept. A store can list and end the sessions of an owner. A cookie
    /// session keeps its owner too, but can't be listed.
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

    /// Returns the owner that was set with [`Session::set_owner`].
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert_eq!(session.owner(), None);
    /// session.set_owner("anna");
    /// assert_eq!(session.owner().as_deref(), Some("anna"));
    /// ```
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        self.read(|state| state.record().owner().map(str::to_owned))
    }

    /// Sets the name of this session in a list of its owner's sessions.
    ///
    /// A typical name is that of the browser.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.set_owner("anna");
    /// session.set_label("Firefox on Linux");
    /// assert_eq!(session.record().label(), Some("Firefox on Linux"));
    /// ```
    pub fn set_label(&self, label: &str) {
        self.write(|state| state.set_label(label));
    }

    /// Gives this session a second name, by which `Sessions::end_alias` of a store ends it.
    ///
    /// For a caller that knows neither the session's id nor its owner. An OpenID Connect provider
    /// signs a user out by its own name of the session (`sid`): the namespace is the issuer, and
    /// the alias the `sid`. A session has one alias, and a later one replaces it. Several sessions
    /// of one owner may have the same. The alias stays when the id cycles, and goes with the
    /// session or when another owner signs in.
    ///
    /// The session needs an owner first. At the commit, a new alias costs one more write and one
    /// more read of the store. If the alias was ended within the last five minutes, this session
    /// ends, too: the request is like one whose session has ended in the meantime.
    ///
    /// # Errors
    /// If the session has no owner, if the alias is empty, or if the factory keeps no aliases
    /// ([`Error::is_unsupported`]): cookie sessions and sessions of other frameworks can't be ended
    /// by a name. The commit fails if a session of another owner has this alias
    /// ([`Error::is_alias_taken`]), or if the store has no owner index.
    ///
    /// # Security
    /// The alias must come from a trusted source, such as a verified ID token: its source can end
    /// the session. The store sees only a hash of it.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.sign_in("https://login.example#subject");
    /// session.set_alias("https://login.example", "sid-123")?;
    /// # assert!(session.record().alias().is_some());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn set_alias(&self, namespace: impl AsRef<str>, alias: impl AsRef<str>) -> Result<(), Error> {
        if !self.0.engine.factory.keeps_aliases() {
            return Err(Error::unsupported("an alias needs StoredSessions, whose sessions others can end"));
        }
        if alias.as_ref().is_empty() {
            return Err(Error::no_alias("the alias of a session is empty"));
        }
        let alias = Alias::new(namespace.as_ref(), alias.as_ref());
        let set = |state: &mut SessionState| {
            let is_owned = state.record().owner().is_some();
            if is_owned {
                state.set_alias(alias);
            }
            is_owned
        };
        if self.write(set) { Ok(()) } else { Err(Error::no_alias("a session without an owner can't have an alias")) }
    }

    /// Tells the browser to delete all cookies and stored data of the site, with the response
    /// (`Clear-Site-Data: "cookies", "storage"`).
    ///
    /// Call it at a sign-out on a shared computer, next to [`Session::invalidate`]. It also ends
    /// the browser's binding of the session to the device. The header is sent only if the changes
    /// are committed, and browsers follow it over HTTPS only.
    ///
    /// # Security
    /// Browsers delete the cookies of the whole site, with those of its subdomains.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.invalidate();
    /// session.clear_site_data();
    /// ```
    pub fn clear_site_data(&self) {
        self.0.clears_site.store(true, Ordering::Relaxed);
    }

    /// Keeps this session for `span` from now, whether or not it is used ("remember me").
    ///
    /// The cookie then outlives the browser session. The setting is stored in the session and
    /// survives later writes.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// let before = session.expires_at();
    /// session.remember(Duration::from_secs(30 * 24 * 60 * 60));
    /// assert!(session.expires_at() > before);
    /// ```
    pub fn remember(&self, span: Duration) {
        let now = self.now();
        self.write(|state| state.remember(span, now));
    }

    /// Reverts [`Session::remember`]: the layer's timeouts apply again, counted from now.
    ///
    /// The cookie then ends with the browser session. Use this when a user signs in without
    /// "remember me" in a session that was remembered before.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.remember(Duration::from_secs(30 * 24 * 60 * 60));
    /// let remembered = session.expires_at();
    /// session.forget();
    /// assert!(session.expires_at() < remembered);
    /// ```
    pub fn forget(&self) {
        let now = self.now();
        self.write(|state| state.forget(now));
    }

    /// Sets the idle timeout of this session; `None` is never. It overrides the layer's.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// let before = session.expires_at();
    /// session.set_idle_timeout(Duration::from_secs(60));
    /// assert!(session.expires_at() < before);
    /// ```
    pub fn set_idle_timeout(&self, timeout: impl Into<Option<Duration>>) {
        let (timeout, now) = (timeout.into(), self.now());
        self.write(|state| state.set_idle_timeout(timeout, now));
    }

    /// Sets the absolute timeout of this session, counted from now; `None` is never.
    ///
    /// It overrides the layer's.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// let before = session.expires_at();
    /// session.set_absolute_timeout(Duration::from_secs(60));
    /// assert!(session.expires_at() < before);
    /// ```
    pub fn set_absolute_timeout(&self, timeout: impl Into<Option<Duration>>) {
        let (timeout, now) = (timeout.into(), self.now());
        self.write(|state| state.set_absolute_timeout(timeout, now));
    }
}
