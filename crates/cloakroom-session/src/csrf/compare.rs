//! The second step of the check: comparing the token.

use cloakroom_core::{CsrfToken, Refusal};

use super::body::{FormBody, read_ahead};
use super::form::{FormKind, find_token};
use super::guard::CsrfGuard;
use crate::adapter::RequestHead;
use crate::error::Error;
use crate::slot::SessionSlot;

/// Compares the request's token with the expected one.
///
/// It never creates a session. The body is read only if it may contain the token.
///
/// # Errors
/// Returns an error if the session's store couldn't answer, or no session layer is installed around
/// the check.
pub(super) async fn compare(
    guard: &CsrfGuard,
    session: Option<&SessionSlot>,
    head: &impl RequestHead,
    body: &mut impl FormBody,
) -> Result<Result<(), Refusal>, Error> {
    let rules = guard.rules();
    let Some(expected) = guard.expected(session, head.cookies()).await? else {
        return Ok(Err(Refusal::NothingToMatch));
    };
    if let Some(token) = head.csrf_token(rules) {
        return Ok(matches(&expected, token));
    }
    let Some(kind) = head.content_type().and_then(FormKind::of) else {
        return Ok(Err(Refusal::TokenMissing));
    };
    let (read, extent) = read_ahead(body, rules.max_body()).await;
    let outcome = extent.and_then(|extent| match find_token(&kind, &read, rules.field_name(), extent)? {
        Some(token) if !token.is_empty() => matches(&expected, &token),
        Some(_) | None => Err(Refusal::TokenMissing),
    });
    body.replay(read);
    Ok(outcome)
}

fn matches(expected: &CsrfToken, submitted: &str) -> Result<(), Refusal> {
    if expected.matches(submitted) { Ok(()) } else { Err(Refusal::TokenMismatch) }
}
