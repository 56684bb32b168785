//! An application, and a client that keeps its cookie.

use cloakroom_rocket::SessionFairing;
use cloakroom_session::{CookieSessions, CsrfRules, CsrfRulesBuilder, Key, TokenPolicy};
use rocket::config::LogLevel;
use rocket::http::Header;
use rocket::local::blocking::{Client, LocalResponse};
use rocket::{Build, Config, Rocket};

/// The header that a browser sends with a form of the same site.
pub(crate) const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) fn sessions() -> SessionFairing {
    let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
    SessionFairing::new(CookieSessions::encrypted(key).build().unwrap())
}

/// Rules that always ask for the token.
pub(crate) fn always() -> CsrfRules {
    always_with(|it| it)
}

pub(crate) fn always_with(options: impl FnOnce(CsrfRulesBuilder) -> CsrfRulesBuilder) -> CsrfRules {
    options(CsrfRules::builder().token_policy(TokenPolicy::Always)).build().unwrap()
}

pub(crate) fn silent() -> Rocket<Build> {
    rocket::custom(Config { log_level: LogLevel::Off, ..Config::debug_default() })
}

pub(crate) struct Browser {
    client: Client,
    pub(crate) cookie: Option<String>,
}

impl Browser {
    pub(crate) fn new(rocket: Rocket<Build>) -> Self {
        Self { client: Client::untracked(rocket).unwrap(), cookie: None }
    }

    pub(crate) fn get(&mut self, path: &str) -> LocalResponse<'_> {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> LocalResponse<'_> {
        let mut request = self.client.get(path.to_owned());
        for (name, value) in headers {
            request.add_header(Header::new((*name).to_owned(), (*value).to_owned()));
        }
        keep(&mut self.cookie, request)
    }

    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &str) -> LocalResponse<'_> {
        let mut request = self.client.post(path.to_owned());
        request.add_header(Header::new("host", "hats.example"));
        for (name, value) in headers {
            request.add_header(Header::new((*name).to_owned(), (*value).to_owned()));
        }
        keep(&mut self.cookie, request.body(body))
    }
}

fn keep<'c>(cookie: &mut Option<String>, mut request: rocket::local::blocking::LocalRequest<'c>) -> LocalResponse<'c> {
    if let Some(cookie) = &cookie {
        request.add_header(Header::new("cookie", cookie.clone()));
    }
    let response = request.dispatch();
    if let Some(line) = response.headers().get_one("set-cookie") {
        *cookie = line.split(';').next().map(str::to_owned);
    }
    response
}
