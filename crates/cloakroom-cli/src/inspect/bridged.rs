//! Cookies of other frameworks.
//!
//! | file | what it is about |
//! |---|---|
//! | `framework` | which there are, and in what ways they seal |
//! | `shape` | what a cookie looks like without its secret |

mod framework;
mod shape;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum as _};
use cloakroom::bridge::{CookieFormat, Presented};
use cloakroom::{Record, Rejected, Timestamp};
use serde_json::Value;

pub(super) use self::framework::Framework;
use self::framework::{Reader, Way};
use self::shape::{seal, shape};
use super::Question;
use super::report::{Report, Verdict};
use super::sealed::{out_of_time, refused};
use crate::outcome::WrongUse;

#[derive(Args, Debug)]
pub(super) struct OtherOptions {
    /// It is a cookie of this framework
    #[arg(long, value_enum)]
    framework: Option<Framework>,
    /// File with that framework's secret, as it is in its configuration; of Rails, Plug and Phoenix
    /// that is secret_key_base, of Beaker validate_key
    #[arg(long, value_name = "FILE", requires = "framework")]
    secret_file: Option<PathBuf>,
    /// Variable of the environment with that framework's secret
    #[arg(long, value_name = "NAME", requires = "framework", conflicts_with = "secret_file")]
    secret_env: Option<String>,
    /// File with Beaker's encrypt_key, if its cookies are encrypted
    #[arg(long, value_name = "FILE", requires = "framework")]
    encrypt_key_file: Option<PathBuf>,
    /// Variable of the environment with Beaker's encrypt_key
    #[arg(long, value_name = "NAME", requires = "framework", conflicts_with = "encrypt_key_file")]
    encrypt_key_env: Option<String>,
    /// Plug's signing_salt, or its encryption_salt if cookies are encrypted; the salt of Pyramid
    /// and Flask, where they were given another one than their own
    #[arg(long, requires = "framework")]
    salt: Option<String>,
}

/// A framework, and what was given of its configuration.
pub(super) struct Other {
    pub(super) framework: Framework,
    pub(super) secret: Option<String>,
    pub(super) encrypt_key: Option<String>,
    pub(super) salt: Option<String>,
}

impl OtherOptions {
    pub(super) fn read(&self) -> anyhow::Result<Option<Other>> {
        let Some(framework) = self.framework else { return Ok(None) };
        let secret = secret_of(self.secret_file.as_deref(), self.secret_env.as_deref())?;
        let encrypt_key = secret_of(self.encrypt_key_file.as_deref(), self.encrypt_key_env.as_deref())?;
        Ok(Some(Other { framework, secret, encrypt_key, salt: self.salt.clone() }))
    }
}

/// A secret of another framework, from where it was said to be.
fn secret_of(file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Option<String>> {
    let text = match (file, variable) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path);
            text.with_context(|| format!("reading the secret from {}", path.display()))?
        }
        (None, Some(name)) => {
            let text = std::env::var(name);
            text.map_err(|_| WrongUse::new(format!("the variable {name} of the environment isn't set")))?
        }
        (None, None) => return Ok(None),
    };
    // An editor's newline; spaces may be a part of it.
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Opens it as a cookie of the framework that was named.
pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let Some(other) = &question.other else { return Ok(None) };
    let framework = other.framework;
    let says = framework.says(&question.cookie.value);
    let Some(secret) = &other.secret else {
        let why = "no secret was given (--secret-file, --secret-env)";
        return Ok(Some(Report::new(says, Verdict::unchecked(why))));
    };
    let ways = framework.ways(&question.cookie.value, secret, other);
    let ways = ways.map_err(|why| WrongUse::new(why.to_string()))?;
    if let Some(name) = ways.iter().find_map(|way| missing(way, question)) {
        let why = format!("its signature is another cookie, {name}: give both, as the header Cookie has them");
        return Ok(Some(Report::new(says, Verdict::unchecked(why))));
    }
    Ok(Some(match open(&ways, question) {
        Ok((way, found)) => described(says, found, question).fact("algorithm", way.algorithm),
        Err((way, why)) => {
            let verdict = match framework.hint(why) {
                Some(hint) => Verdict::refused(why.as_str(), why.to_string(), hint),
                None => refused(why, "", None),
            };
            let report = Report::new(says, verdict);
            // Where the seal holds, it is known how it was made.
            match way.filter(|_| is_about_content(why)) {
                Some(way) => report.fact("algorithm", way.algorithm),
                None => report,
            }
        }
    }))
}

