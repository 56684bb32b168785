//! The id of a session in a store, or of a visitor who may have no session yet.

use cloakroom::factory::SessionId;

use super::question::Question;
use super::report::{Report, Verdict};

pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let value = &question.cookie.value;
    let begun = SessionId::parse(value).map(|id| (id, "the id of a session in a store"));
    let reserved = || SessionId::parse_reserved(value).map(|id| (id, "the id of a visitor who has seen a form"));
    let Some((id, what)) = begun.or_else(reserved) else { return Ok(None) };
    let why = "only the store knows: run `cloakroom sessions show URL KEY`";
    Ok(Some(Report::new(what, Verdict::unchecked(why)).fact("store_key", id.store_key().to_hex())))
}
