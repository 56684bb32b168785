//! The operations.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use cloakroom::{Error, Session};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};
use tokio::sync::watch;

use crate::conversation;

/// The names passed to `signal` so far. A request that runs `await` continues once its name is
/// here, so that a test decides the order of two requests however busy the machine is.
static SIGNALS: LazyLock<watch::Sender<BTreeSet<String>>> = LazyLock::new(watch::Sender::default);

/// The reason why an operation has no result.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Failure {
    fn bad(message: impl Into<String>) -> Self {
        Self { kind: "bad-operation", message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kinds = [
            ("encode", error.is_encode()),
            ("decode", error.is_decode()),
            ("too-large", error.is_too_large()),
            ("conflict", error.is_conflict()),
            ("headers-sent", error.is_headers_sent()),
            ("unavailable", error.is_unavailable()),
        ];
        let kind = kinds.into_iter().find(|(_, is)| *is).map_or("other", |(kind, _)| kind);
        Self { kind, message: error.to_string() }
    }
}

/// A number that starts at 0 and stays an integer as long as possible.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Sum(Number);

impl Default for Sum {
    fn default() -> Self {
        Self(Number::from(0))
    }
}

impl Sum {
    fn add(&mut self, other: &Number) -> Value {
        let exact =
            self.0.as_i64().zip(other.as_i64()).and_then(|(one, other)| one.checked_add(other)).map(Number::from);
        let rounded = || Number::from_f64(self.0.as_f64().unwrap_or(0.0) + other.as_f64().unwrap_or(0.0));
        if let Some(sum) = exact.or_else(rounded) {
            self.0 = sum;
        }
        Value::Number(self.0.clone())
    }
}

/// Runs one operation, given as a JSON list of its name and arguments.
pub(crate) async fn run(session: &Session, operation: &Value) -> Result<Value, Failure> {
    let list = operation.as_array().ok_or_else(|| Failure::bad("an operation is a list"))?;
    let Some((Value::String(name), arguments)) = list.split_first() else {
        return Err(Failure::bad("an operation starts with its name"));
    };
    let arguments = Arguments { name, values: arguments };
    match name.as_str() {
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(arguments.whole(0)?)).await;
            Ok(Value::Null)
        }
        "commit_now" => {
            session.commit_now().await?;
            Ok(Value::Null)
        }
        "await" => {
            let name = arguments.text(0)?;
            // The sender is never dropped, so only the signal ends this wait.
            let _ = SIGNALS.subscribe().wait_for(|given| given.contains(name)).await;
            Ok(Value::Null)
        }
        "tell" => {
            let told = conversation::tell(arguments.text(0)?, arguments.value(1)?.clone()).await;
            told.ok_or_else(|| Failure::bad("the conversation has ended"))
        }
        "finish" => {
            let status = u16::try_from(arguments.whole(1)?).map_err(|_| arguments.wrong(1, "a status"))?;
            Ok(json!(conversation::finish(arguments.text(0)?, status).await))
        }
        _ => at_once(session, name, &arguments),
    }
}

/// Formats the result of an operation as JSON.
pub(crate) fn answer(result: Result<Value, Failure>) -> Value {
    match result {
        Ok(value) => json!({"ok": value}),
        Err(failure) => json!({"err": {"kind": failure.kind, "message": failure.message}}),
    }
}

