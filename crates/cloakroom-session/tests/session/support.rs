//! An application, and a browser that keeps its cookies.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, ResponseEffects, SessionSlot};
use cloakroom_session::factory::{Seal, SessionFactory};
use cloakroom_session::{Clock as _, CookieSessions, Engine, Error, Key, ManualClock, Session, Timestamp};

pub(crate) const NAME: &str = "__Host-Http-session";
pub(crate) const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const BOTH: [Seal; 2] = [Seal::Signed, Seal::Encrypted];

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

pub(crate) fn key(seed: u8) -> Key {
    let bytes: Vec<u8> = (0..32).map(|index| seed.wrapping_mul(31).wrapping_add(index)).collect();
    Key::new(bytes).unwrap()
}

pub(crate) fn cookies(seal: Seal) -> CookieSessions {
    match seal {
        Seal::Signed => CookieSessions::signed(key(1)).build().unwrap(),
        _ => CookieSessions::encrypted(key(1)).build().unwrap(),
    }
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The shared configuration of an application's requests, and its clock.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<ManualClock>,
}

impl App {
    pub(crate) fn new(factory: impl SessionFactory) -> Self {
        Self::with(factory, |engine| engine)
    }

    pub(crate) fn with(factory: impl SessionFactory, options: impl FnOnce(Engine) -> Engine) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let engine = Arc::new(options(Engine::new(factory).clock(Arc::clone(&clock))));
        Self { engine, clock }
    }

    /// Returns an application with the same clock and another configuration, as after a deployment.
    pub(crate) fn redeployed(&self, factory: impl SessionFactory) -> Self {
        let engine = Arc::new(Engine::new(factory).clock(Arc::clone(&self.clock)));
        Self { engine, clock: Arc::clone(&self.clock) }
    }

    pub(crate) fn at(&self, after: Duration) -> &Self {
        self.clock.set(START + after);
        self
    }
}

/// A browser that sets, replaces, removes and expires cookies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    jar: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    name: String,
    value: String,
    until: Option<Timestamp>,
}

/// The result of a visit.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Result<ResponseEffects, Error>,
}

impl Answer {
    /// Returns the `Set-Cookie` lines of a committed visit.
    pub(crate) fn lines(&self) -> Vec<&str> {
        match &self.outcome {
            Ok(effects) => effects.cookies.iter().map(|cookie| cookie.as_str()).collect(),
            Err(error) => panic!("not committed: {error}"),
        }
    }

    /// Returns the only `Set-Cookie` line.
    pub(crate) fn line(&self) -> &str {
        match self.lines()[..] {
            [line] => line,
            ref lines => panic!("one cookie expected, not {}", lines.len()),
        }
    }

    pub(crate) fn sets_a_cookie(&self) -> bool {
        self.lines().iter().any(|line| !line.contains("Max-Age=0"))
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.lines().is_empty()
    }

    pub(crate) fn error(self) -> Error {
        match self.outcome {
            Ok(_) => panic!("it was committed"),
            Err(error) => error,
        }
    }

    pub(crate) fn max_age(&self) -> Option<u64> {
        max_age(self.line())
    }
}

pub(crate) fn value_of(line: &str) -> &str {
    line.split(';').next().unwrap().split_once('=').unwrap().1
}

fn max_age(line: &str) -> Option<u64> {
    line.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age=")).map(|age| age.parse().unwrap())
}

impl Browser {
    /// Returns a browser with this value of the session cookie.
    pub(crate) fn with(value: &str) -> Self {
        Self { jar: vec![Kept { name: NAME.to_owned(), value: value.to_owned(), until: None }] }
    }

    pub(crate) fn value(&self) -> Option<&str> {
        self.jar.iter().find(|kept| kept.name == NAME).map(|kept| kept.value.as_str())
    }

    /// Ends the browser session: drops cookies without a Max-Age.
    pub(crate) fn quit(&mut self) {
        self.jar.retain(|kept| kept.until.is_some());
    }

    /// Sends a request, and runs `handler` on its session.
    pub(crate) fn visit(&mut self, app: &App, handler: impl FnOnce(&Session)) -> Answer {
        self.visit_for(app, 200, handler)
    }

    /// Sends a request whose response has this status.
    pub(crate) fn visit_for(&mut self, app: &App, status: u16, handler: impl FnOnce(&Session)) -> Answer {
        let now = app.clock.now();
        self.jar.retain(|kept| kept.until.is_none_or(|until| now < until));
        let header: Vec<_> = self.jar.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        let answer = request(app, &[header.join("; ").as_bytes()], status, handler);
        if let Ok(effects) = &answer.outcome {
            self.take(effects, app);
        }
        answer
    }

    /// Stores the cookies of a response.
    pub(crate) fn take(&mut self, effects: &ResponseEffects, app: &App) {
        for cookie in &effects.cookies {
            self.receive(cookie.as_str(), app.clock.now());
        }
    }

    fn receive(&mut self, line: &str, now: Timestamp) {
        let name = line.split('=').next().unwrap().to_owned();
        self.jar.retain(|kept| kept.name != name);
        let until = max_age(line).map(|age| now + seconds(age));
        if until != Some(now) {
            self.jar.push(Kept { name, value: value_of(line).to_owned(), until });
        }
    }

    /// Returns a browser whose session has a user.
    pub(crate) fn signed_in(app: &App) -> Self {
        let mut browser = Self::default();
        let answer = browser.visit(app, |session| session.insert("user", "ann").unwrap());
        assert!(answer.sets_a_cookie());
        browser
    }

    /// Returns the signed-in user, without changing the browser.
    pub(crate) fn user(&self, app: &App) -> Option<String> {
        let mut user = None;
        self.clone().visit(app, |session| user = session.get("user").unwrap());
        user
    }
}

/// Sends a request with these `Cookie` lines.
pub(crate) fn request(app: &App, lines: &[&[u8]], status: u16, handler: impl FnOnce(&Session)) -> Answer {
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new(lines.iter().copied())).await.unwrap();
        handler(&session);
        drop(session);
        Answer { outcome: slot.finish(status).await.map_err(Error::from) }
    })
}
