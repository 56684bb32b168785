//! The domain of the session's cookie, chosen by the host of the request.

use std::sync::Arc;

use cloakroom_core::{ConfigError, CookieConfig, HeaderFact, SetCookie};

use crate::adapter::{RequestHead, fact};

/// A fixed list of domains, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct CookieDomains(Arc<[String]>);

impl CookieDomains {
    /// Checks the domains. `names` are the names of the session's cookies.
    pub(crate) fn new(domains: Vec<String>, names: &[String]) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::new("cookie_domains", problem);
        if let Some(name) = names.iter().find(|name| name.to_ascii_lowercase().starts_with("__host-")) {
            let problem = format!("the prefix of {name:?} allows no Domain: choose a name with the prefix __Secure-");
            return Err(wrong(problem));
        }
        if u16::try_from(domains.len()).is_err() {
            return Err(wrong(format!("has {} domains, at most {} are possible", domains.len(), u16::MAX)));
        }
        for domain in &domains {
            let cookie = CookieConfig::default().name("__Secure-session").domain(domain);
            cookie.build().map_err(|why| wrong(why.to_string()))?;
        }
        Ok(Self(domains.into_iter().map(|domain| domain.to_ascii_lowercase()).collect()))
    }

    /// Returns the place in the list of the domain that the request's host belongs to. Of several
    /// it is the longest.
    pub(crate) fn find(&self, head: &impl RequestHead) -> Option<u16> {
        let host = match (head.authority(), fact(head, "host")) {
            (Some(authority), _) => authority,
            (None, HeaderFact::Value(host)) => host,
            (None, _) => return None,
        };
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
        let is_in = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let matching = (0..).zip(self.0.iter()).filter(|(_, domain)| is_in(domain));
        matching.max_by_key(|(_, domain)| domain.len()).map(|(place, _)| place)
    }

    /// Returns the domains, in lower case.
    #[cfg(feature = "dbsc")]
    pub(crate) fn all(&self) -> &[String] {
        &self.0
    }

    /// Sets the domain at this place in the list.
    pub(crate) fn apply(&self, place: u16, cookie: SetCookie) -> SetCookie {
        match self.0.get(usize::from(place)) {
            Some(domain) => cookie.with_domain(domain),
            None => cookie,
        }
    }
}
