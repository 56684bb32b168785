//! Sessions shared with other frameworks.

use anyhow::bail;
use cloakroom::Engine;
use cloakroom::bridge::{
    BeakerCipher, BeakerCookie, BridgedCookies, CookieFormat, DjangoCookie, DjangoRecord, ExpressCookie, ExpressRecord,
    FlaskCookie, ForeignStore, PostgresRecords, PyramidCookie, PyramidNaclCookie, RailsCookie, RailsDigest,
    RecordFormat, RedisRecords, SharedRecords, SqliteRecords, StarletteCookie,
};

use crate::options::Options;

/// Returns the engine for a framework if the back end starts with a framework's name. The part
/// after the colon selects one of the framework's formats.
pub(crate) async fn engine(options: &Options) -> anyhow::Result<Option<Engine>> {
    let (framework, kind) = options.backend.split_once(':').unwrap_or((&options.backend, ""));
    Ok(Some(match framework {
        "pyramid" => pyramid(options, kind)?,
        "beaker" => beaker(options, kind)?,
        "flask" => flask(options)?,
        "django" => django(options, kind)?,
        "express" => express(options, kind).await?,
        "rails" => rails(options, kind)?,
        "starlette" => starlette(options)?,
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
    cookies(builder.build()?, options)
}

fn flask(options: &Options) -> anyhow::Result<Engine> {
    let builder = FlaskCookie::new(options.secret.as_str());
    let builder = options.previous.as_deref().into_iter().fold(builder, |builder, secret| builder.fallback(secret));
    cookies(builder.build()?, options)
}

fn django(options: &Options, place: &str) -> anyhow::Result<Engine> {
    let secret = options.secret.as_str();
    let previous = options.previous.as_deref();
    if place.is_empty() {
        let builder = previous.into_iter().fold(DjangoCookie::new(secret), |builder, secret| builder.fallback(secret));
        return cookies(builder.expire_at_browser_close(options.at_browser_close).build()?, options);
    }
    let format = DjangoRecord::with_fallbacks(secret, previous)?.expire_at_browser_close(options.at_browser_close);
    match place.strip_prefix("sqlite:") {
        Some(path) => records(format, SqliteRecords::django(path)?, options),
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
    let format = builder.rolling(options.rolling).build()?;
    if place.starts_with("redis:") {
        records(format, RedisRecords::connect(place).await?, options)
    } else {
        records(format, PostgresRecords::express(place)?, options)
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

fn cookies(format: impl CookieFormat, options: &Options) -> anyhow::Result<Engine> {
    let lifetimes = options.adjusted(format.lifetimes());
    let builder = BridgedCookies::new(format).cookie(options.cookie()).lifetimes(lifetimes);
    let builder = options.max_age().into_iter().fold(builder, |builder, max_age| builder.max_age(max_age));
    Ok(Engine::new(builder.build()?))
}

fn records(format: impl RecordFormat, store: impl ForeignStore, options: &Options) -> anyhow::Result<Engine> {
    let lifetimes = options.adjusted(format.lifetimes());
    Ok(Engine::new(SharedRecords::new(format, store).cookie(options.cookie()).lifetimes(lifetimes).build()?))
}
