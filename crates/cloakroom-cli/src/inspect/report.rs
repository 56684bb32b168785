//! The result of `inspect`.

use cloakroom::factory::Record;
use serde_json::{Map, Value, json};

use super::cookie::Cookie;
use super::question::Question;
use crate::describe::{Values, contents, lines};
use crate::output::plain;
use crate::time::{span, utc};

/// The result of `inspect`.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) format: String,
    pub(super) verdict: Verdict,
    pub(super) facts: Map<String, Value>,
}

/// The verdict: whether a request with this cookie would have its session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Opens,
    /// No key was given, or only the store can decide.
    Unchecked {
        why: String,
    },
    Refused {
        reason: &'static str,
        text: String,
        hint: String,
    },
}

impl Verdict {
    pub(super) fn refused(reason: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { reason, text: text.into(), hint: hint.into() }
    }

    pub(super) fn unchecked(why: impl Into<String>) -> Self {
        Self::Unchecked { why: why.into() }
    }
}

impl Report {
    pub(super) fn new(format: impl Into<String>, verdict: Verdict) -> Self {
        Self { format: format.into(), verdict, facts: Map::new() }
    }

    pub(super) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the contents of a record, and its age.
    pub(super) fn record(self, record: &Record, question: &Question<'_>) -> Self {
        let clock = record.times();
        let mut report = self
            .fact("age", span(question.now.since(clock.created)))
            .fact("created", utc(clock.created))
            .fact("touched", utc(clock.touched))
            .fact("owner", record.owner().map_or(Value::Null, Into::into));
        report.facts.extend(contents(record, question.values));
        report
    }

    pub(super) fn document(&self, cookie: &Cookie) -> Value {
        let verdict = match &self.verdict {
            Verdict::Opens => json!({ "verdict": "opens" }),
            Verdict::Unchecked { why } => json!({ "verdict": "unchecked", "why": why }),
            Verdict::Refused { reason, text, hint } => {
                json!({ "verdict": "refused", "reason": reason, "why": text, "hint": hint })
            }
        };
        json!({ "format": self.format, "cookie": cookie.name, "bytes": cookie.size(), "answer": verdict, "facts": self.facts })
    }

    pub(super) fn text(&self, cookie: &Cookie, values: Values) -> String {
        let verdict = match &self.verdict {
            Verdict::Opens => "it opens".to_owned(),
            Verdict::Unchecked { why } => format!("not checked: {why}"),
            Verdict::Refused { text, hint, reason } => format!("refused ({reason}): {text}\n{hint}"),
        };
        format!(
            "{}, {} bytes in {}\n{verdict}\n{}",
            self.format,
            cookie.size(),
            plain(&cookie.name),
            if self.facts.is_empty() { String::new() } else { format!("\n{}", lines(&self.facts, values)) }
        )
    }
}
