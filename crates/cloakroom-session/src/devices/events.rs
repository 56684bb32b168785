//! Traces and metrics of device bindings.

use cloakroom_core::dbsc::{RefusedProof, skipped_reason};

use crate::adapter::{RequestHead, text};
use crate::meter;

/// An event in the life of bindings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DeviceEvent {
    /// A response offered a registration.
    Offered,
    Registered,
    Refreshed,
    /// A refresh came without a proof of the current challenge.
    Challenged,
    /// A registration or a refresh was refused.
    Refused(RefusedProof),
    /// A refresh named a binding that doesn't exist: its session has ended.
    Unknown,
    /// A refresh had an id that leads to a session with a newer one. The browser asks again.
    Moved,
    /// A refresh of a binding that this build can't read, or whose key it can't verify.
    Unsupported,
    /// A browser said that it couldn't refresh. Only a hint: any client can say so.
    Skipped(&'static str),
    /// A request to the application had no proof. `true` if it got no session.
    Unproven(bool),
}

impl DeviceEvent {
    /// Counts the event.
    pub(crate) fn count(self) {
        let (event, reason) = match self {
            Self::Offered => ("offered", ""),
            Self::Registered => ("registered", ""),
            Self::Refreshed => ("refreshed", ""),
            Self::Challenged => ("challenged", ""),
            Self::Refused(why) => ("refused", why.as_str()),
            Self::Unknown => ("refused", "unknown"),
            Self::Moved => ("refused", "moved"),
            Self::Unsupported => ("refused", "unsupported"),
            Self::Skipped(reason) => ("skipped", reason),
            Self::Unproven(true) => ("unproven", "detached"),
            Self::Unproven(false) => ("unproven", "observed"),
        };
        meter::device_binding(event, reason);
    }
}

/// Counts the hint of a browser that it couldn't refresh.
pub(crate) fn skipped(head: &impl RequestHead) {
    let hint = head.lines("secure-session-skipped").next().and_then(text).and_then(skipped_reason);
    if let Some(reason) = hint {
        DeviceEvent::Skipped(reason).count();
    }
}
