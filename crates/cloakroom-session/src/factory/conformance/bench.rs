//! The tools of a check: an application, browsers with their cookies, and error messages.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{CookieHeader, SetCookie, Timestamp};

use super::capabilities::Capabilities;
pub(super) use super::verdict::{Outcome, Wrong, ensure, same};
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::engine::Engine;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::session::Session;
use crate::slot::SessionSlot;

/// The key and the value that identify the session of a check.
pub(super) const KEY: &str = "conformance";
pub(super) const VALUE: &str = "kept";
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn silent(what: &str, cookies: &[SetCookie]) -> Outcome {
    // Only names, because values are secret.
    let names: Vec<&str> = cookies.iter().map(SetCookie::name).collect();
    ensure(names.is_empty(), format!("{what}: no cookie expected, found {names:?}"))
}

/// A factory under test.
#[derive(Debug)]
pub(super) struct Bench<F> {
    pub(super) factory: Arc<F>,
    pub(super) can: Capabilities,
}

impl<F> Clone for Bench<F> {
    fn clone(&self) -> Self {
        Self { factory: Arc::clone(&self.factory), can: self.can.clone() }
    }
}

impl<F: SessionFactory> Bench<F> {
    pub(super) const fn new(factory: Arc<F>, can: Capabilities) -> Self {
        Self { factory, can }
    }

    /// Returns an application with this factory. Its clock starts at the real time, because a store
    /// may use its own clock.
    pub(super) fn app(&self) -> App {
        App::new(Arc::clone(&self.factory))
    }

    /// Returns the number of stored sessions, if the caller can count them.
    pub(super) fn kept(&self) -> Option<usize> {
        self.can.kept.as_ref().map(|kept| kept())
    }
}

/// An engine and its clock.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) engine: Arc<Engine>,
    clock: Arc<ManualClock>,
}

impl App {
    pub(super) fn new(factory: impl SessionFactory) -> Self {
        // Some formats have a resolution of whole seconds.
        let now = Timestamp::from_unix_secs(SystemClock.now().unix_secs());
        let clock = Arc::new(ManualClock::at(now));
        let engine = Arc::new(Engine::new(factory).clock(Arc::clone(&clock)));
        Self { engine, clock }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn set(&self, now: Timestamp) {
        self.clock.set(now);
    }

    /// Returns a browser whose session has the value, a message and a token.
    pub(super) async fn visitor(&self) -> Result<Browser, Wrong> {
        let mut browser = Browser::default();
        let cookies = browser
            .visit(self, |session| {
                session.insert(KEY, VALUE)?;
                session.flash("waiting");
                session.csrf_token().map(drop)
            })
            .await?
            .1;
        ensure(!cookies.is_empty(), "a session in which something was stored is sent no cookie")?;
        Ok(browser)
    }
}

/// A request whose handler is running.
pub(super) struct Request {
    slot: SessionSlot,
    pub(super) session: Session,
}

impl Request {
    /// Commits the request, and returns the cookies of its response.
    pub(super) async fn end(self) -> Result<Vec<SetCookie>, Wrong> {
        drop(self.session);
        let effects = self.slot.finish(200).await.map_err(|failure| Wrong::from(failure.error))?;
        Ok(effects.cookies)
    }
}

/// A browser: it keeps cookies until they are replaced or removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Browser {
    jar: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    name: String,
    value: String,
    attributes: Vec<String>,
}

impl Kept {
    fn of(cookie: &SetCookie) -> Self {
        let mut parts = cookie.as_str().split(';');
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
        let attributes = parts.map(|it| it.trim().to_ascii_lowercase()).collect();
        Self { name: name.to_owned(), value: value.to_owned(), attributes }
    }

    fn is_removal(&self) -> bool {
        self.attributes.iter().any(|it| it == "max-age=0" || it.starts_with("expires=thu, 01 jan 1970"))
    }

    /// Returns the attributes that identify the cookie and restrict its use.
    fn scope(&self) -> Vec<&str> {
        let is_time = |it: &&str| it.starts_with("max-age=") || it.starts_with("expires=");
        let mut scope: Vec<&str> = self.attributes.iter().map(String::as_str).filter(|it| !is_time(it)).collect();
        scope.sort_unstable();
        scope
    }
}

