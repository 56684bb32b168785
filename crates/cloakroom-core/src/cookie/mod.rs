//! The text of cookies: reading `Cookie`, writing `Set-Cookie`, and what a cache may do with the
//! response.

mod attributes;
mod caching;
mod header;

pub use attributes::{CookieConfig, CookieTemplate, SameSite, SetCookie};
pub use caching::{cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary};
pub use header::CookieHeader;

/// The longest cookie that browsers keep: name and value, in bytes (RFC 6265bis §5.6).
pub const MAX_COOKIE: usize = 4096;

#[cfg(test)]
mod tests;
