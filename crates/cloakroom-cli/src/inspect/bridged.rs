//! Cookies of other frameworks.
//!
//! | file | contents |
//! |---|---|
//! | `framework` | the frameworks, and their ways of sealing |
//! | `seal` | the seals that are visible without the secret |
//! | `shape` | the framework that the outer form of a cookie suggests |

pub(super) mod framework;
pub(super) mod seal;
mod shape;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum as _};
use cloakroom::Timestamp;
use cloakroom::bridge::{CookieFormat, IncomingCookie};
use cloakroom::factory::{Record, Rejected};
use serde_json::Value;

use self::framework::{Framework, Other, Reader, Way};
use self::shape::shape;
use super::question::Question;
use super::report::{Report, Verdict};
use super::sealed::refused;
use crate::outcome::WrongUse;

#[derive(Args, Debug)]
pub(super) struct OtherOptions {
    /// Treats the cookie as one of this framework
    #[arg(long, value_enum)]
    framework: Option<Framework>,
    /// File with that framework's secret, in the form of its configuration: secret_key_base for
    /// Rails, Plug and Phoenix, validate_key for Beaker
    #[arg(long, value_name = "FILE", requires = "framework")]
    secret_file: Option<PathBuf>,
    /// Environment variable with that framework's secret
    #[arg(long, value_name = "NAME", requires = "framework", conflicts_with = "secret_file")]
    secret_env: Option<String>,
    /// File with Beaker's encrypt_key, if its cookies are encrypted
    #[arg(long, value_name = "FILE", requires = "framework")]
    encrypt_key_file: Option<PathBuf>,
    /// Environment variable with Beaker's encrypt_key
    #[arg(long, value_name = "NAME", requires = "framework", conflicts_with = "encrypt_key_file")]
    encrypt_key_env: Option<String>,
    /// Plug's signing_salt, or its encryption_salt if cookies are encrypted; the salt of Pyramid
    /// and Flask, if it isn't their default
    #[arg(long, requires = "framework")]
    salt: Option<String>,
}

impl OtherOptions {
    pub(super) fn read(&self) -> anyhow::Result<Option<Other>> {
        let Some(framework) = self.framework else { return Ok(None) };
        let secret = secret_of(self.secret_file.as_deref(), self.secret_env.as_deref())?;
        let encrypt_key = secret_of(self.encrypt_key_file.as_deref(), self.encrypt_key_env.as_deref())?;
        Ok(Some(Other { framework, secret, encrypt_key, salt: self.salt.clone() }))
    }
}

/// Reads a secret of another framework from a file or a variable.
fn secret_of(file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Option<String>> {
    let text = match (file, variable) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path);
            text.with_context(|| format!("reading the secret from {}", path.display()))?
        }
        (None, Some(name)) => {
            let text = std::env::var(name);
            text.map_err(|_| WrongUse::new(format!("the environment variable {name} isn't set")))?
        }
        (None, None) => return Ok(None),
    };
    // Remove an editor's newline, but not spaces, which may be part of the secret.
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Opens the cookie as one of the given framework.
pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let Some(other) = question.other else { return Ok(None) };
    let framework = other.framework;
    let says = framework.says(&question.cookie.value);
    let Some(secret) = &other.secret else {
        let why = "no secret was given (--secret-file, --secret-env)";
        return Ok(Some(Report::new(says, Verdict::unchecked(why))));
    };
    let ways = framework.ways(&question.cookie.value, secret, other);
    let ways = ways.map_err(|why| WrongUse::new(why.to_string()))?;
    if let Some(name) = ways.iter().find_map(|way| missing(way, question)) {
        let why = format!("its signature is in a second cookie, {name}: give both, as in the Cookie header");
        return Ok(Some(Report::new(says, Verdict::unchecked(why))));
    }
    Ok(Some(match open(&ways, question) {
        Ok((way, found)) => described(framework, found, question).fact("algorithm", way.algorithm),
        Err((way, why)) => {
            let verdict = match framework.hint(why, &question.cookie.value) {
                Some(hint) => Verdict::refused(why.as_str(), why.to_string(), hint),
                None => refused(why, "", None),
            };
            let report = Report::new(says, verdict);
            // If the seal is valid, its algorithm is known.
            match way.filter(|_| is_about_content(why)) {
                Some(way) => report.fact("algorithm", way.algorithm),
                None => report,
            }
        }
    }))
}

/// The contents of a cookie whose seal is valid.
enum Found {
    Session {
        record: Box<Record>,
        /// The times that the cookie contains. Some formats have none, and use the time of the
        /// request.
        dates: Dates,
    },
    Id(String),
}

struct Dates {
    has_created: bool,
    has_touched: bool,
}