impl Browser {
    pub(super) const fn is_empty(&self) -> bool {
        self.jar.is_empty()
    }

    /// Returns a browser with the same cookies and other values, computed from name and value.
    pub(super) fn changed(&self, change: impl Fn(&str, &str) -> String) -> Self {
        let jar = self.jar.iter().map(|kept| Kept { value: change(&kept.name, &kept.value), ..kept.clone() });
        Self { jar: jar.collect() }
    }

    pub(super) fn values(&self) -> Vec<&str> {
        self.jar.iter().map(|kept| kept.value.as_str()).collect()
    }

    /// Returns the `Cookie` header.
    pub(super) fn header(&self) -> String {
        let pairs: Vec<_> = self.jar.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        pairs.join("; ")
    }

    /// Returns the name of the first cookie that the factory set.
    pub(super) fn first_name(&self) -> Result<&str, Wrong> {
        self.jar.first().map(|kept| kept.name.as_str()).ok_or_else(|| Wrong::new("the browser has no cookie"))
    }

    /// Begins a request and opens its session.
    pub(super) async fn begin(&self, app: &App) -> Result<Request, Wrong> {
        open(app, self.header().as_bytes()).await
    }

    /// Sends a request, and returns the handler's result and the cookies of the response.
    pub(super) async fn visit<T>(
        &mut self,
        app: &App,
        handler: impl FnOnce(&Session) -> Result<T, Error> + Send,
    ) -> Result<(T, Vec<SetCookie>), Wrong> {
        let request = self.begin(app).await?;
        let result = handler(&request.session)?;
        let cookies = request.end().await?;
        self.take(&cookies)?;
        Ok((result, cookies))
    }

    /// Reads the session without changing the browser's cookies.
    pub(super) async fn look<T>(
        &self,
        app: &App,
        handler: impl FnOnce(&Session) -> Result<T, Error> + Send,
    ) -> Result<T, Wrong> {
        Ok(self.clone().visit(app, handler).await?.0)
    }

    /// Returns `true` if the browser's cookies open the session of [`App::visitor`].
    pub(super) async fn opens(&self, app: &App) -> Result<bool, Wrong> {
        let value = self.look(app, |session| session.get::<String>(KEY)).await?;
        Ok(value.as_deref() == Some(VALUE))
    }

    /// Stores the cookies of a response. Each name may occur only once, because their order is
    /// undefined.
    pub(super) fn take(&mut self, cookies: &[SetCookie]) -> Outcome {
        let mut names: Vec<&str> = cookies.iter().map(SetCookie::name).collect();
        names.sort_unstable();
        if let Some(name) = names.windows(2).find_map(|pair| pair.first().filter(|it| Some(*it) == pair.last())) {
            return Err(Wrong::new(format!("one response sends the cookie {name} twice")));
        }
        let cookies: Vec<Kept> = cookies.iter().map(Kept::of).collect();
        // A session that moves within one request may remove a cookie that was never sent.
        let concerns = |cookie: &Kept| !cookie.is_removal() || self.jar.iter().any(|kept| kept.name == cookie.name);
        ensure(
            cookies.is_empty() || cookies.iter().any(concerns),
            "a removal of a cookie that the browser doesn't have",
        )?;
        for cookie in cookies {
            let before = self.jar.iter().position(|kept| kept.name == cookie.name);
            let before = before.map(|index| self.jar.remove(index));
            if !cookie.is_removal() {
                self.jar.push(cookie);
            } else if let Some(before) = before {
                let what = format!("the attributes of the removal of {}", cookie.name);
                same(&what, &cookie.scope(), &before.scope())?;
            }
        }
        Ok(())
    }
}

/// Begins a request with this `Cookie` header.
pub(super) async fn open(app: &App, header: &[u8]) -> Result<Request, Wrong> {
    let slot = SessionSlot::new(Arc::clone(&app.engine));
    let session = slot.open(CookieHeader::new([header])).await?;
    Ok(Request { slot, session })
}
