//! The id of a session in a store, and the token of a visitor without a session.

use cloakroom::CsrfToken;
use cloakroom::factory::SessionId;

use super::question::Question;
use super::report::{Report, Verdict};

pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    if CsrfToken::from_cookie(&question.cookie.value).is_some() {
        return Ok(Some(Report::new("the CSRF token of a visitor without a session", Verdict::Opens)));
    }
    let Some(id) = SessionId::parse(&question.cookie.value) else { return Ok(None) };
    let why = "only the store knows: run `cloakroom sessions show URL KEY`";
    Ok(Some(
        Report::new("the id of a session in a store", Verdict::unchecked(why))
            .fact("store_key", id.store_key().to_hex()),
    ))
}
