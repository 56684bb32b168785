//! Sessions shared with other frameworks.

use std::time::Duration;

use anyhow::bail;
use cloakroom::bridge::{
    ActixSessionCookie, ActixSessionRecord, BeakerCipher, BeakerCookie, BridgedCookies, CookieFormat, CookieLife,
    DjangoCookie, DjangoRecord, ExpressCookie, ExpressRecord, FlaskCookie, FlaskSessionRecord,
    FlaskSessionRecordBuilder, ForeignStore, Migration, MysqlRecords, PostgresRecords, PyramidCookie,
    PyramidNaclCookie, RailsCookie, RailsDigest, RecordFormat, RedisRecords, SharedRecords, SqliteRecords,
    StarletteCookie, TowerSessionsRecord,
};
use cloakroom::factory::SessionFactory;
use cloakroom::{CookieConfig, CookieSessions, Engine, Key, Timestamp};

use crate::options::Options;

/// Returns the engine for a framework if the back end starts with a framework's name. The part
/// after the colon selects one of the framework's formats.
pub(crate) async fn engine(options: &Options) -> anyhow::Result<Option<Engine>> {
    let (framework, kind) = options.backend.split_once(':').unwrap_or((&options.backend, ""));
    Ok(Some(match framework {
        "pyramid" => pyramid(options, kind)?,
        "beaker" => beaker(options, kind)?,
        "flask" => flask(options)?,
        "flask-session" => flask_session(options, kind).await?,
        "django" => django(options, kind)?,
        "express" => express(options, kind).await?,
        "rails" => rails(options, kind)?,
        "starlette" => starlette(options)?,
        "tower-sessions" => tower_sessions(options, kind).await?,
        "actix-session" => actix_session(options, kind).await?,
        _ => return Ok(None),
    }))
}

fn pyramid(options: &Options, kind: &str) -> anyhow::Result<Engine> {
    let secret = options.secret.as_str();
    match kind {
        "nacl" => {
            let digits: Vec<char> = secret.chars().collect();
            let bytes = digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16));
            cookies(PyramidNaclCookie::new(bytes.collect::<Result<Vec<u8>, _>>()?)?, options)
        }
        hash => {
            let builder = PyramidCookie::new(secret);
            let builder = options.salt.as_deref().into_iter().fold(builder, |builder, salt| builder.salt(salt));
            let builder = if hash.is_empty() { builder } else { builder.hash_algorithm(hash.parse()?) };
            cookies(builder.build()?, options)
        }
    }
}

fn beaker(options: &Options, key: &str) -> anyhow::Result<Engine> {
    let builder = BeakerCookie::new(options.secret.as_str());
    let builder = if key.is_empty() { builder } else { builder.encrypt_key(key, BeakerCipher::AesGcm) };
    let life = options.cookie_expires.as_deref().map(|text| {
        Ok::<_, anyhow::Error>(match text.strip_prefix('@') {
            Some(date) => CookieLife::Until(Timestamp::from_unix_secs(date.parse()?)),
            None => CookieLife::Lasts(Duration::from_secs(text.parse()?)),
        })
    });
    let builder = life.transpose()?.into_iter().fold(builder, |builder, life| builder.cookie_expires(life));
    cookies(builder.build()?, options)
}

fn flask(options: &Options) -> anyhow::Result<Engine> {
    let builder = FlaskCookie::new(options.secret.as_str());
    let builder = options.previous.as_deref().into_iter().fold(builder, |builder, secret| builder.fallback(secret));
    let builder = options.idle().into_iter().fold(builder, |builder, idle| builder.permanent_lifetime(idle));
    let builder = builder.refresh_each_request(!options.no_refresh);
    cookies(builder.build()?, options)
}

/// `FORMAT:URL`, where the format is msgpack, json or signed.
async fn flask_session(options: &Options, kind: &str) -> anyhow::Result<Engine> {
    let (format, url) = kind.split_once(':').unwrap_or((kind, ""));
    let builder = FlaskSessionRecord::builder().permanent(!options.at_browser_close);
    let builder = builder.refresh_each_request(!options.no_refresh);
    let builder = match format {
        "msgpack" => builder,
        "json" => builder.json(),
        "signed" => builder.signed(options.secret.as_str()),
        _ => bail!("--backend flask-session:{format}: unknown; there are msgpack, json and signed"),
    };
    let builder = options.idle().into_iter().fold(builder, FlaskSessionRecordBuilder::permanent_lifetime);
    records(builder.build()?, RedisRecords::connect(url).await?.prefix("session:"), options)
}

fn django(options: &Options, place: &str) -> anyhow::Result<Engine> {
    let secret = options.secret.as_str();
    let previous = options.previous.as_deref();
    if place.is_empty() {
        let builder = previous.into_iter().fold(DjangoCookie::new(secret), |builder, secret| builder.fallback(secret));
        let builder = builder.expire_at_browser_close(options.at_browser_close);
        let builder = options.salt.iter().fold(builder, |builder, salt| builder.salt(salt));
        return cookies(builder.csrf_cookie_masked(options.csrf_masked).build()?, options);
    }
    let format = DjangoRecord::with_fallbacks(secret, previous)?.expire_at_browser_close(options.at_browser_close);
    let format = options.salt.iter().try_fold(format, |format, salt| format.salt(salt))?;
    let format = format.csrf_cookie_masked(options.csrf_masked);
    match place.strip_prefix("sqlite:") {
        Some(path) => {
            let store = SqliteRecords::django(path)?;
            let store = options.table.iter().fold(store, |store, table| store.table(table));
            records(format, if options.local_time { store.local_time() } else { store }, options)
        }
        None => records(format, PostgresRecords::django(place)?, options),
    }
}

