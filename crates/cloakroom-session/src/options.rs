//! The options that the builders of factories share.

use std::time::Duration;

use cloakroom_core::{ConfigError, ConflictPolicy, CookieConfig, CookieTemplate, Lifetimes};

/// The options that the builders of factories share, for authors of factories.
///
/// A builder offers those that apply to it, and checks them with [`FactoryOptions::check`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FactoryOptions {
    /// The cookie's name and attributes.
    pub cookie: CookieConfig,
    /// The timeouts of sessions.
    pub lifetimes: Lifetimes,
    /// The policy for two requests that set the same key.
    pub conflicts: ConflictPolicy,
    /// How long browsers keep the cookie, if a session itself sets no limit.
    pub max_age: Option<Duration>,
    /// The timeout of one store call.
    pub call_timeout: Duration,
    /// The time limit of a commit, with all retries.
    pub commit_timeout: Duration,
}

impl Default for FactoryOptions {
    fn default() -> Self {
        Self {
            cookie: CookieConfig::default(),
            lifetimes: Lifetimes::default(),
            conflicts: ConflictPolicy::default(),
            max_age: None,
            call_timeout: Duration::from_secs(2),
            commit_timeout: Duration::from_secs(2),
        }
    }
}

impl FactoryOptions {
    /// Creates options with the cookie and the timeouts of a framework.
    #[must_use]
    pub fn new(cookie: CookieConfig, lifetimes: Lifetimes) -> Self {
        Self { cookie, lifetimes, ..Self::default() }
    }

    /// Checks the options and returns the cookie.
    ///
    /// # Errors
    /// Returns an error that names one of the options that contradict each other.
    pub fn check(&self) -> Result<CookieTemplate, ConfigError> {
        self.lifetimes.validate()?;
        for (option, span) in [("call_timeout", self.call_timeout), ("commit_timeout", self.commit_timeout)] {
            if span.is_zero() {
                return Err(ConfigError::new(option, "is zero: nothing could ever be stored"));
            }
        }
        self.cookie.clone().build()
    }
}

/// Defines the methods of a builder for some of the [`FactoryOptions`] in its field `options`.
///
/// Comments before an option are added to the documentation of its method.
#[doc(hidden)]
#[macro_export]
macro_rules! factory_options {
    ($($(#[$more:meta])* $option:ident)+) => { $($crate::factory_options!(@$option $(#[$more])*);)+ };
    (@cookie $(#[$more:meta])*) => {
        /// Sets the cookie's name and attributes.
        $(#[$more])*
        pub fn cookie(mut self, cookie: $crate::CookieConfig) -> Self {
            self.options.cookie = cookie;
            self
        }
    };
    (@lifetimes $(#[$more:meta])*) => {
        /// Sets the timeouts.
        $(#[$more])*
        pub const fn lifetimes(mut self, lifetimes: $crate::Lifetimes) -> Self {
            self.options.lifetimes = lifetimes;
            self
        }
    };
    (@conflicts $(#[$more:meta])*) => {
        /// Sets the policy for two requests that set the same key.
        $(#[$more])*
        pub const fn conflicts(mut self, policy: $crate::ConflictPolicy) -> Self {
            self.options.conflicts = policy;
            self
        }
    };
    (@max_age $(#[$more:meta])*) => {
        /// Sets how long browsers keep the cookie.
        ///
        /// `None` means until they are closed.
        $(#[$more])*
        pub fn max_age(mut self, max_age: impl Into<Option<::std::time::Duration>>) -> Self {
            self.options.max_age = max_age.into();
            self
        }
    };
    (@call_timeout $(#[$more:meta])*) => {
        /// Sets the timeout of one store call. The default is 2 seconds.
        $(#[$more])*
        pub const fn call_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.options.call_timeout = timeout;
            self
        }
    };
    (@commit_timeout $(#[$more:meta])*) => {
        /// Sets the time limit of a commit with conflicts. The default is 2 seconds.
        $(#[$more])*
        pub const fn commit_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.options.commit_timeout = timeout;
            self
        }
    };
}
