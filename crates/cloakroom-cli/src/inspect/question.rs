//! The input of a format.

use cloakroom::{Keyring, Timestamp};

use super::bridged::framework::Other;
use super::cookie::Cookie;
use crate::describe::Values;

/// A cookie, and everything that is known about it.
pub(super) struct Question<'a> {
    pub(super) cookie: &'a Cookie,
    pub(super) keyring: Option<&'a Keyring>,
    pub(super) other: Option<&'a Other>,
    pub(super) values: Values,
    pub(super) now: Timestamp,
}