async fn express(options: &Options, place: &str) -> anyhow::Result<Engine> {
    let (secret, previous) = (options.secret.as_str(), options.previous.as_deref());
    if place.is_empty() {
        let builder = previous.into_iter().fold(ExpressCookie::new(secret), |builder, secret| builder.previous(secret));
        return cookies(builder.build()?, options);
    }
    let builder = previous.into_iter().fold(ExpressRecord::new(secret), |builder, secret| builder.previous(secret));
    let builder = options.idle().into_iter().fold(builder, |builder, idle| builder.max_age(idle));
    let builder = options.ttl().into_iter().fold(builder, |builder, ttl| builder.ttl(ttl));
    let format = builder.rolling(options.rolling).build()?;
    if place.starts_with("redis:") {
        let store = RedisRecords::connect(place).await?;
        records(format, options.prefix.iter().fold(store, |store, prefix| store.prefix(prefix)), options)
    } else {
        let store = PostgresRecords::express(place)?;
        let store = options.table.iter().fold(store, |store, table| store.table("public", table));
        records(format, options.time_zone.iter().fold(store, |store, zone| store.time_zone(zone)), options)
    }
}

fn rails(options: &Options, kind: &str) -> anyhow::Result<Engine> {
    let secret = options.secret.as_str();
    let digest = if kind == "sha1" { RailsDigest::Sha1 } else { RailsDigest::Sha256 };
    let builder = match kind {
        "" | "sha1" => RailsCookie::encrypted(secret),
        "signed" => RailsCookie::signed(secret),
        "bare" => RailsCookie::encrypted(secret).without_metadata(),
        _ => bail!("--backend rails:{kind}: unknown; there are sha1, signed and bare"),
    };
    let builder = builder.digest(digest);
    let previous = options.previous.as_deref();
    let builder = previous.into_iter().fold(builder, |builder, secret| builder.also_read(secret, digest));
    let builder = options.idle().into_iter().fold(builder, |builder, idle| builder.expire_after(idle));
    cookies(builder.build()?, options)
}

fn starlette(options: &Options) -> anyhow::Result<Engine> {
    let builder = StarletteCookie::new(options.secret.as_str());
    let builder = options.previous.as_deref().into_iter().fold(builder, |builder, secret| builder.previous(secret));
    let builder = if options.at_browser_close { builder.max_age(None) } else { builder };
    cookies(builder.build()?, options)
}

/// `KIND:URL`, where the kind of the cookie is plain, signed or private.
async fn tower_sessions(options: &Options, kind: &str) -> anyhow::Result<Engine> {
    let (kind, place) = kind.split_once(':').unwrap_or((kind, ""));
    let secret = options.secret.as_str();
    let format = match kind {
        "plain" => TowerSessionsRecord::plain(),
        "signed" => TowerSessionsRecord::signed(secret)?,
        "private" => TowerSessionsRecord::private(secret)?,
        _ => bail!("--backend tower-sessions:{kind}: unknown; there are plain, signed and private"),
    };
    let format =
        options.idle().into_iter().fold(format, TowerSessionsRecord::on_inactivity).always_save(options.rolling);
    match place.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => records(format, SqliteRecords::tower_sessions(place.trim_start_matches("sqlite:"))?, options),
        Some("redis") => records(format, RedisRecords::connect(place).await?.prefix(""), options),
        Some("mysql") => records(format, MysqlRecords::tower_sessions(place)?, options),
        _ => records(format, PostgresRecords::tower_sessions(place)?, options),
    }
}

/// `KIND` for cookies that hold the session, `KIND:URL` for records in Redis.
async fn actix_session(options: &Options, kind: &str) -> anyhow::Result<Engine> {
    let (kind, place) = kind.split_once(':').unwrap_or((kind, ""));
    let (secret, idle) = (options.secret.as_str(), options.idle());
    if place.is_empty() {
        let format = match kind {
            "signed" => ActixSessionCookie::signed(secret)?,
            _ => ActixSessionCookie::private(secret)?,
        };
        let format = idle.into_iter().fold(format, ActixSessionCookie::session_ttl).on_every_request(options.rolling);
        let builder = BridgedCookies::new(format).cookie(options.cookie());
        return engine_of(builder.build()?, options);
    }
    let format = match kind {
        "signed" => ActixSessionRecord::signed(secret)?,
        _ => ActixSessionRecord::private(secret)?,
    };
    let format = idle.into_iter().fold(format, ActixSessionRecord::session_ttl).on_every_request(options.rolling);
    records(format, RedisRecords::connect(place).await?.prefix(""), options)
}

fn cookies(format: impl CookieFormat, options: &Options) -> anyhow::Result<Engine> {
    let lifetimes = options.adjusted(format.lifetimes());
    let builder = BridgedCookies::new(format).cookie(options.cookie()).lifetimes(lifetimes);
    let builder = options.max_age().into_iter().fold(builder, |builder, max_age| builder.max_age(max_age));
    engine_of(builder.build()?, options)
}

fn records(format: impl RecordFormat, store: impl ForeignStore, options: &Options) -> anyhow::Result<Engine> {
    let lifetimes = options.adjusted(format.lifetimes());
    engine_of(SharedRecords::new(format, store).cookie(options.cookie()).lifetimes(lifetimes).build()?, options)
}

/// Returns the engine for a factory, or for a migration away from it.
fn engine_of(old: impl SessionFactory, options: &Options) -> anyhow::Result<Engine> {
    let Some(phase) = options.phase else { return Ok(Engine::new(old)) };
    let cookie = CookieConfig::default().name("moved").danger_insecure();
    let new = CookieSessions::encrypted(Key::new(&options.secret)?).cookie(cookie).build()?;
    Ok(Engine::new(Migration::new(old, new, phase)))
}
