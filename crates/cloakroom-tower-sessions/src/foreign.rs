//! The part of a `tower_sessions::Session` that the layer uses, of any version.

use std::fmt;
use std::sync::Arc;

use crate::expiry::Expires;
use crate::public_id::FirstId;
use crate::request::RequestSession;

/// A `tower_sessions::Session` of any version.
pub(crate) trait ForeignSession: Expires + fmt::Debug + Clone + Send + Sync + 'static {
    /// Creates a session that is loaded from `request`, and saved to it.
    fn new(id: FirstId, request: Arc<RequestSession>) -> Self;

    fn has_id(&self) -> bool;

    fn is_modified(&self) -> bool;

    fn is_empty(&self) -> impl Future<Output = bool> + Send;

    fn save(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// Returns `true` unless the session is certainly untouched.
    ///
    /// A session without an id never asks its store for a record, so a read leaves no other trace
    /// than a record in its `Debug` output. If a later release changes that output, each such
    /// session counts as touched, and its response gets a `Vary: Cookie` too many.
    fn may_be_touched(&self) -> bool {
        self.is_modified() || !format!("{self:?}").contains("record: Mutex { data: None }")
    }
}
