//! The cookie, as it was given.

use std::io::Read as _;

use cloakroom::MAX_COOKIE;

use crate::outcome::WrongUse;

/// More than a browser keeps of a cookie, many times over: what is longer was pasted by mistake.
const MOST: u64 = 1_000_000;

/// A cookie's name and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
}

impl Cookie {
    /// From an argument, or stdin: a value, `name=value`, or a whole `Set-Cookie` line.
    pub(super) fn read(argument: &str, name: Option<&str>, usual: &str) -> anyhow::Result<Self> {
        let mut text = argument.to_owned();
        if argument == "-" {
            text.clear();
            std::io::stdin().take(MOST).read_to_string(&mut text)?;
        }
        let cookie = Self::parse(&text, name, usual);
        if cookie.value.is_empty() { Err(WrongUse::new("the cookie is empty").into()) } else { Ok(cookie) }
    }

    fn parse(text: &str, name: Option<&str>, usual: &str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix("Set-Cookie:").or_else(|| text.strip_prefix("Cookie:")).unwrap_or(text);
        let pair = text.split(';').next().unwrap_or_default().trim();
        // Values of other formats end in `=`, and have no name in front.
        let is_name = |it: &str| !it.is_empty() && !it.contains(['.', ':', '"', '%', '/', '+']) && it.len() < 60;
        let (found, value) = match pair.split_once('=') {
            Some((found, value)) if is_name(found) && !value.trim_matches('=').is_empty() => (Some(found), value),
            _ => (None, pair),
        };
        let name = name.or(found).unwrap_or(usual);
        Self { name: name.to_owned(), value: value.trim_matches('"').to_owned() }
    }

    pub(super) const fn size(&self) -> usize {
        self.name.len() + self.value.len()
    }

    pub(super) const fn is_too_long(&self) -> bool {
        self.size() > MAX_COOKIE
    }
}

#[cfg(test)]
mod tests {
    use super::Cookie;

    #[test]
    fn however_it_was_copied() {
        for (text, name, expected) in [
            ("s1.abc", None, ("usual", "s1.abc")),
            ("session=s1.abc", None, ("session", "s1.abc")),
            ("session=s1.abc", Some("other"), ("other", "s1.abc")),
            ("Set-Cookie: session=s1.abc; Path=/; Secure", None, ("session", "s1.abc")),
            (" Cookie: session=s1.abc\n", None, ("session", "s1.abc")),
            ("YWJj==", None, ("usual", "YWJj==")),
            ("session=YWJj==", None, ("session", "YWJj==")),
        ] {
            let (name, expected) = (name, Cookie { name: expected.0.to_owned(), value: expected.1.to_owned() });
            assert_eq!(Cookie::parse(text, name, "usual"), expected, "{text}");
        }
    }
}
