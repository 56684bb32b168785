//! Cookies: parsing `Cookie`, writing `Set-Cookie`, and the cache headers of the response.

mod caching;
mod config;
mod header;
mod set_cookie;
mod template;

pub use caching::{
    cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary, vary_by,
};
pub use config::{CookieConfig, SameSite};
pub use header::{CookieCandidates, CookieHeader, CookieOrder};
pub use set_cookie::SetCookie;
pub use template::CookieTemplate;

/// The maximum size of a cookie that browsers accept, in bytes.
///
/// It includes name and value (RFC 6265bis §5.6).
pub const MAX_COOKIE: usize = 4096;

#[cfg(test)]
mod tests;
