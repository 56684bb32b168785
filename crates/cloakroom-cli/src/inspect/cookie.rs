//! Parsing the cookie argument.

use std::io::Read as _;

use cloakroom::factory::MAX_COOKIE;

use super::bridged::seal::is_sealed;
use crate::outcome::WrongUse;

/// Far more than a browser keeps of a cookie: longer input was pasted by mistake.
const MOST: u64 = 1_000_000;

/// A cookie's name and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
    /// The other cookies of the line, by name. One of them may be a signature.
    pub(super) others: Vec<(String, String)>,
}

impl Cookie {
    /// Creates a cookie without others.
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), others: Vec::new() }
    }

    /// Parses an argument or stdin: a value, `name=value`, a whole `Cookie` line, or `Set-Cookie`
    /// lines. Returns all cookies of the requested name, in the order of the line.
    pub(super) fn read(argument: &str, name: Option<&str>, usual: &str) -> anyhow::Result<Vec<Self>> {
        let mut text = argument.to_owned();
        if argument == "-" {
            text.clear();
            std::io::stdin().take(MOST).read_to_string(&mut text)?;
        }
        let cookies = Self::parse(&text, name, usual);
        if cookies.iter().all(|cookie| cookie.value.is_empty()) {
            return Err(WrongUse::new("the cookie is empty").into());
        }
        Ok(cookies)
    }

    fn parse(text: &str, name: Option<&str>, usual: &str) -> Vec<Self> {
        let pieces: Vec<&str> = text.split(['\n', ';']).map(piece).filter(|piece| !piece.is_empty()).collect();
        let pairs: Vec<(String, String)> = pieces
            .iter()
            .filter_map(|piece| pair(piece))
            .map(|(name, value)| (name.to_owned(), unquoted(value)))
            .collect();
        // Choose the requested name, otherwise the first cookie.
        let asked = name.unwrap_or(usual);
        let others: Vec<_> = pairs.iter().filter(|(name, _)| name != asked).cloned().collect();
        let named = pairs.iter().filter(|(name, _)| name == asked);
        let named: Vec<_> =
            named.map(|(name, value)| Self { others: others.clone(), ..Self::new(name, value) }).collect();
        if !named.is_empty() {
            return named;
        }
        let first = pieces.first().copied().unwrap_or_default();
        let (found, value) = pair(first).map_or((None, first), |(name, value)| (Some(name), value));
        vec![Self { others: pairs, ..Self::new(name.or(found).unwrap_or(usual), unquoted(value)) }]
    }

    /// Returns the value of another cookie of the line.
    pub(super) fn other(&self, name: &str) -> Option<&str> {
        self.others.iter().rfind(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) const fn size(&self) -> usize {
        self.name.len() + self.value.len()
    }

    pub(super) const fn is_too_long(&self) -> bool {
        self.size() > MAX_COOKIE
    }
}

/// Returns a cookie or an attribute, without the header's name.
fn piece(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("Set-Cookie:").or_else(|| text.strip_prefix("Cookie:")).unwrap_or(text).trim()
}

/// Splits name and value, if there is a name. Values of other formats may end with equals signs,
/// and those of Rails contain them.
fn pair(piece: &str) -> Option<(&str, &str)> {
    if is_sealed(piece) {
        return None;
    }
    let is_name = |it: &str| !it.is_empty() && !it.contains([':', '"', '%', '/', '+']) && it.len() < 60;
    let is_value = |it: &str| !it.trim_matches('=').is_empty() && !it.starts_with('=');
    piece.split_once('=').filter(|(name, value)| is_name(name) && is_value(value))
}

fn unquoted(value: &str) -> String {
    value.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::Cookie;

    /// Signed like Rails, with an equals sign before the signature.
    const RAILS: &str = "e30iYWI=--00112233445566778899aabbccddeeff00112233";

    #[test]
    fn every_form_of_the_argument_is_read() {
        for (text, name, expected) in [
            ("s1.abc", None, ("usual", "s1.abc")),
            ("session=s1.abc", None, ("session", "s1.abc")),
            ("session=s1.abc", Some("other"), ("other", "s1.abc")),
            ("Set-Cookie: session=s1.abc; Path=/; Secure", None, ("session", "s1.abc")),
            (" Cookie: session=s1.abc\n", None, ("session", "s1.abc")),
            ("YWJj==", None, ("usual", "YWJj==")),
            ("session=YWJj==", None, ("session", "YWJj==")),
            ("connect.sid=s%3Aid.tag", None, ("connect.sid", "s%3Aid.tag")),
            ("session=--id", None, ("session", "--id")),
            (RAILS, None, ("usual", RAILS)),
            ("session=\"s1.abc\"", None, ("session", "s1.abc")),
        ] {
            let [found] = Cookie::parse(text, name, "usual").try_into().unwrap();
            let Cookie { name, value, .. } = found;
            assert_eq!((name.as_str(), value.as_str()), expected, "{text}");
        }
    }

    #[test]
    fn one_of_several_cookies_is_chosen() {
        for (text, name, expected, signature) in [
            ("Cookie: theme=dark; usual=a; usual.sig=b", None, ("usual", "a"), Some("b")),
            ("usual=a; usual.sig=b", None, ("usual", "a"), Some("b")),
            ("Set-Cookie: usual=a; Path=/\r\nSet-Cookie: usual.sig=b; Path=/\r\n", None, ("usual", "a"), Some("b")),
            ("usual.sig=b; usual=a", None, ("usual", "a"), Some("b")),
            ("usual=old; usual=new", None, ("usual", "new"), None),
            ("theme=dark; other=a", Some("other"), ("other", "a"), None),
            ("theme=dark; other=a", None, ("theme", "dark"), None),
            ("usual=a", None, ("usual", "a"), None),
        ] {
            let found = Cookie::parse(text, name, "usual").pop().unwrap();
            assert_eq!((found.name.as_str(), found.value.as_str()), expected, "{text}");
            assert_eq!(found.other("usual.sig"), signature, "{text}");
        }
        let all = Cookie::parse("usual=old; other=x; usual=new", None, "usual");
        assert_eq!(all.iter().map(|it| it.value.as_str()).collect::<Vec<_>>(), ["old", "new"]);
    }
}
