//! Sessions that are bound to a device: Device Bound Session Credentials (DBSC).
//!
//! The decisions are pure functions of [`cloakroom_core::dbsc`]. Here are the requests and
//! responses around them:
//!
//! | file | contents |
//! |---|---|
//! | `call` | a request to one of the two endpoints, and its answer, as adapters see them |
//! | `binding` | the options of an application |
//! | `endpoints` | the answers to registrations and refreshes |
//! | `admission` | the proof of a request to the application, when its session is opened |
//! | `facts` | the facts about the device of a request |
//! | `events` | traces and metrics |
//!
//! The methods of handlers are in `session/device`.

#[cfg(feature = "dbsc")]
mod admission;
#[cfg(feature = "dbsc")]
mod binding;
mod call;
#[cfg(feature = "dbsc")]
mod endpoints;
#[cfg(feature = "dbsc")]
mod events;
#[cfg(feature = "dbsc")]
mod facts;

#[cfg(feature = "dbsc")]
pub(crate) use admission::{Admission, admit};
#[cfg(feature = "dbsc")]
pub use binding::DeviceBinding;
#[cfg(feature = "dbsc")]
pub(crate) use binding::Devices;
pub use call::{DeviceAnswer, DeviceCall};
#[cfg(feature = "dbsc")]
pub(crate) use endpoints::call;
#[cfg(feature = "dbsc")]
pub(crate) use events::{DeviceEvent, skipped};
#[cfg(feature = "dbsc")]
pub(crate) use facts::DeviceFacts;
