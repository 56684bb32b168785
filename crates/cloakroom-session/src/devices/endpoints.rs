//! The answers to registrations and refreshes.
//!
//! A decision is a change in the log of the session. If another request has written the session in
//! the meantime, the store has the decision made again on the newest version. The answer follows
//! from the decision that was written. Registrations and refreshes are therefore never lost, and
//! each challenge is signed once.

use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_core::dbsc::{Binding, BindingId, DeviceRequest, Refresh, RefusedProof, challenge_header};
use cloakroom_core::{CookieHeader, HeaderFact, Timestamp};

use super::{DeviceAnswer, DeviceCall, DeviceEvent, Devices};
use crate::adapter::{RequestHead, fact};
use crate::clock::random;
use crate::engine::Engine;
use crate::error::Error;
use crate::session::Session;

const CHALLENGE: &str = "secure-session-challenge";

/// The longest header that is copied, in bytes. No proof and no identifier is as long.
const LONGEST: usize = 8192;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Register,
    Refresh,
}

/// Returns the answer if the request is one to an endpoint of this engine.
pub(crate) fn call(engine: &Arc<Engine>, head: &impl RequestHead) -> Option<DeviceCall> {
    let devices = engine.devices.as_ref()?;
    if head.method() != "POST" {
        return None;
    }
    let target = head.target();
    let path = target.split('?').next().unwrap_or_default();
    let endpoint = match path {
        path if path == devices.register => Endpoint::Register,
        path if path == devices.refresh => Endpoint::Refresh,
        _ => return None,
    };
    let asked = Asked {
        head: Arc::new(Head::of(head)),
        origin: origin(head),
        cookies: head.lines("cookie").map(<[u8]>::to_vec).collect(),
        domain: engine.domains.as_ref().and_then(|domains| domains.find(head)),
    };
    Some(DeviceCall::new(answer(Arc::clone(engine), Arc::clone(devices), endpoint, asked)))
}

/// A copy of the request's head, so that its answer is independent of the request.
struct Asked {
    head: Arc<Head>,
    origin: String,
    cookies: Vec<Vec<u8>>,
    /// The place of the request's host in the list of cookie domains.
    domain: Option<u16>,
}

/// The headers that decisions depend on.
struct Head {
    proof: Held,
    id: Held,
    site: Held,
    has_body: bool,
}

impl Head {
    fn of(head: &impl RequestHead) -> Self {
        let held = |name| Held::of(fact(head, name));
        let is_empty = |length: &[u8]| length.trim_ascii() == b"0";
        Self {
            proof: held("secure-session-response"),
            id: held("sec-secure-session-id"),
            site: held("sec-fetch-site"),
            has_body: !head.lines("content-length").all(is_empty) || head.lines("transfer-encoding").next().is_some(),
        }
    }

    fn request(&self) -> DeviceRequest<'_> {
        let request = DeviceRequest::new(self.proof.fact(), self.id.fact(), self.site.fact());
        if self.has_body { request.with_body() } else { request }
    }
}

/// A copy of a header.
enum Held {
    Absent,
    Value(String),
    Malformed,
}

impl Held {
    fn of(fact: HeaderFact<'_>) -> Self {
        match fact {
            HeaderFact::Absent => Self::Absent,
            HeaderFact::Value(value) if value.len() <= LONGEST => Self::Value(value.to_owned()),
            HeaderFact::Value(_) | HeaderFact::Malformed => Self::Malformed,
        }
    }

    fn fact(&self) -> HeaderFact<'_> {
        match self {
            Self::Absent => HeaderFact::Absent,
            Self::Value(value) => HeaderFact::Value(value),
            Self::Malformed => HeaderFact::Malformed,
        }
    }
}

/// Returns the origin of the application, as the browser sees it.
///
/// The request comes from the same origin, or it is refused.
fn origin(head: &impl RequestHead) -> String {
    if let Some(origin) = fact(head, "origin").value() {
        return origin.to_owned();
    }
    let host = head.authority().or_else(|| fact(head, "host").value());
    format!("https://{}", host.unwrap_or_default())
}

async fn answer(engine: Arc<Engine>, devices: Arc<Devices>, endpoint: Endpoint, asked: Asked) -> DeviceAnswer {
    let answered = match endpoint {
        Endpoint::Register => register(&engine, &devices, &asked).await,
        Endpoint::Refresh => refresh(&engine, &devices, &asked).await,
    };
    answered.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, ?endpoint, "a device binding wasn't stored");
        // After any other status the browser would give up its binding.
        let status = if error.is_unavailable() { 503 } else { 500 };
        DeviceAnswer::words(status, if status == 503 { "Service Unavailable" } else { "Internal Server Error" })
    })
}

/// Opens the session. It needs no proof, because the request brings one.
async fn open(engine: &Arc<Engine>, asked: &Asked) -> Result<Session, Error> {
    let cookies = CookieHeader::new(asked.cookies.iter().map(Vec::as_slice));
    let state = engine.factory.open(cookies, engine.now()).await?;
    Ok(Session::new(Arc::clone(engine), state))
}

/// Returns the digits by which traces name a session.
fn prefix(session: &Session) -> Option<String> {
    session.id().map(|id| id.store_key().prefix())
}

/// The decision that was made last: the one that was written.
struct Last<T>(Arc<Mutex<Option<T>>>);