/// What a cookie holds whose seal is good.
enum Found {
    Session {
        record: Box<Record>,
        /// Whether these times are in the cookie. Some formats have none, and take that of the
        /// request.
        dates: Dates,
    },
    Id(String),
}

struct Dates {
    has_created: bool,
    has_touched: bool,
}

/// The first way that opens it; else the reason of the one that came furthest.
fn open<'a>(ways: &'a [Way], question: &Question<'_>) -> Result<(&'a Way, Found), (Option<&'a Way>, Rejected)> {
    if question.cookie.is_too_long() {
        return Err((None, Rejected::TooLong));
    }
    let mut furthest = (None, Rejected::Forged);
    for way in ways {
        match (read(way, question), furthest.1) {
            (Ok(found), _) => return Ok((way, found)),
            (Err(Rejected::Forged), _) | (Err(Rejected::Corrupt), Rejected::Corrupt) => {}
            // Opened with the wrong cipher, it is damaged.
            (Err(why), Rejected::Forged | Rejected::Corrupt) => furthest = (Some(way), why),
            (Err(_), _) => {}
        }
    }
    Err(furthest)
}

fn read(way: &Way, question: &Question<'_>) -> Result<Found, Rejected> {
    let cookie = Presented::new(&question.cookie.name, &question.cookie.value);
    let format = match &way.reader {
        Reader::Session(format) => format,
        Reader::Id(format) => return format.open_id(cookie).map(Found::Id),
    };
    let cookie = cookie.with_companion(companion(&**format, question).and_then(|name| question.cookie.other(&name)));
    let at = |now| format.open(cookie.at(now), &format.lifetimes());
    let record = at(question.now)?;
    // What moves with the moment of asking isn't in the cookie.
    let (clock, other) = (record.clockwork(), at(Timestamp::from_unix_secs(0))?);
    let dates = Dates {
        has_created: clock.created == other.clockwork().created,
        has_touched: clock.touched == other.clockwork().touched,
    };
    Ok(Found::Session { record: Box::new(record), dates })
}

fn described(says: &'static str, found: Found, question: &Question<'_>) -> Report {
    match found {
        Found::Session { record, dates } => {
            let verdict = out_of_time(&record, question.now).map_or(Verdict::Opens, |why| refused(why, "", None));
            let mut report = Report::new(says, verdict).record(&record, question);
            if !dates.has_created {
                report = report.fact("age", Value::Null).fact("created", Value::Null);
            }
            if dates.has_touched { report } else { report.fact("touched", Value::Null) }
        }
        Found::Id(id) => {
            let why = "its signature is good; whether there is a session, its store knows: connect-redis has it as sess:ID, \
                       connect-pg-simple under sid";
            // Without its signature it is no cookie: printing it gives nobody a session.
            Report::new(says, Verdict::unchecked(why)).fact("id", id)
        }
    }
}

/// The name of the second cookie that belongs to it, where the format has one.
fn companion(format: &dyn CookieFormat, question: &Question<'_>) -> Option<String> {
    format.companion().map(|suffix| format!("{}{suffix}", question.cookie.name))
}

/// The name of the second cookie, if it would be needed and wasn't given.
fn missing(way: &Way, question: &Question<'_>) -> Option<String> {
    let Reader::Session(format) = &way.reader else { return None };
    companion(&**format, question).filter(|name| question.cookie.other(name).is_none())
}

/// Whether it is a reason that comes after the seal.
const fn is_about_content(why: Rejected) -> bool {
    matches!(why, Rejected::Corrupt | Rejected::UnsafeSerializer | Rejected::WrongPurpose | Rejected::Bomb)
}

/// Whether it is a whole value of a framework whose values tell.
pub(super) fn is_sealed(value: &str) -> bool {
    seal(value).is_some()
}

/// Says what it looks like. Only a secret tells.
pub(super) fn guess(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let value = &question.cookie.value;
    let Some(framework) = shape(value) else { return Ok(None) };
    let name = framework.to_possible_value();
    let name = name.as_ref().map_or("", |name| name.get_name());
    let why = format!("--framework {name} with its secret (--secret-file, --secret-env) says whether");
    Ok(Some(Report::new(format!("perhaps {}", framework.says(value)), Verdict::unchecked(why))))
}

#[cfg(test)]
mod tests;
