//! Back-channel logout: the provider ends one session of a user, or all.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::provider::Provider;
use crate::refused::Refused;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The age at which a logout token is refused, in seconds.
const OLDEST: u64 = 5 * 60;

/// The tolerance for clocks that differ, in seconds.
const SKEW: u64 = 60;

/// The claims of a logout token. Others don't matter.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: u64,
    exp: u64,
    jti: String,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The sessions that an order is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The sessions of one session at the provider, by its name (`sid`).
    Session(String),
    /// All sessions of a user.
    User(String),
}

/// A verified order to end sessions.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) whom: Whom,
    id: String,
}

/// Verifies a logout token, by the rules of OpenID Connect Back-Channel Logout 1.0, section 2.6.
pub(crate) async fn order(provider: &Provider, token: &str, now: u64) -> Result<Order, Refused> {
    let claims: Claims = provider.signed(token, &["JWT", "logout+jwt"], now).await?;
    checked(claims, provider.names(), now)
}

fn checked(claims: Claims, (issuer, client): (&str, &str), now: u64) -> Result<Order, Refused> {
    if claims.iss != issuer {
        return Err("Invalid issuer: the token is from another provider".into());
    }
    let is_for_us = match &claims.aud {
        Audience::One(one) => one == client,
        Audience::Several(several) => several.iter().any(|one| one == client),
    };
    if !is_for_us {
        return Err("Invalid audiences: the token is for another application".into());
    }
    if now > claims.exp.saturating_add(SKEW) {
        return Err("Expired: the logout token has expired".into());
    }
    if claims.iat > now + SKEW || now > claims.iat.saturating_add(OLDEST) {
        return Err("the logout token isn't from the last five minutes".into());
    }
    // An ID token has a nonce, a logout token must not: one can't be used as the other.
    if claims.nonce.is_some() {
        return Err("a logout token has no nonce".into());
    }
    if !claims.events.get(EVENT).is_some_and(Value::is_object) {
        return Err("the token isn't about a logout".into());
    }
    // With both, the provider means one session of the user.
    let whom = match (claims.sid.filter(|sid| !sid.is_empty()), claims.sub) {
        (Some(sid), _) => Whom::Session(sid),
        (None, Some(subject)) => Whom::User(subject),
        (None, None) => return Err("the token has neither sub nor sid".into()),
    };
    Ok(Order { whom, id: claims.jti })
}

/// The logout tokens that have been carried out: a replay would end sessions that began later.
///
/// With several nodes, keep them in a place that the nodes share.
#[derive(Debug, Default)]
pub(crate) struct Done(Mutex<BTreeMap<String, u64>>);

impl Done {
    /// Refuses an order that was carried out before.
    pub(crate) fn check(&self, order: &Order) -> Result<(), Refused> {
        let done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if done.contains_key(&order.id) { Err("the logout token has been used".into()) } else { Ok(()) }
    }

    /// Keeps an order that was carried out, for as long as its token is accepted.
    pub(crate) fn keep(&self, order: Order, now: u64) {
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        done.retain(|_, since| now.saturating_sub(*since) <= OLDEST + SKEW);
        done.insert(order.id, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_kept_while_its_token_is_accepted() {
        let order = |id: &str| Order { whom: Whom::User("ada".to_owned()), id: id.to_owned() };
        let (done, now) = (Done::default(), 1_700_000_000);
        done.keep(order("first"), now);
        assert!(done.check(&order("first")).is_err());
        assert!(done.check(&order("second")).is_ok());
        done.keep(order("second"), now + OLDEST + SKEW);
        assert!(done.check(&order("first")).is_err());
        done.keep(order("third"), now + OLDEST + SKEW + 1);
        assert!(done.check(&order("first")).is_ok(), "the set doesn't grow for ever");
    }
}