impl<T: Clone> Last<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn note(&self, decision: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(decision);
    }

    fn get(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<T> Clone for Last<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

async fn register(engine: &Arc<Engine>, devices: &Devices, asked: &Asked) -> Result<DeviceAnswer, Error> {
    let session = open(engine, asked).await?;
    let prefix = prefix(&session);
    let (now, random) = (engine.now(), random()?);
    let (last, head) = (Last::new(), Arc::clone(&asked.head));
    let noted = last.clone();
    let decide = move |offer: Option<&Binding>| {
        let decided = Binding::register(offer, &head.request(), &random, now);
        noted.note(decided.as_ref().err().copied());
        decided.ok()
    };
    if session.bind(decide) {
        session.commit_now().await?;
    }
    let refused = match last.get().flatten() {
        // It ended while it was being bound.
        None if session.is_detached() => Some(RefusedProof::NotOffered),
        refused => refused,
    };
    let binding = session.binding().filter(|_| refused.is_none());
    let Some(binding) = binding else {
        let why = refused.unwrap_or(RefusedProof::NotOffered);
        DeviceEvent::Refused(why).count();
        tracing::warn!(session = prefix, reason = why.as_str(), "the registration of a device was refused");
        return Ok(DeviceAnswer::words(400, "Bad Request"));
    };
    DeviceEvent::Registered.count();
    tracing::debug!(session = prefix, binding = %binding.id(), "a session was bound to a device");
    proven(&session, devices, asked, &binding, now)
}

/// The part of a decision about a refresh that the answer depends on.
#[derive(Clone, Copy)]
enum Refreshed {
    Yes,
    Challenged,
    Unknown,
    Unsupported,
    Refused(RefusedProof),
}

async fn refresh(engine: &Arc<Engine>, devices: &Devices, asked: &Asked) -> Result<DeviceAnswer, Error> {
    let session = open(engine, asked).await?;
    let prefix = prefix(&session);
    let (now, random, life) = (engine.now(), random()?, devices.life);
    let (last, head) = (Last::new(), Arc::clone(&asked.head));
    let noted = last.clone();
    let decide = move |binding: Option<&Binding>| {
        let (decision, next) = match Binding::refresh(binding, &head.request(), life, &random, now) {
            Refresh::Refreshed { binding, is_repeated } => (Refreshed::Yes, (!is_repeated).then_some(binding)),
            Refresh::Challenged { binding, changed } => (Refreshed::Challenged, changed.then_some(binding)),
            Refresh::Refused(why) => (Refreshed::Refused(why), None),
            Refresh::Unsupported => (Refreshed::Unsupported, None),
            Refresh::Unknown | _ => (Refreshed::Unknown, None),
        };
        noted.note(decision);
        next
    };
    if session.bind(decide) {
        session.commit_now().await?;
    }
    if session.is_detached() {
        // The session has a new id, which the browser is about to receive, or it has ended. After
        // 401 the browser would give up its key, and the session would stay bound to it.
        DeviceEvent::Moved.count();
        tracing::debug!(session = prefix, "a browser refreshed with an id that has moved");
        return Ok(DeviceAnswer::words(503, "Service Unavailable"));
    }
    let decision = last.get().unwrap_or(Refreshed::Unknown);
    let binding = session.binding();
    match (decision, binding) {
        (Refreshed::Refused(why), _) => {
            DeviceEvent::Refused(why).count();
            tracing::warn!(session = prefix, reason = why.as_str(), "the proof of a device was refused");
            Ok(DeviceAnswer::words(400, "Bad Request"))
        }
        (Refreshed::Yes, Some(binding)) => {
            DeviceEvent::Refreshed.count();
            tracing::debug!(session = prefix, binding = %binding.id(), "a device has proved itself");
            proven(&session, devices, asked, &binding, now)
        }
        (Refreshed::Challenged, Some(binding)) => {
            DeviceEvent::Challenged.count();
            let answer = DeviceAnswer::words(403, "Forbidden").cookies(session.take_cookies(asked.domain));
            Ok(answer.header(CHALLENGE, challenge_header(binding.challenge(), binding.id())))
        }
        (Refreshed::Unsupported, _) => {
            DeviceEvent::Unsupported.count();
            tracing::error!("a device has a key of RS256, and this build is without the feature `dbsc-rs256`");
            Ok(DeviceAnswer::words(503, "Service Unavailable"))
        }
        (_, None) if session.has_unreadable_binding() => {
            // A later release has written it. The next attempt may reach a node with that release.
            DeviceEvent::Unsupported.count();
            tracing::error!(session = prefix, "a later release has bound a session: this one can't read the binding");
            Ok(DeviceAnswer::words(503, "Service Unavailable"))
        }
        (Refreshed::Unknown, _) | (_, None) => {
            DeviceEvent::Unknown.count();
            tracing::debug!(session = prefix, "a browser refreshed a binding that doesn't exist");
            Ok(DeviceAnswer::words(401, "Unauthorized"))
        }
    }
}

/// The answer to a valid proof: the bound cookie and the next challenge.
fn proven(
    session: &Session,
    devices: &Devices,
    asked: &Asked,
    binding: &Binding,
    now: Timestamp,
) -> Result<DeviceAnswer, Error> {
    let id: BindingId = binding.id();
    let answer = DeviceAnswer::json(200, devices.json(&asked.origin, asked.domain, id))
        .cookies(session.take_cookies(asked.domain));
    let bound = match (binding.cookie_value(devices.life), binding.proven_at()) {
        (Some(value), Some(proven_at)) => devices.bound(asked.domain, &value, proven_at, now)?,
        _ => Vec::new(),
    };
    Ok(answer.cookies(bound).header(CHALLENGE, challenge_header(binding.challenge(), id)))
}
