//! The proof of a request to the application, when its session is opened.

use cloakroom_core::dbsc::{Binding, DeviceProof};
use cloakroom_core::{CookieHeader, SessionState, Timestamp};

use super::{DeviceEvent, Devices};

/// A session that was opened, and the proof of its request.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) state: SessionState,
    pub(crate) proof: DeviceProof,
}

/// Decides whether a request gets the session that its cookies opened.
///
/// No call to the store is needed: the secret of the bound cookie is in the session's record.
pub(crate) fn admit(devices: &Devices, state: SessionState, cookies: &CookieHeader<'_>, now: Timestamp) -> Admission {
    let Some(binding) = state.base().binding() else {
        // What can't be read can't be proved: a later release may have written it.
        let is_bound = state.base().has_binding();
        let proof = if is_bound { DeviceProof::Missing } else { DeviceProof::NotBound };
        return Admission { state: if is_bound { refuse(devices, state, now) } else { state }, proof };
    };
    // Several cookies may have the name. One that is valid is enough.
    let prove = |value| binding.prove(value, now);
    let is_fresh = |(proof, _): &(DeviceProof, _)| matches!(proof, DeviceProof::Fresh(_));
    let shown = cookies.last_first(devices.cookie(None).name()).map(|value| prove(Some(value))).find(is_fresh);
    let (proof, first) = shown.unwrap_or_else(|| prove(None));
    let state = if proof == DeviceProof::Missing {
        refuse(devices, state, now)
    } else if first.is_some() {
        see(state, &binding, now)
    } else {
        state
    };
    Admission { state, proof }
}

/// Notes in the record that the browser has sent the bound cookie.
fn see(mut state: SessionState, binding: &Binding, now: Timestamp) -> SessionState {
    let id = binding.id();
    state.bind(move |current| current.filter(|it| it.id() == id)?.shown(now));
    state
}

fn refuse(devices: &Devices, state: SessionState, now: Timestamp) -> SessionState {
    DeviceEvent::Unproven(devices.enforces).count();
    let session = state.store_key().map(|key| key.prefix().to_string());
    tracing::warn!(
        session,
        detached = devices.enforces,
        "a request has no proof of the device that its session is bound to"
    );
    if !devices.enforces {
        return state;
    }
    let empty = SessionState::detached(state.id(), now, *state.lifetimes()).with_payload(state.payload());
    // A user whose browser has lost its key must be able to sign in again.
    empty.with_source(state.place()).requested_by(state.request()).with_token_of_id()
}
