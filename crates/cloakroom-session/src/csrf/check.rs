//! The check of one request, in the order in which an adapter takes its steps.

use bytes::Bytes;
use cloakroom_core::{CsrfToken, Refusal};

use super::form::{Extent, FormKind, find_token};
use super::guard::{CsrfGuard, CsrfSlot, Stage, Verdict};
use crate::adapter::RequestHead;
use crate::error::Error;
use crate::meter;
use crate::slot::SessionSlot;

/// Whether a layer checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a layer checks or doesn't")]
pub enum CsrfMode {
    /// It refuses what doesn't pass.
    Enforce,
    /// It is for a route that isn't checked, whose pages can still render tokens.
    Exempt,
}

/// What the first step says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter must know what to do with each")]
pub enum Admission {
    /// It goes on to its handler.
    Passed,
    /// It must not reach its handler.
    Refused(Refusal),
    /// Its token must be looked at: [`CsrfSlot::check`].
    TokenNeeded,
}

/// What the second step says of a request.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an adapter must know what to do with each")]
pub enum TokenCheck {
    /// It is decided without the body: `Err` must not reach the handler.
    Decided(Result<(), Refusal>),
    /// The token may be in the form: the body must be read.
    InForm(FormSearch),
}

/// The search for the token in a form, which is read no further than the rules allow.
pub struct FormSearch {
    expected: CsrfToken,
    kind: FormKind,
    field: String,
    limit: usize,
    chunks: Vec<Bytes>,
    size: usize,
}

impl CsrfSlot {
    /// The first step, with the request's head. `outer` is the slot that the request has already, if there is one.
    pub fn admit(
        &self,
        mode: CsrfMode,
        head: &impl RequestHead,
        session: Option<&SessionSlot>,
        outer: Option<&Self>,
    ) -> Admission {
        let stage = match mode {
            CsrfMode::Enforce => self.guard().first_stage(&head.facts()),
            CsrfMode::Exempt => {
                if outer.is_some() {
                    tracing::warn!(
                        "a route is exempt from CSRF checks inside of a layer that enforces them: it is checked all the same"
                    );
                }
                Stage::Uncovered
            }
        };
        let verdict = match stage {
            Stage::Uncovered => return Admission::Passed,
            Stage::TokenNeeded => return Admission::TokenNeeded,
            Stage::Passed => Ok(()),
            Stage::Refused(refusal) => Err(refusal),
        };
        match self.settle(verdict, head, session) {
            Ok(()) => Admission::Passed,
            Err(refusal) => Admission::Refused(refusal),
        }
    }

    /// The second step: is the token one that the request must know? Creates nothing.
    ///
    /// # Errors
    /// When the session's store couldn't answer, or no session layer is installed around this one. It is traced.
    pub async fn check(&self, head: &impl RequestHead, session: Option<&SessionSlot>) -> Result<TokenCheck, Error> {
        let expected = self.guard().expected(session, head.cookies()).await.inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "CSRF check impossible");
        })?;
        let rules = self.guard().rules();
        let decided = |verdict| Ok(TokenCheck::Decided(self.settle(verdict, head, session)));
        // Nothing to compare with: the body needn't be read.
        let Some(expected) = expected else { return decided(Err(Refusal::NothingToMatch)) };
        if let Some(token) = head.csrf_token(rules) {
            return decided(CsrfGuard::second_stage(&expected, Some(token)));
        }
        let Some(kind) = head.content_type().and_then(FormKind::of) else {
            return decided(Err(Refusal::TokenMissing));
        };
        let (field, limit) = (rules.field_name().to_owned(), rules.max_body());
        Ok(TokenCheck::InForm(FormSearch { expected, kind, field, limit, chunks: Vec::new(), size: 0 }))
    }

    /// Writes down what became of the check: what is only reported passes, and nothing of a refused request is committed.
    ///
    /// # Errors
    /// The refusal, if the request must not reach its handler.
    pub fn settle(
        &self,
        verdict: Result<(), Refusal>,
        head: &impl RequestHead,
        session: Option<&SessionSlot>,
    ) -> Result<(), Refusal> {
        let Err(refusal) = verdict else {
            self.set_verdict(Verdict::Passed);
            return Ok(());
        };
        let reported = self.guard().rules().is_report_only();
        let outcome = if reported { "would be refused" } else { "refused" };
        let method = head.method();
        meter::refused(refusal, reported);
        tracing::warn!(reason = refusal.as_str(), method, "request {outcome} by the CSRF check: {refusal}");
        if reported {
            self.set_verdict(Verdict::Reported(refusal));
            return Ok(());
        }
        if let Some(session) = session {
            session.discard();
        }
        Err(refusal)
    }
}

impl FormSearch {
    /// Takes the next piece of the body; `false` once no more may be read.
    pub fn push(&mut self, chunk: Bytes) -> bool {
        self.size = self.size.saturating_add(chunk.len());
        self.chunks.push(chunk);
        self.size <= self.limit
    }

    /// Whether the request knows the token.
    ///
    /// # Errors
    /// The [`Refusal`] if it doesn't, to be [settled](CsrfSlot::settle).
    pub async fn verdict(self, extent: Extent) -> Result<(), Refusal> {
        let found = find_token(&self.kind, &self.chunks, &self.field, extent).await?;
        CsrfGuard::second_stage(&self.expected, found.as_deref())
    }
}

impl std::fmt::Debug for FormSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nothing of what it holds: forms carry passwords.
        f.debug_struct("FormSearch").field("size", &self.size).finish_non_exhaustive()
    }
}
