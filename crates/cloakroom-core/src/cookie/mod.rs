//! Cookies: parsing `Cookie`, writing `Set-Cookie`, and the cache headers of the response.

mod attributes;
mod caching;
mod header;

pub use attributes::{CookieConfig, CookieTemplate, SameSite, SetCookie};
pub use caching::{
    cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary, vary_by,
};
pub use header::{CookieHeader, CookieOrder};

/// The maximum size of a cookie that browsers accept, in bytes.
///
/// It includes name and value (RFC 6265bis §5.6).
pub const MAX_COOKIE: usize = 4096;

#[cfg(test)]
mod tests;
