//! The id of a session in a store.

use cloakroom::factory::SessionId;

use super::question::Question;
use super::report::{Report, Verdict};

pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let Some(id) = SessionId::parse(&question.cookie.value) else { return Ok(None) };
    let why = "only the store knows: run `cloakroom sessions show URL KEY`";
    Ok(Some(
        Report::new("the id of a session in a store", Verdict::unchecked(why))
            .fact("store_key", id.store_key().to_hex()),
    ))
}
