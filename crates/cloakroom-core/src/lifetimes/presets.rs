//! Lifetimes by name.

use std::time::Duration;

use super::{DAY, HOUR, Lifetimes, MINUTE};

impl Lifetimes {
    /// Returns the lifetimes of AAL1: 30 days, without an idle timeout.
    ///
    /// Source: NIST SP 800-63B-4 §2.1.3.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    ///
    /// assert!(Lifetimes::aal1().validate().is_ok());
    /// assert_eq!(Lifetimes::aal1().touch_interval(), None);
    /// ```
    #[must_use]
    pub fn aal1() -> Self {
        Self::default().idle_timeout(None).absolute_timeout(Duration::from_secs(30 * DAY))
    }

    /// Returns the lifetimes of AAL2: 24 hours, with an idle timeout of 1 hour.
    ///
    /// Source: NIST SP 800-63B-4 §2.2.3.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Lifetimes::aal2().touch_interval(), Some(Duration::from_secs(6 * 60)));
    /// ```
    #[must_use]
    pub fn aal2() -> Self {
        Self::default().idle_timeout(Duration::from_secs(HOUR)).absolute_timeout(Duration::from_secs(DAY))
    }

    /// Returns the lifetimes of AAL3: 12 hours, with an idle timeout of 15 minutes.
    ///
    /// Source: NIST SP 800-63B-4 §2.3.3.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Lifetimes::aal3().touch_interval(), Some(Duration::from_secs(90)));
    /// ```
    #[must_use]
    pub fn aal3() -> Self {
        Self::default().idle_timeout(Duration::from_secs(15 * MINUTE)).absolute_timeout(Duration::from_secs(12 * HOUR))
    }

    /// Returns lifetimes for a bank: 8 hours, with an idle timeout of 5 minutes.
    ///
    /// The idle timeout is the maximum that EU 2018/389 Article 4(3)(d) allows for payment
    /// accounts; the absolute timeout is a working day, as in OWASP's Session Management Cheat
    /// Sheet.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Lifetimes::bank().touch_interval(), Some(Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn bank() -> Self {
        Self::default().idle_timeout(Duration::from_secs(5 * MINUTE)).absolute_timeout(Duration::from_secs(8 * HOUR))
    }

    /// Returns lifetimes for a shop or a forum: 7 days, with an idle timeout of 24 hours.
    ///
    /// A cart survives the night, and a shared computer forgets it when the browser closes. Ask for
    /// the password again before a payment or a change of address.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    ///
    /// assert!(Lifetimes::shop().validate().is_ok());
    /// ```
    #[must_use]
    pub fn shop() -> Self {
        Self::default().idle_timeout(Duration::from_secs(DAY)).absolute_timeout(Duration::from_secs(7 * DAY))
    }

    /// Returns lifetimes for "stay signed in for two weeks": each use extends the session, for at
    /// most 90 days, and its cookie survives the end of the browser session.
    ///
    /// # Security
    /// A person who copies the cookie, or sits down at the computer, is signed in for as long. Keep
    /// such sessions in a store, where they can be revoked.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// let year = Lifetimes::two_weeks().absolute_timeout(Duration::from_secs(365 * 24 * 60 * 60));
    /// assert!(year.validate().is_ok());
    /// ```
    #[must_use]
    pub fn two_weeks() -> Self {
        let sliding = Self::default().idle_timeout(Duration::from_secs(14 * DAY));
        sliding.absolute_timeout(Duration::from_secs(90 * DAY)).persistent_cookie()
    }

    /// Returns the default lifetimes of tower-sessions: two weeks after the last use, without an
    /// absolute timeout.
    ///
    /// The cookie ends with the browser session, as with its `Expiry::OnSessionEnd`. Its
    /// `Expiry::OnInactivity(time)` is
    /// `Lifetimes::tower_sessions().idle_timeout(time).persistent_cookie()`.
    ///
    /// # Security
    /// A session in use never ends. ASVS 7.3.2 requires an absolute timeout.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    /// use std::time::Duration;
    ///
    /// let week = Duration::from_secs(7 * 24 * 60 * 60);
    /// assert!(Lifetimes::tower_sessions().idle_timeout(week).persistent_cookie().validate().is_ok());
    /// ```
    #[must_use]
    pub fn tower_sessions() -> Self {
        Self::default().idle_timeout(Duration::from_secs(14 * DAY)).absolute_timeout(None)
    }

    /// Returns the default lifetimes of actix-session: 24 hours after the last use, without an
    /// absolute timeout.
    ///
    /// The cookie ends with the browser session, as with its `BrowserSession`. Its
    /// `PersistentSession` is `Lifetimes::actix_session().persistent_cookie()`.
    ///
    /// # Security
    /// A session in use never ends. ASVS 7.3.2 requires an absolute timeout.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Lifetimes;
    ///
    /// assert!(Lifetimes::actix_session().validate().is_ok());
    /// ```
    #[must_use]
    pub fn actix_session() -> Self {
        Self::default().idle_timeout(Duration::from_secs(DAY)).absolute_timeout(None)
    }
}
