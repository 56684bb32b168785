//! The distinction between requests of a visitor and requests that a browser sends by itself.

/// The kind of a request, which decides whether it counts as use and consumes messages.
///
/// Chromium, Firefox and Safari state it in headers. A request without these headers is
/// [`RequestKind::Ordinary`], so old browsers and other clients behave as if there were no kinds.
///
/// # Security
/// A client can set any header. The kind only removes effects from a request (a touch, the removal
/// of a message), so a client that lies harms at most its own session. No permission depends on it.
///
/// # Examples
/// ```
/// use cloakroom_core::RequestKind;
///
/// assert_eq!(RequestKind::from_headers(["prefetch;prerender"], Some("document")), RequestKind::Speculative);
/// assert_eq!(RequestKind::from_headers([], Some("image")), RequestKind::Subresource);
/// assert_eq!(RequestKind::from_headers([], Some("empty")), RequestKind::Ordinary);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestKind {
    /// A navigation, a `fetch`, a WebSocket handshake, or a client that sends no such header.
    #[default]
    Ordinary,
    /// A part of a page that the browser loads by itself: an image, a style sheet, a script, a
    /// font.
    Subresource,
    /// A page that the visitor may never see: a prefetch, a prerendering or a preview.
    Speculative,
}

/// Destinations of the Fetch standard (§2.2.5) whose response is neither read by a visitor nor
/// evaluated by a script as an answer.
///
/// Workers and `report` are included, because a browser checks for newer service workers and
/// delivers reports in the background.
const SUBRESOURCES: &[&str] = &[
    "audio",
    "audioworklet",
    "font",
    "image",
    "json",
    "manifest",
    "paintworklet",
    "report",
    "script",
    "serviceworker",
    "sharedworker",
    "speculationrules",
    "style",
    "text",
    "track",
    "video",
    "worker",
    "xslt",
];

impl RequestKind {
    /// The headers that state a purpose, in lower case.
    ///
    /// These are `Sec-Purpose`, and three older ones with the same meaning. Older versions of
    /// Chromium send `Purpose: prefetch`, of Safari `X-Purpose: preview`, and of Firefox
    /// `X-Moz: prefetch`.
    pub const PURPOSE_HEADERS: &[&str] = &["sec-purpose", "purpose", "x-purpose", "x-moz"];

    /// The header that states the destination, in lower case.
    pub const DESTINATION_HEADER: &str = "sec-fetch-dest";

    /// Determines the kind from the purpose headers and the destination.
    ///
    /// An unknown purpose or destination counts as absent, as the Fetch Metadata standard requires
    /// of servers.
    #[must_use]
    pub fn from_headers<'a>(purposes: impl IntoIterator<Item = &'a str>, destination: Option<&str>) -> Self {
        if purposes.into_iter().any(is_speculative) {
            return Self::Speculative;
        }
        match destination {
            Some(it) if SUBRESOURCES.iter().any(|known| it.eq_ignore_ascii_case(known)) => Self::Subresource,
            _ => Self::Ordinary,
        }
    }
}

/// Returns `true` if one item or parameter of the value is a speculative purpose: `prefetch`,
/// `prefetch;prerender`, `prefetch, other`.
fn is_speculative(purpose: &str) -> bool {
    purpose
        .split([',', ';'])
        .map(str::trim)
        .any(|it| ["prefetch", "prerender", "preview"].iter().any(|known| it.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::RequestKind::{Ordinary, Speculative, Subresource};
    use super::{RequestKind, SUBRESOURCES};

    #[test]
    fn speculative_requests_are_recognized_by_their_purpose() {
        #[rustfmt::skip] // one row, one line
        let rows: &[(&str, &[&str], Option<&str>, RequestKind)] = &[
            ("no purpose", &[], None, Ordinary),
            ("prefetch", &["prefetch"], Some("document"), Speculative),
            ("prerender", &["prerender"], Some("document"), Speculative),
            ("prefetch that prerenders", &["prefetch;prerender"], Some("document"), Speculative),
            ("spaces around the parameter", &["prefetch ; prerender"], None, Speculative),
            ("prefetch through a proxy", &["prefetch;anonymous-client-ip"], Some("document"), Speculative),
            ("preview", &["preview"], None, Speculative),
            ("preview as a parameter", &["prefetch;prerender;preview"], None, Speculative),
            ("capitals", &["Prefetch"], None, Speculative),
            ("one item of a list", &["other, prefetch"], None, Speculative),
            ("the second line", &["other", "prefetch"], None, Speculative),
            ("an image of a page that prerenders", &["prefetch;prerender"], Some("image"), Speculative),
            ("empty", &[""], None, Ordinary),
            ("unknown", &["navigate"], None, Ordinary),
            ("a word that begins alike", &["prefetched, preview-x"], None, Ordinary),
            ("a word with a value", &["prefetch=?0"], None, Ordinary),
        ];
        for (name, purposes, destination, kind) in rows {
            assert_eq!(RequestKind::from_headers(purposes.iter().copied(), *destination), *kind, "{name}");
        }
    }

    #[test]
    fn subresources_are_recognized_by_their_destination() {
        for destination in SUBRESOURCES {
            assert_eq!(RequestKind::from_headers([], Some(destination)), Subresource, "{destination}");
            let capitals = destination.to_ascii_uppercase();
            assert_eq!(RequestKind::from_headers([], Some(&capitals)), Subresource, "{capitals}");
        }
        let ordinary =
            ["document", "iframe", "frame", "object", "embed", "empty", "websocket", "webidentity", "", "images", "x"];
        for destination in ordinary {
            assert_eq!(RequestKind::from_headers([], Some(destination)), Ordinary, "{destination}");
        }
    }
}
