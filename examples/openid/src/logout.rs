//! Back-channel logout: the provider ends the sessions of a user.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use openidconnect::{AdditionalClaims, Nonce};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::provider::{Claims, Provider};
use crate::refused::Refused;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The age at which a logout token is refused, in seconds.
const OLDEST: u64 = 5 * 60;

/// The tolerance for clocks that differ, in seconds.
const SKEW: u64 = 60;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Logout {
    jti: String,
    events: Map<String, Value>,
}

impl AdditionalClaims for Logout {}

/// A verified order to end all sessions of a user.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) subject: String,
    id: String,
}

/// Verifies a logout token, by the rules of OpenID Connect Back-Channel Logout 1.0, section 2.6.
///
/// A token without a subject is refused: a store finds sessions by their owner, and not by the
/// provider's session id (`sid`).
pub(crate) async fn order(provider: &Provider, token: &str, now: u64) -> Result<Order, Refused> {
    // An ID token has a nonce, a logout token must not: one can't be used as the other.
    let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a logout token has no nonce".to_owned()));
    let claims: Claims<Logout> = provider.verified(token, &["JWT", "logout+jwt"], no_nonce, now).await?;
    let issued = u64::try_from(claims.issue_time().timestamp()).unwrap_or_default();
    if issued > now + SKEW || now > issued.saturating_add(OLDEST) {
        return Err("the logout token isn't from the last five minutes".into());
    }
    let Logout { jti, events } = claims.additional_claims();
    if !events.get(EVENT).is_some_and(Value::is_object) {
        return Err("the token isn't about a logout".into());
    }
    Ok(Order { subject: claims.subject().to_string(), id: jti.clone() })
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
        let order = |id: &str| Order { subject: "ada".to_owned(), id: id.to_owned() };
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