fn at_once(session: &Session, name: &str, arguments: &Arguments<'_>) -> Result<Value, Failure> {
    Ok(match name {
        "get" => session.get::<Value>(arguments.text(0)?)?.unwrap_or_default(),
        "contains" => json!(session.contains_key(arguments.text(0)?)),
        "keys" => json!(session.keys()),
        "len" => json!(session.len()),
        "entries" => Value::Object(session.entries::<Value>()?.into_iter().collect()),
        "insert" => {
            session.insert(arguments.text(0)?, arguments.value(1)?)?;
            Value::Null
        }
        "remove" => json!(session.remove(arguments.text(0)?)),
        "take" => session.take::<Value>(arguments.text(0)?)?.unwrap_or_default(),
        "set_default" => {
            session.get_or_insert_with(arguments.text(0)?, || arguments.value(1).cloned().unwrap_or_default())?
        }
        "extend" => {
            session.extend(arguments.object(0)?)?;
            Value::Null
        }
        "pop_item" => json!(session.pop_item::<Value>()?),
        "clear" => {
            session.clear();
            Value::Null
        }
        "add" => {
            let number = arguments.number(1)?.clone();
            session.update(arguments.text(0)?, move |sum: &mut Sum| sum.add(&number))?
        }
        "push" => {
            let value = arguments.value(1)?.clone();
            let push = move |list: &mut Vec<Value>| {
                list.push(value.clone());
                list.len()
            };
            json!(session.update(arguments.text(0)?, push)?)
        }
        "flash" => {
            let queue = session.flash_queue(arguments.text_or_empty(1)?);
            if arguments.flag_or(2, true)? {
                queue.push_value(arguments.value(0)?)?;
            } else {
                queue.push_value_unique(arguments.value(0)?)?;
            }
            Value::Null
        }
        "pop_flash" => json!(session.flash_queue(arguments.text_or_empty(0)?).pop::<Value>()),
        "pop_flash_texts" => json!(session.flash_queue(arguments.text_or_empty(0)?).pop::<String>()),
        "peek_flash" => json!(session.flash_queue(arguments.text_or_empty(0)?).peek::<Value>()),
        "flash_now" => {
            session.flash_queue(arguments.text_or_empty(1)?).push_now(arguments.text(0)?);
            Value::Null
        }
        "keep_flash" => {
            session.flash_queue(arguments.text_or_empty(0)?).keep();
            Value::Null
        }
        "csrf_token" => json!(session.csrf_token()?.expose()),
        "masked_csrf_token" => json!(session.masked_csrf_token()?),
        "new_csrf_token" => json!(session.new_csrf_token()?.expose()),
        "stored_csrf_token" => json!(session.record().csrf().map(|token| token.expose().to_owned())),
        "check_csrf" => {
            let submitted = arguments.text(0)?;
            json!(session.record().csrf().is_some_and(|token| token.matches(submitted)))
        }
        "created" => json!(session.created()),
        "is_new" => json!(session.is_new()),
        "changed" => {
            session.changed();
            Value::Null
        }
        "invalidate" => {
            session.invalidate();
            Value::Null
        }
        "cycle_id" => {
            session.cycle_id();
            Value::Null
        }
        "remember" => {
            session.remember(Duration::from_secs(arguments.whole(0)?));
            Value::Null
        }
        "set_owner" => {
            session.set_owner(arguments.text(0)?);
            Value::Null
        }
        "signal" => {
            let name = arguments.text(0)?.to_owned();
            SIGNALS.send_modify(|given| _ = given.insert(name));
            Value::Null
        }
        other => return Err(Failure::bad(format!("there is no operation {other:?}"))),
    })
}

struct Arguments<'a> {
    name: &'a str,
    values: &'a [Value],
}

impl<'a> Arguments<'a> {
    fn wrong(&self, index: usize, wanted: &str) -> Failure {
        Failure::bad(format!("{}: argument {} must be {wanted}", self.name, index + 1))
    }

    fn value(&self, index: usize) -> Result<&'a Value, Failure> {
        self.values.get(index).ok_or_else(|| self.wrong(index, "there"))
    }

    fn text(&self, index: usize) -> Result<&'a str, Failure> {
        self.value(index)?.as_str().ok_or_else(|| self.wrong(index, "a string"))
    }

    fn text_or_empty(&self, index: usize) -> Result<&'a str, Failure> {
        match self.values.get(index) {
            None | Some(Value::Null) => Ok(""),
            Some(_) => self.text(index),
        }
    }

    fn flag_or(&self, index: usize, default: bool) -> Result<bool, Failure> {
        match self.values.get(index) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(index, "true or false")),
        }
    }

    fn number(&self, index: usize) -> Result<&'a Number, Failure> {
        self.value(index)?.as_number().ok_or_else(|| self.wrong(index, "a number"))
    }

    fn whole(&self, index: usize) -> Result<u64, Failure> {
        self.value(index)?.as_u64().ok_or_else(|| self.wrong(index, "a whole number"))
    }

    fn object(&self, index: usize) -> Result<&'a Map<String, Value>, Failure> {
        self.value(index)?.as_object().ok_or_else(|| self.wrong(index, "an object"))
    }
}
