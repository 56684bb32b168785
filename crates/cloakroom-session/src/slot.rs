//! The slot of a request's session: empty until a handler opens the session, and committed when the
//! response is ready.

use std::fmt;
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{CookieHeader, RequestKind, SessionState, Timestamp};

use crate::adapter::RequestHead;
use crate::devices::DeviceCall;
#[cfg(feature = "dbsc")]
use crate::devices::{self, Admission, DeviceFacts};
use crate::effects::ResponseEffects;
use crate::engine::Engine;
use crate::error::Error;
use crate::factory::Presented;
use crate::finish::CommitFuture;
#[cfg(feature = "dbsc")]
use crate::return_path::ReturnPath;
use crate::session::Session;

/// The slot of a request's session.
///
/// An adapter puts one into each request. Handlers open the session from it, and the adapter calls
/// [`SessionSlot::finish`] when the response is ready. A request that never opens the session costs
/// this one allocation.
///
/// Session layers may be nested. Each slot knows the slot of the layer around its own, so that a
/// handler reaches an outer session by the name of its layer, and two layers that are one are
/// noticed.
#[derive(Clone)]
pub struct SessionSlot(Arc<Slot>);

struct Slot {
    engine: Arc<Engine>,
    place: Mutex<Place>,
    /// `None` without another session layer around this one, the usual case.
    around: Option<Box<Around>>,
}

/// The session layers around a slot's layer.
struct Around {
    /// The slot of the next session layer outwards.
    outer: SessionSlot,
    /// The slot of the same layer further out. It holds the session and commits it.
    original: Option<SessionSlot>,
}

#[derive(Default)]
struct Place {
    session: Option<Session>,
    /// The response is being sent: a session opened from now on is too late for a cookie.
    closed: bool,
    /// The request has the [`SessionHeader`](crate::SessionHeader): so has the response.
    by_header: bool,
    /// The place of the request's host in the list of cookie domains.
    domain: Option<u16>,
    /// The path and query of a navigation, if sessions are bound to devices.
    #[cfg(feature = "dbsc")]
    target: Option<ReturnPath>,
    /// The target was noted, if there is one.
    #[cfg(feature = "dbsc")]
    noted: bool,
    /// A handler was dropped before it returned: nothing of the request is committed.
    unfinished: bool,
}

