//! A minimal browser for session tests: a cookie jar that every application it visits may change.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::{SessionFactory, SetCookie};
use cloakroom_session::{Clock as _, Engine, Error, ManualClock, Session, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// An application: a factory, and a clock that only moves on request.
#[derive(Clone)]
pub(crate) struct App {
    engine: Arc<Engine>,
    pub(crate) clock: Arc<ManualClock>,
}

impl App {
    pub(crate) fn new(factory: impl SessionFactory) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let engine = Arc::new(Engine::new(factory).clock(Arc::clone(&clock)));
        Self { engine, clock }
    }

    /// Returns a slot for a separate request.
    pub(crate) fn slot(&self) -> SessionSlot {
        SessionSlot::new(Arc::clone(&self.engine))
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) jar: BTreeMap<String, String>,
}

impl Browser {
    /// Creates a browser with this cookie.
    pub(crate) fn with(name: &str, value: &str) -> Self {
        Self { jar: BTreeMap::from([(name.to_owned(), value.to_owned())]) }
    }

    /// Sends one request. Returns the handler's result, and the number of `Set-Cookie` lines.
    pub(crate) async fn visit<T>(&mut self, app: &App, handler: impl FnOnce(&Session) -> T) -> (T, usize) {
        self.try_visit(app, handler).await.expect("the request succeeds")
    }

    pub(crate) async fn try_visit<T>(
        &mut self,
        app: &App,
        handler: impl FnOnce(&Session) -> T,
    ) -> Result<(T, usize), Error> {
        let header = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await?;
        let result = handler(&session);
        let effects = slot.finish(200).await?;
        self.take(&effects.cookies);
        Ok((result, effects.cookies.len()))
    }

    /// Applies these `Set-Cookie` lines.
    pub(crate) fn take(&mut self, cookies: &[SetCookie]) {
        for cookie in cookies {
            let (pair, attributes) = cookie.as_str().split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a name and a value");
            if attributes.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
