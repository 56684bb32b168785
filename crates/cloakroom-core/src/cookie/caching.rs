//! The cache headers of a response that depends on a session or sets its cookie.

/// Returns the `Vary` field to add to a response whose session was opened.
///
/// Returns `None` if the existing `values` suffice.
#[must_use]
pub fn vary<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    vary_by("cookie", values)
}

/// Returns the `Vary` field to add to a response that depends on the header `name`.
///
/// Returns `None` if the existing `values` suffice.
#[must_use]
pub fn vary_by<'a>(name: &'static str, values: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let said = values
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|field| field == "*" || field.eq_ignore_ascii_case(name));
    (!said).then_some(name)
}

/// Returns the `Cache-Control` that forbids storing, to replace the existing `values`.
///
/// Returns `None` if the existing values forbid storing already. OWASP's Session Management Cheat
/// Sheet requires `no-store` on every response that carries an id: `private` alone would leave the
/// cookie in the browser's own cache. `private` is added for shared caches that don't support
/// `no-store`.
///
/// # Examples
/// ```
/// use cloakroom_core::cache_control;
///
/// assert_eq!(cache_control(["no-store"]), None);
/// assert_eq!(cache_control(["public, max-age=60"]), Some("private, no-store"));
/// ```
#[must_use]
pub fn cache_control<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let (mut forbids, mut shared) = (false, false);
    for directive in values.into_iter().flat_map(directives) {
        forbids |= directive.eq_ignore_ascii_case("no-store");
        shared |= is_for_shared_caches(directive);
    }
    (shared || !forbids).then_some("private, no-store")
}

/// Returns `true` if these `Cache-Control` values permit shared caches.
///
/// The handler then mistook a personal response for a public one.
#[must_use]
pub fn invites_shared_caches<'a>(values: impl IntoIterator<Item = &'a str>) -> bool {
    values.into_iter().flat_map(directives).any(is_for_shared_caches)
}

/// Returns `true` if this field lets a cache store the response.
///
/// Some caches prefer such a field to `Cache-Control`. Such a field must be removed from a response
/// that no cache may store. A field that forbids storing stays. `field` is compared
/// case-insensitively.
///
/// The fields are `CDN-Cache-Control` and its vendor variants with the same ending (RFC 9213 §2.2:
/// a cache that knows such a field ignores `Cache-Control`), older vendor fields, and `Expires`.
/// `Pragma` isn't one of them: it has no meaning in a response (RFC 9111 §5.4).
///
/// # Examples
/// ```
/// use cloakroom_core::overrides_cache_control;
///
/// assert!(overrides_cache_control("cdn-cache-control", "max-age=600"));
/// assert!(!overrides_cache_control("cdn-cache-control", "no-store"));
/// assert!(!overrides_cache_control("content-type", "text/html"));
/// ```
#[must_use]
pub fn overrides_cache_control(field: &str, value: &str) -> bool {
    match TARGETED.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)) {
        Some((_, stays)) => !stays(value),
        None => is_cdn_cache_control(field) && !forbids_storing(value, &["no-store"]),
    }
}

/// Returns `true` if caches may prefer this field to `Cache-Control`.
///
/// See [`overrides_cache_control`]. It avoids reading the values of all other fields.
#[must_use]
pub fn is_targeted_cache_field(field: &str) -> bool {
    is_cdn_cache_control(field) || TARGETED.iter().any(|(name, _)| name.eq_ignore_ascii_case(field))
}

type Stays = fn(&str) -> bool;

/// The fields that caches prefer to `Cache-Control`, each with a test of the values that may stay.
///
/// `*-CDN-Cache-Control` of any vendor (Cloudflare, Vercel, Netlify) is in
/// [`is_cdn_cache_control`].
const TARGETED: &[(&str, Stays)] = &[
    // Fastly, Varnish and others, after the Edge Architecture Specification.
    ("surrogate-control", |value| forbids_storing(value, &["no-store"])),
    // Akamai.
    ("edge-control", |value| forbids_storing(value, &["no-store", "bypass-cache"])),
    ("akamai-cache-control", |value| forbids_storing(value, &["no-store"])),
    // LiteSpeed: its `private` is a cache on the server.
    ("x-litespeed-cache-control", |value| forbids_storing(value, &["no-store", "no-cache"])),
    // nginx: seconds, or `@` and a Unix time; 0 disables its cache.
    ("x-accel-expires", |value| value.trim() == "0"),
    ("expires", |value| is_in_the_past(value)),
];

/// Matches `CDN-Cache-Control`, and that of a vendor: `Cloudflare-CDN-Cache-Control`.
fn is_cdn_cache_control(field: &str) -> bool {
    const SUFFIX: &[u8] = b"cdn-cache-control";
    let Some(start) = field.len().checked_sub(SUFFIX.len()) else { return false };
    let (vendor, suffix) = field.as_bytes().split_at(start);
    suffix.eq_ignore_ascii_case(SUFFIX) && (vendor.is_empty() || vendor.ends_with(b"-"))
}

/// Returns `true` if one of `words` forbids storing and nothing else in the value permits it.
fn forbids_storing(value: &str, words: &[&str]) -> bool {
    let is_one = |directive: &str| words.iter().any(|word| directive.eq_ignore_ascii_case(word));
    directives(value).any(is_one) && !directives(value).any(|it| is_for_shared_caches(it) || it.starts_with('!'))
}

/// Returns `true` for a date before this code was written, and for an invalid date, which counts as
/// past (RFC 9111 §5.3).
fn is_in_the_past(expires: &str) -> bool {
    let mut years = expires.split([' ', '-']).filter(|it| it.len() == 4).filter_map(|it| it.parse::<u16>().ok());
    match years.next() {
        Some(year) => year < 2026,
        None => matches!(expires.trim(), "0" | "-1" | ""),
    }
}

fn directives(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

fn is_for_shared_caches(directive: &str) -> bool {
    let name = directive.split('=').next().unwrap_or_default().trim_end();
    name.eq_ignore_ascii_case("public") || name.eq_ignore_ascii_case("s-maxage")
}