/// Returns the first way that opens the cookie, or the reason of the attempt that got furthest.
fn open<'a>(ways: &'a [Way], question: &Question<'_>) -> Result<(&'a Way, Found), (Option<&'a Way>, Rejected)> {
    let mut furthest = (None, Rejected::Forged);
    for way in ways {
        // A record may be longer than a cookie.
        if question.cookie.is_too_long() && !matches!(way.reader, Reader::Record(_)) {
            furthest = (None, Rejected::TooLong);
            continue;
        }
        match (read(way, question), furthest.1) {
            (Ok(found), _) => return Ok((way, found)),
            (Err(Rejected::Forged), _) | (Err(Rejected::Corrupt), Rejected::Corrupt) => {}
            // Opening with the wrong cipher yields damaged data.
            (Err(why), Rejected::Forged | Rejected::Corrupt) => furthest = (Some(way), why),
            (Err(_), _) => {}
        }
    }
    Err(furthest)
}

fn read(way: &Way, question: &Question<'_>) -> Result<Found, Rejected> {
    let cookie = IncomingCookie::new(&question.cookie.name, &question.cookie.value);
    let format = match &way.reader {
        Reader::Session(format) => format,
        Reader::Id(format) => return format.open_id(cookie).map(Found::Id),
        Reader::Record(format) => {
            let record = format.open(question.cookie.value.as_bytes(), question.now, &format.lifetimes())?;
            return Ok(Found::Session {
                record: Box::new(record),
                dates: Dates { has_created: true, has_touched: true },
            });
        }
    };
    let cookie = cookie.with_companion(companion(&**format, question).and_then(|name| question.cookie.other(&name)));
    let at = |now| format.open(cookie.at(now), &format.lifetimes());
    let record = at(question.now)?;
    // A time that changes with the time of the request isn't in the cookie.
    let (clock, other) = (record.times(), at(Timestamp::from_unix_secs(0))?);
    let dates = Dates {
        has_created: clock.created == other.times().created,
        has_touched: clock.touched == other.times().touched,
    };
    Ok(Found::Session { record: Box::new(record), dates })
}

/// Flask's cookies have no earlier date, unless their date counts from 2011.
const FLASK_BEGAN: Timestamp = Timestamp::from_unix_secs(1_270_000_000);

fn described(framework: Framework, found: Found, question: &Question<'_>) -> Report {
    let says = framework.says(&question.cookie.value);
    match found {
        Found::Session { record, dates } => {
            let verdict = match Rejected::by_times(record.times(), question.now) {
                None => Verdict::Opens,
                Some(why) if framework == Framework::Flask && record.times().touched < FLASK_BEGAN => {
                    let hint =
                        "its date counts from 2011: it was signed by itsdangerous before 1.0, which isn't supported";
                    Verdict::refused(why.as_str(), why.to_string(), hint)
                }
                Some(why) => refused(why, "", None),
            };
            let mut report = Report::new(says, verdict).record(&record, question);
            if !dates.has_created {
                report = report.fact("age", Value::Null).fact("created", Value::Null);
            }
            if dates.has_touched { report } else { report.fact("touched", Value::Null) }
        }
        Found::Id(id) => {
            let why = "its signature is good, but only the store knows whether the session exists: connect-redis keeps it as \
                       sess:ID, Flask-Session as session:ID, connect-pg-simple under sid, tower-sessions and actix-session under the id";
            // Without its signature it isn't a valid cookie, so printing it is safe.
            Report::new(says, Verdict::unchecked(why)).fact("id", id)
        }
    }
}

/// Returns the name of the second cookie, if the format has one.
fn companion(format: &dyn CookieFormat, question: &Question<'_>) -> Option<String> {
    format.companion().map(|suffix| format!("{}{suffix}", question.cookie.name))
}

/// Returns the name of the second cookie if it is needed and missing.
fn missing(way: &Way, question: &Question<'_>) -> Option<String> {
    let Reader::Session(format) = &way.reader else { return None };
    companion(&**format, question).filter(|name| question.cookie.other(name).is_none())
}

/// Returns true if the reason was found after the seal had been verified.
const fn is_about_content(why: Rejected) -> bool {
    matches!(why, Rejected::Corrupt | Rejected::UnsafeSerializer | Rejected::WrongPurpose | Rejected::Bomb)
}

/// Guesses the framework by the cookie's form. Only a secret can confirm it.
pub(super) fn guess(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let value = &question.cookie.value;
    let Some(framework) = shape(value) else { return Ok(None) };
    let name = framework.to_possible_value();
    let name = name.as_ref().map_or("", |name| name.get_name());
    let why = format!("pass --framework {name} and its secret (--secret-file, --secret-env) to check it");
    Ok(Some(Report::new(format!("perhaps {}", framework.says(value)), Verdict::unchecked(why))))
}

#[cfg(test)]
mod tests;