impl SessionSlot {
    /// Creates an empty slot.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self(Arc::new(Slot { engine, place: Mutex::default(), around: None }))
    }

    /// Creates the slot of a layer inside another session layer.
    ///
    /// `outer` is the slot that the request already has. If one of the layers around this one has
    /// the same engine, both share that layer's session: the outer slot commits it, and
    /// [`SessionSlot::finish`] of this one does nothing.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use cloakroom_session::adapter::{CookieHeader, SessionSlot};
    /// use cloakroom_session::{CookieSessions, Engine, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let engine = Arc::new(Engine::new(CookieSessions::encrypted(key).build()?));
    /// let outer = SessionSlot::inside(Arc::clone(&engine), None);
    /// let inner = SessionSlot::inside(engine, Some(&outer));      // the same layer once more
    /// inner.open(CookieHeader::default()).await?.insert("seen", true)?;
    /// assert!(inner.finish(200).await?.cookies.is_empty());
    /// assert_eq!(outer.finish(200).await?.cookies.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn inside(engine: Arc<Engine>, outer: Option<&Self>) -> Self {
        let Some(outer) = outer else { return Self::new(engine) };
        let original = outer.of_engine(&engine).map(Self::original);
        let around = Around { original: original.cloned(), outer: outer.clone() };
        Self(Arc::new(Slot { engine, place: Mutex::default(), around: Some(Box::new(around)) }))
    }

    /// Returns the slot of the session layer around this slot's layer.
    #[must_use]
    pub fn outer(&self) -> Option<&Self> {
        self.0.around.as_deref().map(|around| &around.outer)
    }

    /// Returns this slot and those of the layers around it, from the inside outwards.
    fn outwards(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |slot| slot.outer())
    }

    /// Returns the slot that holds the session: this one, or that of the same layer further out.
    fn original(&self) -> &Self {
        self.0.around.as_deref().and_then(|around| around.original.as_ref()).unwrap_or(self)
    }

    /// Returns the slot of the innermost session layer with the name `N`.
    ///
    /// For the extractor of a [`NamedSession`](crate::NamedSession).
    ///
    /// # Errors
    /// Returns an error that states the name if no layer around the handler has it.
    pub fn named<N: 'static>(&self) -> Result<&Self, Error> {
        let mut layers = self.outwards();
        layers.find(|slot| slot.0.engine.is_named::<N>()).ok_or_else(Error::missing_name::<N>)
    }

    /// Returns the slot of the layer with this engine: this one, or one around it.
    ///
    /// For adapters whose layers don't nest, and that keep the slots of all layers together.
    #[must_use]
    pub fn of_engine(&self, engine: &Arc<Engine>) -> Option<&Self> {
        self.outwards().find(|slot| Arc::ptr_eq(&slot.0.engine, engine))
    }

    /// Returns an error if another layer around this one sets the same cookie.
    fn check_cookies(&self) -> Result<(), Error> {
        let names = self.0.engine.cookie_names();
        let others = self.outwards().filter(|slot| !Arc::ptr_eq(&slot.0.engine, &self.0.engine));
        let mut theirs = others.flat_map(|slot| slot.0.engine.cookie_names());
        theirs.find(|name| names.contains(name)).map_or(Ok(()), |name| Err(Error::two_layers(name)))
    }

    /// Returns the slot that was found in a request, for the extractor of an adapter.
    ///
    /// The request may keep it in any map from types to values, such as `http::Extensions`.
    /// `middleware` is the name of the type that puts it there.
    ///
    /// # Errors
    /// Returns an error that names the middleware if there is no slot.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::adapter::{RequestHead, SessionSlot};
    /// use cloakroom_session::{Error, Session};
    ///
    /// // `found` is `request.extensions().get()` in most frameworks.
    /// async fn extract(found: Option<&SessionSlot>, head: &impl RequestHead) -> Result<Session, Error> {
    ///     SessionSlot::require(found, "SessionLayer")?.open_for(head).await
    /// }
    ///
    /// let error = SessionSlot::require(None, "SessionLayer").unwrap_err();
    /// assert!(error.is_missing_layer() && error.to_string().contains("SessionLayer"));
    /// ```
    pub fn require<'a>(slot: Option<&'a Self>, middleware: &'static str) -> Result<&'a Self, Error> {
        slot.ok_or_else(|| Error::missing_layer(middleware))
    }

    /// Returns the session if it was opened.
    #[must_use]
    pub fn opened(&self) -> Option<Session> {
        self.place().session.clone()
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.original().0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the session, and opens it with `cookies` if necessary.
    ///
    /// For tests and tools. An adapter calls [`SessionSlot::open_for`].
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer.
    pub async fn open(&self, cookies: CookieHeader<'_>) -> Result<Session, Error> {
        self.open_as(cookies, RequestKind::Ordinary).await
    }

    /// Returns the session of the request with this head, and opens it if necessary.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer.
    pub fn open_for<'a, H: RequestHead>(
        &'a self,
        head: &'a H,
    ) -> impl Future<Output = Result<Session, Error>> + use<'a, H> {
        // The head is read before the future is created, so that the future is `Send` even if the
        // head isn't.
        let opened = self.opened().ok_or_else(|| {
            #[cfg(feature = "dbsc")]
            self.note_device(head);
            (self.credentials(head), head.kind())
        });
        async move {
            match opened {
                Ok(session) => Ok(session),
                Err((cookies, kind)) => self.open_as(cookies, kind).await,
            }
        }
    }

    /// Returns the header that names the session, in the form of cookies, or else the cookies.
    fn credentials<'a>(&self, head: &'a impl RequestHead) -> CookieHeader<'a> {
        if let Some(domains) = &self.0.engine.domains {
            self.place().domain = domains.find(head);
        }
        match self.0.engine.header.and_then(|header| header.credentials(head)) {
            Some(given) => {
                self.place().by_header = true;
                given
            }
            None => head.cookies(),
        }
    }

    /// Returns `true` if the request names its session in a header that no browser sends by itself.
    pub(crate) fn is_by_header(&self, head: &impl RequestHead) -> bool {
        self.0.engine.header.is_some_and(|header| header.is_in(head))
    }

    /// Returns the answer to a request that registers the browser's device or refreshes its bound
    /// cookie, or `None` for all other requests.
    ///
    /// An adapter asks first, with the head that arrived. If there is an answer, it is the
    /// response: the request reaches neither a handler nor a CSRF check, and
    /// [`SessionSlot::finish`] isn't called.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::adapter::{DeviceAnswer, RequestHead, SessionSlot};
    ///
    /// async fn answer(slot: &SessionSlot, head: &impl RequestHead) -> Option<DeviceAnswer> {
    ///     let call = slot.device_call(head)?;
    ///     Some(call.await)
    /// }
    /// ```
    pub fn device_call(&self, head: &impl RequestHead) -> Option<DeviceCall> {
        #[cfg(feature = "dbsc")]
        {
            let call = devices::call(&self.0.engine, head);
            if call.is_none() {
                self.note_device(head);
            }
            call
        }
        #[cfg(not(feature = "dbsc"))]
        {
            let _ = head;
            None
        }
    }

    /// Notes the parts of the head that the binding to a device depends on.
    #[cfg(feature = "dbsc")]
    fn note_device(&self, head: &impl RequestHead) {
        if self.0.engine.devices.is_none() {
            return;
        }
        let mut place = self.place();
        // Only the first head counts: nested routers pass on a part of the path.
        if !std::mem::replace(&mut place.noted, true) {
            devices::skipped(head);
            if head.method() == "GET" {
                place.target = ReturnPath::parse(&head.target()).ok();
            }
        }
    }

    /// Creates the session of the request, if its cookies prove the device that it is bound to.
    fn admit(&self, state: SessionState, cookies: &CookieHeader<'_>) -> Session {
        let engine = Arc::clone(&self.0.engine);
        #[cfg(feature = "dbsc")]
        if let Some(bound) = &self.0.engine.devices {
            let Admission { state, proof } = devices::admit(bound, state, cookies, engine.now());
            let target = self.place().target.take();
            return Session::new(engine, state).with_device(DeviceFacts::new(proof, target));
        }
        let _ = cookies;
        Session::new(engine, state)
    }

    async fn open_as(&self, cookies: CookieHeader<'_>, kind: RequestKind) -> Result<Session, Error> {
        if let Some(session) = self.opened() {
            return Ok(session);
        }
        self.check_cookies()?;
        let engine = &self.0.engine;
        let state = engine.factory.open(cookies.clone(), engine.now()).await?.requested_by(kind);
        let session = self.admit(state, &cookies);
        // Two callers may have opened it concurrently: all callers of one request get the same
        // session.
        let mut place = self.place();
        let session = if place.closed { session.opened_late() } else { session };
        if place.unfinished {
            session.unfinished();
        }
        Ok(place.session.get_or_insert(session).clone())
    }

    /// Returns the session that the cookies of this head name, without opening it.
    ///
    /// For adapters that show a public id of the session. If the session is open, this is its key.
    #[must_use]
    pub fn presented_for(&self, head: &impl RequestHead) -> Presented {
        match self.opened().and_then(|session| session.id()) {
            Some(id) => Presented::Session(id.store_key()),
            None => self.0.engine.factory.presented(&self.credentials(head), self.now()),
        }
    }

    /// Returns `true` if the cookies may belong to this session, or to that of a layer around it.
    ///
    /// For a factory that doesn't tell its names, every cookie may.
    pub(crate) fn may_use(&self, cookies: &CookieHeader<'_>) -> bool {
        self.outwards().any(|slot| match slot.0.engine.cookie_names() {
            [] => !cookies.is_empty(),
            names => names.iter().any(|name| cookies.contains(name)),
        })
    }

    /// Returns the current time, by the clock of the engine.
    ///
    /// For adapters that convert points in time to timeouts.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.engine.now()
    }

    /// Commits the session for a response with this status.
    ///
    /// Call it after the handler has returned; later changes are not part of this request. From
    /// here on the commit runs to completion, even if the future is dropped because the client
    /// disconnected. If it fails, the adapter must replace the response. A second call does
    /// nothing. A session that is opened later is committed only by [`Session::commit_now`]; if it
    /// is changed otherwise, a warning is logged.
    pub fn finish(&self, status: u16) -> CommitFuture {
        if !std::ptr::eq(self, self.original()) {
            return CommitFuture::nothing();
        }
        let (session, by_header, domain) = {
            let mut place = self.place();
            if std::mem::replace(&mut place.closed, true) {
                return CommitFuture::nothing();
            }
            (place.session.clone(), place.by_header, place.domain)
        };
        let header = self.0.engine.header;
        let effects = ResponseEffects {
            vary_by: header.map(|header| header.request_name()),
            id_header: header.filter(|_| by_header).map(|header| header.response_name()),
            ..ResponseEffects::default()
        };
        CommitFuture::new(session, status, effects, domain)
    }

    /// Discards all changes of a request that was refused.
    ///
    /// Nothing is committed, not even that the session was used. The response is sent unchanged.
    pub fn discard(&self) {
        if let Some(session) = self.opened() {
            session.refuse();
        }
    }

    /// Discards all changes of a request whose handler was dropped before it returned.
    ///
    /// The handler may have used the sessions of the layers around this one, too.
    pub(crate) fn unfinished(&self) {
        for slot in self.outwards() {
            let mut place = slot.place();
            place.unfinished = true;
            place.session.iter().for_each(Session::unfinished);
        }
    }
}

impl fmt::Debug for SessionSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSlot").field("session", &self.opened()).finish_non_exhaustive()
    }
}
