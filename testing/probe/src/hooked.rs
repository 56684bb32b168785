//! A store wrapper with a hook before and a hook after each call.
//!
//! The probe uses it to count calls. Tests include this file to delay calls or to lose their
//! results, each with a separate hook.

use std::fmt;
use std::future::Future;

use cloakroom::AnyStore;
use cloakroom::store::{Store, StoreError, delegate_store};

/// The calls that concern a single session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Load,
    Create,
    Replace,
    Touch,
    Cycle,
    End,
}

impl Call {
    fn named(method: &str) -> Option<Self> {
        Some(match method {
            "load" | "load_latest" => Self::Load,
            "create" => Self::Create,
            "replace" => Self::Replace,
            "touch" => Self::Touch,
            "cycle" => Self::Cycle,
            "end" => Self::End,
            _ => return None,
        })
    }
}

/// The actions around a call.
pub(crate) trait Hook: Send + Sync + 'static {
    /// Runs before the call. If it returns an error, the store isn't called.
    fn before(&self, call: Call) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = call;
        async { Ok(()) }
    }

    /// Runs after the call, whether the call succeeded or not. If it returns an error, the result
    /// of the completed call is lost.
    fn behind(&self, call: Call) -> Result<(), StoreError> {
        let _ = call;
        Ok(())
    }
}

/// A store with a hook.
pub(crate) struct Hooked<H> {
    pub(crate) inner: AnyStore,
    pub(crate) hook: H,
}

impl<H: Hook> Hooked<H> {
    async fn around<T>(
        &self,
        method: &'static str,
        answer: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let Some(call) = Call::named(method) else { return answer.await };
        self.hook.before(call).await?;
        let answer = answer.await;
        self.hook.behind(call).and(answer)
    }
}

impl<H> fmt::Debug for Hooked<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<H: Hook> Store for Hooked<H> {
    delegate_store!(inner via around);
}
