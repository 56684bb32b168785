//! The operations of the probe's protocol: `[name, arguments…]`.

use serde_json::{Value, json};

pub(crate) struct Operation(Vec<Value>);

impl Operation {
    /// Reads a request's body.
    pub(crate) fn all(body: &[u8]) -> anyhow::Result<Vec<Self>> {
        Ok(serde_json::from_slice::<Vec<Vec<Value>>>(body)?.into_iter().map(Self).collect())
    }

    pub(crate) fn name(&self) -> &str {
        self.0[0].as_str().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> &str {
        self.0.get(1).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns an argument. The first one has the number 1.
    pub(crate) fn argument(&self, number: usize) -> Value {
        self.0.get(number).cloned().unwrap_or_default()
    }
}

/// Returns one member of the answer.
pub(crate) fn answered(result: anyhow::Result<Value>) -> Value {
    match result {
        Ok(value) => json!({"ok": value}),
        Err(error) => json!({"err": {"kind": "error", "message": format!("{error:#}")}}),
    }
}

/// Adds two numbers.
pub(crate) fn sum(one: &Value, other: &Value) -> Value {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => json!(one + other),
        _ => json!(one.as_f64().unwrap_or_default() + other.as_f64().unwrap_or_default()),
    }
}
