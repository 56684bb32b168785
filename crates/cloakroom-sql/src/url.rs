//! Encryption options in URLs, in addition to those that the drivers know.

use std::path::PathBuf;

use cloakroom_store::store::StoreError;

/// Removes these query parameters from a URL and returns their values.
pub(crate) fn without<const N: usize>(url: &str, names: [&str; N]) -> (String, [Option<String>; N]) {
    let mut taken = [const { None }; N];
    // A password may contain a question mark.
    let host = url.find('@').unwrap_or(0);
    let Some(question) = url.get(host..).and_then(|rest| rest.find('?')) else { return (url.to_owned(), taken) };
    let (before, query) = url.split_at(host + question);
    let mut rest = Vec::new();
    for pair in query.trim_start_matches('?').split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match names.iter().zip(&mut taken).find(|(known, _)| **known == name) {
            Some((_, place)) => *place = Some(decoded(value)),
            None => rest.push(pair),
        }
    }
    (format!("{before}?{}", rest.join("&")).trim_end_matches('?').to_owned(), taken)
}

/// Decodes percent-encoding only: a plus sign in a path stays a plus sign.
fn decoded(value: &str) -> String {
    let value = value.replace('+', "%2B");
    form_urlencoded::parse(value.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

/// The encryption of a connection, and the certificates to trust; `None` means the system's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    Plain,
    Verified(Option<PathBuf>),
}

impl Tls {
    /// Combines a mode and a certificate file. A connection is either fully verified or not
    /// encrypted: encryption without verification doesn't protect from an attacker in between.
    pub(crate) fn wanted(demanded: bool, roots: Option<String>) -> Result<Self, StoreError> {
        match (demanded, roots) {
            (true, _) if !cfg!(feature = "tls") => {
                Err(StoreError::unavailable("the URL asks for an encrypted connection: that needs the feature `tls`"))
            }
            (true, roots) => Ok(Self::Verified(roots.filter(|roots| roots != "system").map(PathBuf::from))),
            (false, None) => Ok(Self::Plain),
            (false, Some(_)) => Err(StoreError::unavailable(
                "the URL names certificates (`sslrootcert`, `ssl-ca`) but doesn't ask for an encrypted connection (`sslmode`, `ssl-mode`)",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tls, without};

    #[test]
    fn parameters_are_taken_out() {
        let table = [
            ("p://a:b?c@h/d", "p://a:b?c@h/d", [None, None]),
            ("p://h/d?mode=require", "p://h/d", [Some("require"), None]),
            ("p://h/d?x=1&mode=a%2Fb&y=2&ca=%2Fetc%2Fc+a.pem", "p://h/d?x=1&y=2", [Some("a/b"), Some("/etc/c+a.pem")]),
            ("p://h/d?ca=a%3Db&x", "p://h/d?x", [None, Some("a=b")]),
            ("p://h/d?modes=1", "p://h/d?modes=1", [None, None]),
        ];
        for (url, rest, taken) in table {
            let expected = (rest.to_owned(), taken.map(|value| value.map(str::to_owned)));
            assert_eq!(without(url, ["mode", "ca"]), expected, "{url}");
        }
    }

    #[test]
    fn encryption_is_never_silently_skipped() {
        assert_eq!(Tls::wanted(false, None).unwrap(), Tls::Plain);
        assert!(Tls::wanted(false, Some("ca.pem".to_owned())).is_err());
        let demanded = Tls::wanted(true, Some("system".to_owned()));
        if cfg!(feature = "tls") {
            assert_eq!(demanded.unwrap(), Tls::Verified(None));
        } else {
            assert!(demanded.unwrap_err().to_string().contains("feature `tls`"));
        }
    }
}
