//! The facts about the device of a request.

use std::sync::atomic::AtomicBool;

use cloakroom_core::dbsc::DeviceProof;

use crate::return_path::ReturnPath;

/// The facts about a request's device, for an engine that binds sessions.
pub(crate) struct DeviceFacts {
    /// The proof when the session was opened.
    pub(crate) proof: DeviceProof,
    /// The path and query of a navigation, to which a step-up leads back.
    pub(crate) target: Option<ReturnPath>,
    /// The response offers a registration.
    pub(crate) offers: AtomicBool,
    /// The response removes the bound cookie, so that the browser refreshes.
    pub(crate) steps_up: AtomicBool,
}

impl DeviceFacts {
    pub(crate) const fn new(proof: DeviceProof, target: Option<ReturnPath>) -> Self {
        Self { proof, target, offers: AtomicBool::new(false), steps_up: AtomicBool::new(false) }
    }
}
