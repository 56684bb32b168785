//! tower-sessions 0.14 and 0.15 on axum, with their own stores.
//!
//! The stores are those of 0.14; 0.15 has none yet. Its application uses them through [`Forward`].

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use axum::Router;
use axum::extract::{FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use axum_messages::{Level, Messages, MessagesManagerLayer};
use fred::prelude::{ClientLike as _, Config, Pool};
use serde_json::{Value, json};
use sqlx::{MySqlPool, PgPool, SqlitePool};
use tower_sessions_core_14 as core14;
use tower_sessions_core_15 as core15;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_sqlx_store::{MySqlStore, PostgresStore, SqliteStore};

use crate::operation::{Operation, answered, sum};
use crate::{Library, Options, Seal};

pub(crate) async fn serve(options: Options) -> anyhow::Result<()> {
    let place = options.sessions.clone();
    if place == "memory" {
        return match options.library {
            Library::Tower15 => v15::run(tower_sessions_15::MemoryStore::default(), options).await,
            _ => v14::run(tower_sessions_14::MemoryStore::default(), options).await,
        };
    }
    if place.starts_with("redis:") {
        let pool = Pool::new(Config::from_url(&place)?, None, None, None, 2)?;
        pool.init().await?;
        return on(RedisStore::new(pool), options).await;
    }
    if place.starts_with("postgres:") {
        let store = PostgresStore::new(PgPool::connect(&place).await?);
        store.migrate().await?;
        return on(store, options).await;
    }
    if place.starts_with("mysql:") {
        let store = MySqlStore::new(MySqlPool::connect(&place).await?);
        store.migrate().await?;
        return on(store, options).await;
    }
    if place.starts_with("sqlite:") {
        let store = SqliteStore::new(SqlitePool::connect(&format!("{place}?mode=rwc")).await?);
        store.migrate().await?;
        return on(store, options).await;
    }
    bail!("--sessions {place}: unknown")
}

async fn on<S: core14::SessionStore + Clone>(store: S, options: Options) -> anyhow::Result<()> {
    match options.library {
        Library::Tower15 => v15::run(Forward(store), options).await,
        _ => v14::run(store, options).await,
    }
}

/// A store of 0.14 for 0.15: the records have the same members.
#[derive(Clone, Debug)]
struct Forward<S>(S);

fn to14(record: &core15::session::Record) -> core14::session::Record {
    let core15::session::Record { id, data, expiry_date } = record.clone();
    core14::session::Record { id: core14::session::Id(id.0), data, expiry_date }
}

fn failed(error: core14::session_store::Error) -> core15::session_store::Error {
    core15::session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl<S: core14::SessionStore> core15::SessionStore for Forward<S> {
    async fn create(&self, record: &mut core15::session::Record) -> core15::session_store::Result<()> {
        let mut inner = to14(record);
        self.0.create(&mut inner).await.map_err(failed)?;
        record.id = core15::session::Id(inner.id.0);
        Ok(())
    }

    async fn save(&self, record: &core15::session::Record) -> core15::session_store::Result<()> {
        self.0.save(&to14(record)).await.map_err(failed)
    }

    async fn load(&self, id: &core15::session::Id) -> core15::session_store::Result<Option<core15::session::Record>> {
        let found = self.0.load(&core14::session::Id(id.0)).await.map_err(failed)?;
        Ok(found.map(|record| core15::session::Record {
            id: core15::session::Id(record.id.0),
            data: record.data,
            expiry_date: record.expiry_date,
        }))
    }

    async fn delete(&self, id: &core15::session::Id) -> core15::session_store::Result<()> {
        self.0.delete(&core14::session::Id(id.0)).await.map_err(failed)
    }
}

macro_rules! application {
    ($module:ident, $library:ident, $messages:expr) => {
        mod $module {
            use $library::cookie::Key;
            use $library::{Expiry, Session, SessionManagerLayer, SessionStore};

            use super::*;

            pub(super) async fn run(store: impl SessionStore + Clone, options: Options) -> anyhow::Result<()> {
                let layer = SessionManagerLayer::new(store)
                    .with_name(options.cookie_name.clone())
                    .with_secure(false)
                    .with_always_save(options.always_save);
                let layer = match options.inactivity {
                    Some(seconds) => layer.with_expiry(Expiry::OnInactivity(time::Duration::seconds(seconds))),
                    None => layer,
                };
                let key = || Key::try_from(options.secret.as_bytes()).context("--secret");
                let routes = Router::new().route("/ops", post(operations));
                let routes = $messages(routes);
                let routes = match options.seal {
                    Seal::Plain => routes.layer(layer),
                    Seal::Signed => routes.layer(layer.with_signed(key()?)),
                    Seal::Private => routes.layer(layer.with_private(key()?)),
                };
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", options.port)).await?;
                axum::serve(listener, routes).await?;
                Ok(())
            }

            async fn operations(session: Session, request: Request) -> impl IntoResponse {
                let (mut parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
                let operations = match Operation::all(&body) {
                    Ok(operations) => operations,
                    Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()),
                };
                // The extractor drops the messages that an earlier request has not read, so a
                // handler without messages doesn't use it.
                let mut messages = match operations.iter().any(|operation| operation.name().ends_with("flash")) {
                    true => Messages::from_request_parts(&mut parts, &()).await.ok(),
                    false => None,
                };
                let mut results = Vec::new();
                for operation in operations {
                    let answer = match messages.as_mut().and_then(|messages| flash(messages, &operation)) {
                        Some(answer) => answer,
                        None => performed(&session, &operation).await,
                    };
                    results.push(answered(answer));
                }
                (StatusCode::OK, json!({ "results": results }).to_string())
            }

            async fn performed(session: &Session, operation: &Operation) -> anyhow::Result<Value> {
                let key = operation.key();
                Ok(match operation.name() {
                    "get" => session.get_value(key).await?.unwrap_or_default(),
                    "contains" => json!(session.get_value(key).await?.is_some()),
                    "insert" => {
                        session.insert_value(key, operation.argument(2)).await?;
                        Value::Null
                    }
                    "remove" => json!(session.remove_value(key).await?.is_some()),
                    "take" => session.remove_value(key).await?.unwrap_or_default(),
                    "set_default" => match session.get_value(key).await? {
                        Some(value) => value,
                        None => {
                            session.insert_value(key, operation.argument(2)).await?;
                            operation.argument(2)
                        }
                    },
                    "extend" => {
                        let entries: HashMap<String, Value> = serde_json::from_value(operation.argument(1))?;
                        for (key, value) in entries {
                            session.insert_value(&key, value).await?;
                        }
                        Value::Null
                    }
                    "add" => {
                        let there = session.get_value(key).await?.unwrap_or(json!(0));
                        let sum = sum(&there, &operation.argument(2));
                        session.insert_value(key, sum.clone()).await?;
                        sum
                    }
                    "push" => {
                        let mut list: Vec<Value> = session.get(key).await?.unwrap_or_default();
                        list.push(operation.argument(2));
                        let length = list.len();
                        session.insert(key, list).await?;
                        json!(length)
                    }
                    "clear" => {
                        session.clear().await;
                        Value::Null
                    }
                    "invalidate" => {
                        session.flush().await?;
                        Value::Null
                    }
                    "cycle_id" => {
                        session.cycle_id().await?;
                        Value::Null
                    }
                    // Seconds, `{"in": seconds}` for a date, or `null` for the browser session.
                    "set_expiry" => {
                        let expiry = operation.argument(1);
                        let seconds = |value: &Value| value.as_i64().map(time::Duration::seconds);
                        if let Some(span) = seconds(&expiry) {
                            session.set_expiry(Some(Expiry::OnInactivity(span)));
                        } else if let Some(span) = seconds(&expiry["in"]) {
                            session.set_expiry(Some(Expiry::AtDateTime(time::OffsetDateTime::now_utc() + span)));
                        } else if expiry.is_null() {
                            session.set_expiry(Some(Expiry::OnSessionEnd));
                        }
                        Value::Null
                    }
                    name => bail!("there is no operation {name}"),
                })
            }
        }
    };
}

application!(v14, tower_sessions_14, |routes: Router| routes.layer(MessagesManagerLayer));
application!(v15, tower_sessions_15, |routes: Router| routes);

/// Performs an operation on messages; `None` if it is another one.
///
/// A message that isn't one of a level keeps its body in the metadata.
fn flash(messages: &mut Messages, operation: &Operation) -> Option<anyhow::Result<Value>> {
    match operation.name() {
        "flash" => {
            let body = operation.argument(1);
            let queue = operation.argument(2).as_str().filter(|queue| !queue.is_empty()).map(str::to_owned);
            let mut metadata = HashMap::new();
            if let Some(queue) = queue {
                metadata.insert("queue".to_owned(), json!(queue));
            }
            let level = |name: &Value| match name.as_str()? {
                "debug" => Some(Level::Debug),
                "info" => Some(Level::Info),
                "success" => Some(Level::Success),
                "warning" => Some(Level::Warning),
                "error" => Some(Level::Error),
                _ => None,
            };
            let leveled = body.as_array().filter(|parts| parts.len() == 2 && parts[1].is_string());
            let (level, text) = match leveled.and_then(|parts| Some((level(&parts[0])?, parts[1].as_str()?))) {
                Some((level, text)) => (level, text.to_owned()),
                None => {
                    metadata.insert("body".to_owned(), body.clone());
                    (Level::Info, body.as_str().map_or_else(|| body.to_string(), str::to_owned))
                }
            };
            let metadata = if metadata.is_empty() { None } else { Some(metadata) };
            *messages = messages.clone().push(level, text, metadata);
            Some(Ok(Value::Null))
        }
        "pop_flash" => {
            let queue = operation.argument(1);
            let wanted = queue.as_str().unwrap_or_default();
            let (taken, others): (Vec<_>, Vec<_>) = messages.by_ref().partition(|message| {
                let metadata = message.metadata.as_ref();
                metadata.and_then(|it| it.get("queue")).and_then(Value::as_str).unwrap_or_default() == wanted
            });
            // Messages of other queues wait for the next request.
            for other in others {
                *messages = messages.clone().push(other.level, other.message, other.metadata);
            }
            let body = |message: axum_messages::Message| {
                let body = message.metadata.as_ref().and_then(|it| it.get("body")).cloned();
                body.unwrap_or_else(|| json!([message.level.to_string().to_lowercase(), message.message]))
            };
            Some(Ok(taken.into_iter().map(body).collect()))
        }
        _ => None,
    }
}
