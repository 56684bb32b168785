//! What a response that depends on a session, or sets its cookie, tells caches.

/// The `Vary` field to add to a response whose session was opened, given the values it has already;
/// `None` if it needs none.
#[must_use]
pub fn vary<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let said = values
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|field| field == "*" || field.eq_ignore_ascii_case("cookie"));
    (!said).then_some("cookie")
}

/// The `Cache-Control` of a response that no cache may store, to replace the one that it has.
///
/// `None` leaves the handler's own, which forbids storing already. OWASP's Session Management Cheat
/// Sheet asks for `no-store` on every response that carries an id: `private` alone would leave the
/// cookie in the browser's own cache. `private` is added for shared caches that know no `no-store`.
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

/// Whether these `Cache-Control` values invite shared caches: the handler took a personal response
/// for a public one.
#[must_use]
pub fn invites_shared_caches<'a>(values: impl IntoIterator<Item = &'a str>) -> bool {
    values.into_iter().flat_map(directives).any(is_for_shared_caches)
}

/// Whether a response with this field may be stored by a cache that prefers the field to
/// `Cache-Control`.
///
/// Such a field must be removed from a response that no cache may store. A field that forbids
/// storing stays. `field` is compared without regard to case.
///
/// The fields are `CDN-Cache-Control` and its relatives, whose names end the same (RFC 9213 §2.2: a
/// cache that knows such a field ignores `Cache-Control`), the older fields of vendors, and
/// `Expires`. `Pragma` isn't one of them: in a response it has no meaning (RFC 9111 §5.4).
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

/// Whether a field of this name may be one that caches prefer to `Cache-Control`: see
/// [`overrides_cache_control`].
///
/// It spares looking at the values of all other fields.
#[must_use]
pub fn is_targeted_cache_field(field: &str) -> bool {
    is_cdn_cache_control(field) || TARGETED.iter().any(|(name, _)| name.eq_ignore_ascii_case(field))
}

type Stays = fn(&str) -> bool;

/// The one list of fields that caches prefer to `Cache-Control`, and which of their values may
/// stay.
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
    // nginx: seconds, or `@` and a Unix time; 0 turns its cache off.
    ("x-accel-expires", |value| value.trim() == "0"),
    ("expires", |value| is_in_the_past(value)),
];

/// `CDN-Cache-Control`, and that of one vendor: `Cloudflare-CDN-Cache-Control`.
fn is_cdn_cache_control(field: &str) -> bool {
    const SUFFIX: &[u8] = b"cdn-cache-control";
    let Some(start) = field.len().checked_sub(SUFFIX.len()) else { return false };
    let (vendor, suffix) = field.as_bytes().split_at(start);
    suffix.eq_ignore_ascii_case(SUFFIX) && (vendor.is_empty() || vendor.ends_with(b"-"))
}

/// One of the words forbids storing, and nothing else in the value permits it.
fn forbids_storing(value: &str, words: &[&str]) -> bool {
    let is_one = |directive: &str| words.iter().any(|word| directive.eq_ignore_ascii_case(word));
    directives(value).any(is_one) && !directives(value).any(|it| is_for_shared_caches(it) || it.starts_with('!'))
}

/// A date before this was written, or no date at all, which counts as past (RFC 9111 §5.3).
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
