//! actix-session 0.11 on actix-web, with its own stores.

use actix_session::config::{
    BrowserSession, CookieContentSecurity, PersistentSession, SessionLifecycle, TtlExtensionPolicy,
};
use actix_session::storage::{CookieSessionStore, RedisSessionStore, SessionStore};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use crate::operation::{Operation, answered, sum};
use crate::{Options, Seal};

pub(crate) fn serve(options: Options) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async move {
        if options.sessions.starts_with("redis:") {
            let store = RedisSessionStore::new(options.sessions.as_str()).await?;
            return run(move || store.clone(), options).await;
        }
        if options.sessions != "cookie" {
            bail!("--sessions {}: there are cookie and redis:", options.sessions);
        }
        run(CookieSessionStore::default, options).await
    })
}

async fn run<S: SessionStore + 'static>(
    store: impl Fn() -> S + Clone + Send + 'static,
    options: Options,
) -> anyhow::Result<()> {
    let key = Key::try_from(options.secret.as_bytes()).context("--secret")?;
    let port = options.port;
    let server = HttpServer::new(move || {
        let policy = || {
            if options.always_save { TtlExtensionPolicy::OnEveryRequest } else { TtlExtensionPolicy::OnStateChanges }
        };
        let lifecycle: SessionLifecycle = match options.inactivity {
            Some(seconds) => PersistentSession::default()
                .session_ttl(Duration::seconds(seconds))
                .session_ttl_extension_policy(policy())
                .into(),
            None => BrowserSession::default().state_ttl_extension_policy(policy()).into(),
        };
        let security = match options.seal {
            Seal::Signed => CookieContentSecurity::Signed,
            Seal::Plain | Seal::Private => CookieContentSecurity::Private,
        };
        let sessions = SessionMiddleware::builder(store(), key.clone())
            .cookie_name(options.cookie_name.clone())
            .cookie_secure(false)
            .cookie_same_site(SameSite::Lax)
            .cookie_content_security(security)
            .session_lifecycle(lifecycle)
            .build();
        App::new().wrap(sessions).route("/ops", web::post().to(operations))
    });
    server.workers(1).bind(("127.0.0.1", port))?.run().await?;
    Ok(())
}

async fn operations(session: Session, body: web::Bytes) -> HttpResponse {
    match Operation::all(&body) {
        Ok(operations) => {
            let results: Vec<Value> = operations.iter().map(|it| answered(performed(&session, it))).collect();
            HttpResponse::Ok().json(json!({ "results": results }))
        }
        Err(error) => HttpResponse::BadRequest().body(error.to_string()),
    }
}

fn performed(session: &Session, operation: &Operation) -> anyhow::Result<Value> {
    let key = operation.key();
    let get = |key: &str| Ok::<_, anyhow::Error>(session.get::<Value>(key)?);
    let insert = |key: &str, value: &Value| Ok::<_, anyhow::Error>(session.insert(key, value)?);
    Ok(match operation.name() {
        "get" => get(key)?.unwrap_or_default(),
        "contains" => json!(session.contains_key(key)),
        "keys" => session.entries().keys().cloned().collect(),
        "insert" => {
            insert(key, &operation.argument(2))?;
            Value::Null
        }
        "remove" => json!(session.remove(key).is_some()),
        "take" => session.remove_as::<Value>(key).and_then(Result::ok).unwrap_or_default(),
        "set_default" => match get(key)? {
            Some(value) => value,
            None => {
                insert(key, &operation.argument(2))?;
                operation.argument(2)
            }
        },
        "extend" => {
            let entries: Map<String, Value> = serde_json::from_value(operation.argument(1))?;
            for (key, value) in &entries {
                insert(key, value)?;
            }
            Value::Null
        }
        "add" => {
            let sum = sum(&get(key)?.unwrap_or(json!(0)), &operation.argument(2));
            insert(key, &sum)?;
            sum
        }
        "push" => {
            let mut list = session.get::<Vec<Value>>(key)?.unwrap_or_default();
            list.push(operation.argument(2));
            insert(key, &json!(list))?;
            json!(list.len())
        }
        "clear" => {
            session.clear();
            Value::Null
        }
        "invalidate" => {
            session.purge();
            Value::Null
        }
        "cycle_id" => {
            session.renew();
            Value::Null
        }
        name => bail!("there is no operation {name}"),
    })
}
