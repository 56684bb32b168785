//! A browser: its cookies, and the key of its device.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use cloakroom_device::{Device, challenge, headers, offer};
use cloakroom_session::adapter::{DeviceAnswer, RequestHead, SessionSlot};
use cloakroom_session::{Engine, Error, Session};

pub(crate) const BOUND: &str = "__Host-bound";
pub(crate) const REGISTER: &str = "/.well-known/dbsc/register";
pub(crate) const REFRESH: &str = "/.well-known/dbsc/refresh";

/// The head of a request.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    method: &'static str,
    path: &'static str,
    lines: Vec<(&'static str, String)>,
}

impl Head {
    pub(crate) fn get(cookies: &BTreeMap<String, String>) -> Self {
        Self { method: "GET", path: "/page?a=1", lines: vec![("cookie", line(cookies))] }
    }

    /// A request to one of the endpoints.
    pub(crate) fn post(path: &'static str, cookies: &BTreeMap<String, String>, lines: &[(&'static str, &str)]) -> Self {
        let mut all = vec![("cookie", line(cookies)), ("host", "shop.example".to_owned())];
        all.extend(lines.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self { method: "POST", path, lines: all }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.lines.push((name, value.to_owned()));
        self
    }
}

fn line(cookies: &BTreeMap<String, String>) -> String {
    cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn target(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value.as_bytes())
    }
}

/// A response, as far as a browser cares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The challenge and the identifier.
    pub(crate) challenge: Option<(String, String)>,
    /// The path and the challenge.
    pub(crate) offer: Option<(String, String)>,
    pub(crate) cookies: Vec<String>,
}

impl Answer {
    fn take(&mut self, name: &str, value: &str) {
        match name {
            "set-cookie" => self.cookies.push(value.to_owned()),
            "secure-session-challenge" => self.challenge = Some(challenge(value)),
            "secure-session-registration" => self.offer = Some(offer(value)),
            _ => {}
        }
    }

    /// Returns the value that the response gives a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find_map(|line| line.split(';').next()?.strip_prefix(name)?.strip_prefix('='))
    }
}

impl From<DeviceAnswer> for Answer {
    fn from(given: DeviceAnswer) -> Self {
        let mut answer = Self { status: given.status(), body: given.body().to_owned(), ..Self::default() };
        given.headers().for_each(|(name, value)| answer.take(name, value));
        answer
    }
}

/// Sends a request to an endpoint.
pub(crate) async fn call(engine: &Arc<Engine>, head: &Head) -> Answer {
    SessionSlot::new(Arc::clone(engine)).device_call(head).expect("an endpoint").await.into()
}

/// Sends a request to a handler.
pub(crate) async fn visit<T>(
    engine: &Arc<Engine>,
    head: &Head,
    handler: impl FnOnce(&Session) -> T,
) -> Result<(T, Answer), Error> {
    let slot = SessionSlot::new(Arc::clone(engine));
    let session = slot.open_for(head).await?;
    let result = handler(&session);
    let effects = slot.finish(200).await.map_err(|failure| failure.error)?;
    let mut answer = Answer { status: 200, ..Answer::default() };
    effects.headers.iter().for_each(|(name, value)| answer.take(name, value));
    answer.cookies = effects.cookies.iter().map(ToString::to_string).collect();
    Ok((result, answer))
}

/// A browser.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) jar: BTreeMap<String, String>,
    pub(crate) device: Device,
    /// The challenge and the identifier of the binding.
    pub(crate) known: Option<(String, String)>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self { jar: BTreeMap::new(), device: Device::new(1), known: None }
    }

    pub(crate) fn take(&mut self, answer: &Answer) {
        for line in &answer.cookies {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(known) = &answer.challenge {
            self.known = Some(known.clone());
        }
    }

    pub(crate) async fn visit<T>(&mut self, engine: &Arc<Engine>, handler: impl FnOnce(&Session) -> T) -> (T, Answer) {
        let (result, answer) = visit(engine, &Head::get(&self.jar), handler).await.unwrap();
        self.take(&answer);
        (result, answer)
    }

    /// Signs in. Returns the challenge of the offer.
    pub(crate) async fn sign_in(&mut self, engine: &Arc<Engine>) -> String {
        let sign_in = |session: &Session| {
            session.sign_in("ann");
            session.bind_device().unwrap();
        };
        let (_, answer) = self.visit(engine, sign_in).await;
        let (path, challenge) = answer.offer.expect("an offer");
        assert_eq!(path, REGISTER);
        challenge
    }

    /// Returns the request that registers the device.
    pub(crate) fn registration(&self, challenge: &str) -> Head {
        let proof = self.device.registers(challenge);
        Head::post(REGISTER, &self.jar, &headers(None, Some(&proof)))
    }

    /// Returns the request that proves the device.
    pub(crate) fn refreshing(&self) -> Head {
        let (challenge, id) = self.known.as_ref().unwrap();
        let proof = self.device.refreshes(challenge);
        Head::post(REFRESH, &self.jar, &headers(Some(id), Some(&proof)))
    }

    /// Returns a refresh without a proof.
    pub(crate) fn asking(&self) -> Head {
        let (_, id) = self.known.as_ref().unwrap();
        Head::post(REFRESH, &self.jar, &headers(Some(id), None))
    }

    pub(crate) async fn send(&mut self, engine: &Arc<Engine>, head: &Head) -> Answer {
        let answer = call(engine, head).await;
        self.take(&answer);
        answer
    }

    /// Signs in and registers the device.
    pub(crate) async fn bound(engine: &Arc<Engine>) -> Self {
        let mut browser = Self::new();
        let challenge = browser.sign_in(engine).await;
        let head = browser.registration(&challenge);
        assert_eq!(browser.send(engine, &head).await.status, 200);
        browser
    }
}
