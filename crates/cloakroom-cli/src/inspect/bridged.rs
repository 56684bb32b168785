//! Cookies of other frameworks.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use cloakroom::bridge::{
    BeakerCookie, CookieFormat, DjangoCookie, FlaskCookie, Presented, PyramidCookie, PyramidNaclCookie,
};
use cloakroom::{ConfigError, Rejected};

use super::Question;
use super::report::{Report, Verdict};
use super::sealed::{out_of_time, refused};
use crate::outcome::WrongUse;

#[derive(Args, Debug)]
pub(super) struct OtherOptions {
    /// It is a cookie of this framework
    #[arg(long, value_enum)]
    framework: Option<Framework>,
    /// File with that framework's secret, as it is in its configuration
    #[arg(long, value_name = "FILE", requires = "framework")]
    secret_file: Option<PathBuf>,
    /// Variable of the environment with that framework's secret
    #[arg(long, value_name = "NAME", requires = "framework", conflicts_with = "secret_file")]
    secret_env: Option<String>,
    /// The salt, where Pyramid or Flask was given another one than its own
    #[arg(long, requires = "framework")]
    salt: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Framework {
    /// `SignedCookieSessionFactory` of Pyramid 2
    Pyramid,
    /// `pyramid_nacl_session`
    PyramidNacl,
    /// Beaker's cookie sessions, not encrypted
    Beaker,
    Flask,
    /// `signed_cookies` of Django
    Django,
}

impl Framework {
    /// What the framework calls its cookie.
    pub(super) const fn cookie_name(self) -> &'static str {
        match self {
            Self::Pyramid | Self::PyramidNacl | Self::Flask => "session",
            Self::Beaker => "beaker.session.id",
            Self::Django => "sessionid",
        }
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Pyramid => "a signed cookie of Pyramid",
            Self::PyramidNacl => "a cookie of pyramid_nacl_session",
            Self::Beaker => "a cookie of Beaker",
            Self::Flask => "a cookie of Flask",
            Self::Django => "a signed cookie of Django",
        }
    }

    fn format(self, secret: &str, salt: Option<&str>) -> Result<Box<dyn CookieFormat>, ConfigError> {
        Ok(match (self, salt) {
            (Self::Pyramid, Some(salt)) => Box::new(PyramidCookie::new(secret).salt(salt).build()?),
            (Self::Pyramid, None) => Box::new(PyramidCookie::new(secret).build()?),
            (Self::Flask, Some(salt)) => Box::new(FlaskCookie::new(secret).salt(salt).build()?),
            (Self::Flask, None) => Box::new(FlaskCookie::new(secret).build()?),
            (_, Some(_)) => return Err(ConfigError::new("salt", "is for pyramid and flask")),
            // Its configuration has 32 bytes, in hexadecimal digits.
            (Self::PyramidNacl, None) => Box::new(PyramidNaclCookie::new(unhex(secret).unwrap_or_default())?),
            (Self::Beaker, None) => Box::new(BeakerCookie::new(secret).build()?),
            (Self::Django, None) => Box::new(DjangoCookie::new(secret).build()?),
        })
    }
}

/// A framework, and its secret if one was given.
pub(super) struct Other {
    pub(super) framework: Framework,
    pub(super) secret: Option<String>,
    pub(super) salt: Option<String>,
}

impl OtherOptions {
    pub(super) fn read(&self) -> anyhow::Result<Option<Other>> {
        let Some(framework) = self.framework else { return Ok(None) };
        let secret = match (&self.secret_file, &self.secret_env) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path);
                Some(text.with_context(|| format!("reading the secret from {}", path.display()))?)
            }
            (None, Some(name)) => {
                let text = std::env::var(name);
                Some(text.map_err(|_| WrongUse::new(format!("the variable {name} of the environment isn't set")))?)
            }
            (None, None) => None,
        };
        // An editor's newline; spaces may be a part of it.
        let secret = secret.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        Ok(Some(Other { framework, secret, salt: self.salt.clone() }))
    }
}

/// Opens it as a cookie of the framework that was named.
pub(super) fn look(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let Some(Other { framework, secret, salt }) = &question.other else { return Ok(None) };
    let Some(secret) = secret else {
        let why = "no secret was given (--secret-file, --secret-env)";
        return Ok(Some(Report::new(framework.says(), Verdict::unchecked(why))));
    };
    let format = framework.format(secret, salt.as_deref()).map_err(|why| WrongUse::new(why.to_string()))?;
    let cookie = Presented::new(&question.cookie.name, &question.cookie.value);
    let report = match format.open(cookie, &format.lifetimes()) {
        Ok(record) => {
            let verdict = out_of_time(&record, question.now).map_or(Verdict::Opens, |why| refused(why, "", None));
            Report::new(framework.says(), verdict).record(&record, question)
        }
        Err(Rejected::Forged) => {
            let hint =
                "it was changed on its way, or made with another secret, another salt or another algorithm than these";
            Report::new(
                framework.says(),
                Verdict::refused(Rejected::Forged.as_str(), Rejected::Forged.to_string(), hint),
            )
        }
        Err(why) => Report::new(framework.says(), refused(why, "", None)),
    };
    Ok(Some(report))
}

/// Says what it looks like. Only a secret tells.
pub(super) fn guess(question: &Question<'_>) -> anyhow::Result<Option<Report>> {
    let (framework, name) = match shape(&question.cookie.value) {
        Some(Framework::Pyramid) => ("perhaps a signed cookie of Pyramid", "pyramid"),
        Some(Framework::PyramidNacl) => ("perhaps a cookie of pyramid_nacl_session", "pyramid-nacl"),
        Some(Framework::Beaker) => ("perhaps a cookie of Beaker", "beaker"),
        Some(Framework::Flask) => ("perhaps a cookie of Flask", "flask"),
        Some(Framework::Django) => ("perhaps a signed cookie of Django", "django"),
        None => return Ok(None),
    };
    let why = format!("--framework {name} with its secret (--secret-file, --secret-env) says whether");
    Ok(Some(Report::new(framework, Verdict::unchecked(why))))
}

fn shape(value: &str) -> Option<Framework> {
    let is_url = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let parts = |sign| -> Vec<&str> { value.trim_start_matches('.').split(sign).collect() };
    if let [payload, time, signature] = parts('.').as_slice()
        && [*payload, *time, *signature].into_iter().all(is_url)
        && (27..=86).contains(&signature.len())
    {
        return Some(Framework::Flask);
    }
    if let [payload, time, signature] = parts(':').as_slice()
        && [*payload, *time, *signature].into_iter().all(is_url)
        && signature.len() == 43
    {
        return Some(Framework::Django);
    }
    let (tag, rest) = value.split_at_checked(40)?;
    if tag.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()) && rest.len() > 8 {
        return Some(Framework::Beaker);
    }
    // A tag of 64 bytes and `{}` at least.
    (value.len() >= 88 && is_url(value.trim_end_matches('='))).then_some(Framework::Pyramid)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    digits.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok()).collect()
}

#[cfg(test)]
mod tests;
