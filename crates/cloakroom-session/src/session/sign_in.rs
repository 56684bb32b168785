//! Signing in, and asking for a recent sign-in.

use std::time::Duration;

use cloakroom_core::{Json, SessionKey, Timestamp};

use super::Session;
use crate::error::Error;

/// The tolerance for clocks that differ between nodes.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

impl Session {
    /// The key of the time at which the user last authenticated, in whole seconds since the Unix
    /// epoch.
    ///
    /// [`Session::sign_in`] and [`Session::reauthenticated`] set it.
    pub const AUTHENTICATED_AT: SessionKey<u64> = SessionKey::new("authenticated_at");

    /// Signs a user in.
    ///
    /// Call it when the user has proved who they are. It does these steps:
    ///
    /// 1. If the session belongs to another owner, it ends, and nothing of it is kept.
    /// 2. The session gets a new id and a new CSRF token ([`Session::set_owner`]). Ids and tokens
    ///    that an attacker planted or saw before are useless.
    /// 3. The factory's timeouts apply from now, also if the session was remembered before
    ///    ([`Session::forget`]). To remember this one, call [`Session::remember`] afterwards.
    /// 4. The time is stored under [`Session::AUTHENTICATED_AT`], for [`Session::require_recent`].
    ///
    /// The owner is a name that never changes, such as the primary key of the account. A session
    /// without an owner keeps its values, for example a cart.
    ///
    /// # Security
    /// ASVS 7.2.4 asks for a new id at each authentication. With cookie sessions, a copy of the old
    /// cookie opens until its deadline.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.insert("cart", "hat")?;
    /// session.sign_in("42");
    /// session.remember(Duration::from_secs(14 * 24 * 60 * 60));   // if the user asked for it
    /// assert_eq!(session.owner().as_deref(), Some("42"));
    /// assert_eq!(session.get::<String>("cart")?.as_deref(), Some("hat"));
    /// assert!(session.authenticated_at().is_some());
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn sign_in(&self, owner: impl AsRef<str>) {
        self.set_owner(owner);
        self.forget();
        self.set_authenticated();
    }

    /// Records that the user of this session has authenticated again, and gives it a new id and a
    /// new CSRF token.
    ///
    /// Call it after a password or a second factor was checked in a session that is signed in. The
    /// values, the owner and the deadlines stay.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// session.set_owner("42");
    /// assert!(session.require_recent(Duration::from_secs(300)).is_err());
    /// session.reauthenticated();
    /// assert!(session.require_recent(Duration::from_secs(300)).is_ok());
    /// ```
    pub fn reauthenticated(&self) {
        self.cycle_id();
        self.set_authenticated();
    }

    fn set_authenticated(&self) {
        let name = Self::AUTHENTICATED_AT.name();
        match Json::encode(name, &self.now().unix_secs()) {
            Ok(json) => self.write(|state| state.insert_json(name, json)),
            Err(error) => self.fail(error.into()),
        }
    }

    /// Returns the time at which the user last authenticated, in whole seconds.
    ///
    /// `None` if neither [`Session::sign_in`] nor [`Session::reauthenticated`] was called in this
    /// session.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert_eq!(session.authenticated_at(), None);
    /// session.sign_in("42");
    /// assert!(session.authenticated_at().is_some_and(|at| at.unix_secs() >= session.created()));
    /// ```
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.get(Self::AUTHENTICATED_AT).ok().flatten().map(Timestamp::from_unix_secs)
    }

    /// Returns the owner, for handlers that need a signed-in user.
    ///
    /// # Errors
    /// Fails with [`Error::is_signed_out`] if no user is signed in. As a response the error is a
    /// 403. An application usually redirects to its sign-in page instead.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert!(session.require_owner().unwrap_err().is_signed_out());
    /// session.sign_in("42");
    /// assert_eq!(session.require_owner()?, "42");
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn require_owner(&self) -> Result<String, Error> {
        self.owner().ok_or_else(Error::signed_out)
    }

    /// Checks that the user has authenticated within `max_age`, and returns the owner.
    ///
    /// Call it before a change of the e-mail address, the password or a second factor (ASVS 7.5.1),
    /// and before other sensitive transactions (ASVS 7.5.3).
    ///
    /// # Errors
    /// Fails with [`Error::is_signed_out`] if no user is signed in, and with
    /// [`Error::is_not_recent`] if the authentication is older. As a response the error is a 403.
    /// An application usually asks for the password instead, and then calls
    /// [`Session::reauthenticated`].
    ///
    /// # Security
    /// A session that was signed in with [`Session::set_owner`] alone has no time and is never
    /// recent. Neither is one whose time is in the future, by more than the clocks of two nodes may
    /// differ.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use cloakroom_session::{Error, Session};
    ///
    /// async fn change_email(session: Session) -> Result<&'static str, Error> {
    ///     session.require_recent(Duration::from_secs(5 * 60))?;
    ///     Ok("changed")
    /// }
    /// # let _ = change_email;
    /// ```
    pub fn require_recent(&self, max_age: Duration) -> Result<String, Error> {
        let owner = self.require_owner()?;
        let now = self.now();
        let is_recent = |at: Timestamp| at <= now + CLOCK_SKEW && now.since(at) <= max_age;
        if self.authenticated_at().is_some_and(is_recent) { Ok(owner) } else { Err(Error::not_recent()) }
    }
}
