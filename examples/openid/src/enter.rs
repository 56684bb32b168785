//! The end of a sign-in, and the end of the session that it begins.

use std::time::Duration;

use cloakroom::Session;

use crate::provider::{Claims, SessionEnd};
use crate::refused::Refused;

/// The longest session, also if the provider's is longer.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Signs the user in, not beyond the end of the provider's session.
///
/// The provider's name of its session becomes the alias of ours, so that the provider can end it.
pub(crate) fn enter(session: &Session, user: &Claims<SessionEnd>, now: u64) -> Result<(), Refused> {
    let left = user.additional_claims().session_expiry.map(|end| Duration::from_secs(end.saturating_sub(now)));
    if left.is_some_and(|left| left.is_zero()) {
        return Err("the session at the provider has ended".into());
    }
    session.sign_in(user.subject().as_str());
    session.set_absolute_timeout(left.map_or(DAY, |left| left.min(DAY)));
    if let Some(sid) = &user.additional_claims().sid {
        session.set_alias(user.issuer().as_str(), sid)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cloakroom::{Clock as _, SystemClock};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_ends_with_the_one_at_the_provider() {
        let now = 1_700_000_000;
        for (end, expected) in [
            (json!(null), Some(24 * 60 * 60)),
            (json!(now + 600), Some(600)),
            (json!(now + 10 * 24 * 60 * 60), Some(24 * 60 * 60)),
            (json!(now), None),
            (json!(now - 1), None),
        ] {
            let claims = json!({
                "iss": "https://id.example", "aud": "app", "iat": now, "exp": now + 60, "sub": "ada", "session_expiry": end,
            });
            let session = Session::for_tests();
            let before = SystemClock.now();
            let entered = enter(&session, &serde_json::from_value(claims).unwrap(), now).is_ok();
            let after = SystemClock.now();
            assert_eq!((entered, session.owner().is_some()), (expected.is_some(), expected.is_some()), "{end}");
            if let Some(length) = expected.map(Duration::from_secs) {
                let deadline = session.record().times().absolute_deadline.unwrap();
                assert!((before + length..=after + length).contains(&deadline), "{end}");
            }
        }
    }
}
