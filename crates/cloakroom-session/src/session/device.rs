//! Sessions that are bound to a device.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_core::SessionState;
use cloakroom_core::Timestamp;
use cloakroom_core::dbsc::{Binding, DeviceProof, registration_header};

use super::{Phase, Session};
use crate::clock::random;
use crate::devices::DeviceEvent;
use crate::effects::ResponseEffects;
use crate::error::Error;

const REGISTRATION: &str = "secure-session-registration";

impl Session {
    /// Binds the session to the browser's device, if the browser can do that.
    ///
    /// Call it after [`Session::sign_in`]. The response offers a registration
    /// (`Secure-Session-Registration`), with a challenge that is stored with the other changes of
    /// the request. A browser with Device Bound Session Credentials then registers its key; all
    /// others ignore the header. If the session is bound already and this request has a proof, the
    /// binding stays. A program that names its session in a [`SessionHeader`](crate::SessionHeader)
    /// gets no offer, and its session stays unbound.
    ///
    /// The offer is sent with the response if the changes of the request were committed.
    ///
    /// # Errors
    /// Fails with [`Error::is_unsupported`] if the session layer has no
    /// [`device_binding`](crate::Engine::device_binding), and for sessions that aren't in a store:
    /// in a cookie, a challenge could be signed more than once. Fails with
    /// [`Error::is_headers_sent`] in the body of a response that is a stream: its headers were sent
    /// before.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{Error, Session};
    ///
    /// fn signed_in(session: &Session, user: &str) -> Result<(), Error> {
    ///     session.sign_in(user);
    ///     session.bind_device()
    /// }
    /// # let session = Session::for_tests();
    /// # signed_in(&session, "42")?;
    /// # assert_eq!(session.bound_at(), None, "the browser hasn't registered yet");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn bind_device(&self) -> Result<(), Error> {
        let engine = &self.0.engine;
        if engine.devices.is_none() {
            return Err(Error::not_configured("device_binding"));
        }
        if !engine.factory.keeps_bindings() {
            return Err(Error::unsupported(
                "a binding to a device needs StoredSessions: a cookie doesn't know which challenge was signed",
            ));
        }
        if self.0.device.as_deref().is_some_and(|device| device.by_header) {
            return Ok(());
        }
        if self.inner().phase == Phase::HeadersSent {
            return Err(Error::headers_sent());
        }
        let offer = Binding::offer(&random()?, self.now());
        // A binding is replaced only if this request has seen it without a proof. Another request
        // may register the device at the same time, and that binding stays.
        let is_proven = matches!(self.proof(), DeviceProof::Fresh(_));
        let seen = self.binding().filter(|binding| binding.bound_at().is_some() && !is_proven);
        let unproven = seen.map(|binding| binding.id());
        let offers = self.bind(move |current| {
            let bound = current.filter(|binding| binding.bound_at().is_some());
            let is_kept = bound.is_some_and(|binding| Some(binding.id()) != unproven);
            (!is_kept).then(|| offer.clone())
        });
        if let Some(device) = self.0.device.as_deref() {
            device.offers.fetch_or(offers, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Returns whether this request comes from the device that the session is bound to.
    ///
    /// It is known when the session is opened, and doesn't change during the request.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::DeviceProof;
    ///
    /// # let session = cloakroom_session::Session::for_tests();
    /// assert_eq!(session.proof(), DeviceProof::NotBound);
    /// ```
    #[must_use]
    pub fn proof(&self) -> DeviceProof {
        self.0.device.as_ref().map_or(DeviceProof::NotBound, |device| device.proof)
    }

    /// Checks that the device has proved itself within `max_age`, if the session is bound to one.
    ///
    /// Call it before a sensitive action. If the last proof is older, the response to a navigation
    /// is a redirect (307) to the same page that removes the bound cookie: the browser proves
    /// itself before it follows. A session that isn't bound passes, because most browsers can't
    /// bind one. If your application admits bound sessions only, check [`Session::proof`].
    ///
    /// # Errors
    /// Fails with [`Error::is_unproven`]. As a response the error is that redirect for `GET`, and
    /// 403 for other methods and if the browser hasn't sent the bound cookie at all.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use cloakroom_session::{Error, Session};
    ///
    /// async fn payments(session: Session) -> Result<&'static str, Error> {
    ///     session.demand_proof(Duration::from_secs(30))?;
    ///     Ok("your accounts")
    /// }
    /// # let _ = payments;
    /// ```
    pub fn demand_proof(&self, max_age: Duration) -> Result<(), Error> {
        let Some(device) = self.0.device.as_deref() else { return Ok(()) };
        match device.proof {
            DeviceProof::NotBound | DeviceProof::NotArmed => Ok(()),
            DeviceProof::Fresh(at) if self.now().since(at) <= max_age => Ok(()),
            DeviceProof::Fresh(_) => {
                device.steps_up.store(true, Ordering::Relaxed);
                Err(Error::unproven(device.target.clone()))
            }
            // Without the cookie, the browser couldn't refresh. A redirect would never end.
            DeviceProof::Missing | _ => Err(Error::unproven(None)),
        }
    }

    /// Returns the time since which the session is bound to a device; `None` if it isn't.
    #[must_use]
    pub fn bound_at(&self) -> Option<Timestamp> {
        self.binding()?.bound_at()
    }

    /// Returns the time of the device's last proof; `None` if the session isn't bound.
    #[must_use]
    pub fn proven_at(&self) -> Option<Timestamp> {
        self.binding()?.proven_at()
    }

    pub(crate) fn binding(&self) -> Option<Binding> {
        self.read(|state| state.record().binding())
    }

    /// Returns `true` if the session has a binding of a later release.
    pub(crate) fn has_unreadable_binding(&self) -> bool {
        self.read(|state| state.record().has_binding() && state.record().binding().is_none())
    }

    /// Decides about the binding. Returns whether it changes.
    pub(crate) fn bind(&self, decide: impl Fn(Option<&Binding>) -> Option<Binding> + Send + Sync + 'static) -> bool {
        self.write(|state| state.bind(decide))
    }

    /// Adds the effects on a response whose changes were committed.
    pub(crate) fn device_effects(&self, effects: &mut ResponseEffects, domain: Option<u16>, commits: bool) {
        let (Some(devices), Some(device)) = (&self.0.engine.devices, self.0.device.as_deref()) else { return };
        let offers = device.offers.load(Ordering::Relaxed);
        if offers && let Some(offer) = self.read(|state| state.base().binding()).filter(|it| it.bound_at().is_none()) {
            effects.headers.push((REGISTRATION, registration_header(&devices.register, offer.challenge())));
            DeviceEvent::Offered.count();
        }
        // Without a commit, the session is as it was.
        let was_bound = commits && matches!(device.proof, DeviceProof::Fresh(_));
        let is_bound = !offers && self.read(|state| state.base().has_binding());
        let has_ended = was_bound && !is_bound && !self.read(SessionState::is_detached);
        if has_ended || device.steps_up.load(Ordering::Relaxed) {
            effects.cookies.extend(devices.cookie(domain).remove_all());
        }
    }
}
