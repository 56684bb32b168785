//! The payload of a factory's cookie.

/// The payload of a factory's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookiePayload {
    /// The whole record: each write needs a new cookie.
    Record,
    /// An id: a new cookie is needed only for a new id, or to change the cookie's lifetime.
    Id,
}
