//! What a response that depends on a session, or sets its cookie, tells caches.

/// The `Vary` field to add to a response whose session was opened, given the values it has already; `None` if it needs none.
#[must_use]
pub fn vary<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let said = values
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|field| field == "*" || field.eq_ignore_ascii_case("cookie"));
    (!said).then_some("cookie")
}

/// The `Cache-Control` that a response with a session cookie gets in place of its own.
///
/// `None` leaves what the handler chose: it forbids storing already. OWASP's Session Management Cheat Sheet asks for `no-store`
/// on every response that carries an id; `private` alone would leave the cookie in the browser's own cache.
///
/// # Examples
/// ```
/// use cloakroom_core::cache_control;
///
/// assert_eq!(cache_control(["no-store"]), None);
/// assert_eq!(cache_control(["public, max-age=60"]), Some("no-store"));
/// ```
#[must_use]
pub fn cache_control<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let forbids = values
        .into_iter()
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-store"));
    (!forbids).then_some("no-store")
}
