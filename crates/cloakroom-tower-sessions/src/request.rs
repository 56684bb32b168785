//! The Cloakroom session of a request, as the store of a foreign session.
//!
//! The methods correspond to those of `SessionStore`, which is implemented with them for each
//! version of tower-sessions.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::{Error, Session};
use serde_json::Value;
use time::OffsetDateTime;

use crate::deletion::{Deletion, Meaning};
use crate::difference::{Difference, Entries};
use crate::expiry::{Expires, Expiry, date_of};
use crate::failure::Failure;
use crate::head::Head;
use crate::public_id::{FirstId, public_id};

/// The session of one request. The foreign session owns it.
pub(crate) struct RequestSession {
    /// `None` if no session layer is installed: every use is then an error.
    slot: Option<SessionSlot>,
    head: Head,
    first_id: FirstId,
    /// The foreign session. Weak, because that one owns this value.
    foreign: OnceLock<Weak<dyn Expires>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stage: Stage,
    /// The entries that the foreign session was last loaded from, or saved as.
    seen: Option<Arc<Entries>>,
    deletion: Deletion,
    /// The expiry that was applied last.
    expiry: Option<Expiry>,
    /// The last error, for the response of the layer.
    error: Option<Error>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// The handler runs. A save was asked for by it.
    #[default]
    Handling,
    /// The handler has returned, and the layer saves.
    Saving,
    /// The response is being sent. Nothing is committed later unless it is committed at once.
    Answered,
}

/// A loaded record of tower-sessions.
pub(crate) struct Loaded {
    pub(crate) entries: Entries,
    pub(crate) expiry_date: OffsetDateTime,
}

impl RequestSession {
    pub(crate) fn new(slot: Option<SessionSlot>, head: Head) -> Self {
        let first_id = FirstId::of(slot.as_ref(), &head);
        Self { slot, head, first_id, foreign: OnceLock::new(), state: Mutex::default() }
    }

    /// Sets the foreign session, which knows the expiry that the handler sets.
    pub(crate) fn set_foreign(&self, foreign: Weak<dyn Expires>) {
        // It is set once, by the layer that creates both.
        let _ = self.foreign.set(foreign);
    }

    /// Returns the id with which the foreign session begins.
    pub(crate) const fn first_id(&self) -> FirstId {
        self.first_id
    }

    /// Opens the Cloakroom session.
    pub(crate) async fn open(&self) -> Result<Session, Failure> {
        let opened = match SessionSlot::require(self.slot.as_ref(), "SessionLayer") {
            Ok(slot) => slot.open_for(&self.head).await,
            Err(missing) => Err(missing),
        };
        opened.map_err(|error| self.failed(error))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| slot.opened().is_some())
    }

    /// Loads the entries, or returns `None` if there is no session.
    ///
    /// A session whose id has moved has no entries, but it is one: a sign-out must end it under its
    /// new id.
    pub(crate) async fn load(&self) -> Result<Option<Loaded>, Failure> {
        let (is_ended, is_again) = {
            let mut state = self.state();
            (state.deletion.note_load(), state.seen.is_some())
        };
        if is_ended {
            return Ok(None);
        }
        let session = self.open().await?;
        if is_again {
            session.refresh().await.map_err(|error| self.failed(error))?;
        }
        if session.is_new() && !session.is_detached() {
            return Ok(None);
        }
        let entries = session.entries::<Value>().map_err(|error| self.failed(error))?;
        let entries: Entries = entries.into_iter().collect();
        self.state().seen = Some(Arc::new(entries.clone()));
        Ok(Some(Loaded { entries, expiry_date: date_of(session.expires_at()) }))
    }

    /// Saves entries under a new id, and returns the id if it is known.
    pub(crate) async fn create(&self, id: i128, entries: &Entries) -> Result<Option<i128>, Failure> {
        let session = self.open().await?;
        let (meaning, seen) = self.next(|deletion| deletion.before_creating(id));
        let seen = match meaning {
            Meaning::Nothing => seen,
            Meaning::Cycle => {
                if seen.is_none() && self.first_id != FirstId::None && session.id().is_some() {
                    // Cleared before it was loaded.
                    session.clear();
                }
                session.cycle_id();
                seen
            }
            Meaning::End => {
                self.end(&session);
                None
            }
        };
        self.write(&session, &seen.unwrap_or_default(), entries)?;
        if entries.is_empty() && self.is_explicit() {
            // A handler that saves an empty session wants its id.
            session.changed();
        }
        self.commit_if_explicit(&session).await?;
        Ok(session.id().map(|id| public_id(&id.store_key())))
    }

    /// Saves entries under the same id.
    pub(crate) async fn save(&self, entries: &Entries) -> Result<(), Failure> {
        let session = self.open().await?;
        let (meaning, seen) = self.next(Deletion::alone);
        if meaning == Meaning::End {
            self.end(&session);
        } else if seen.is_none() {
            // Saved without having been loaded: it was cleared before.
            session.clear();
        }
        let seen = seen.filter(|_| meaning != Meaning::End);
        self.write(&session, &seen.unwrap_or_default(), entries)?;
        self.commit_if_explicit(&session).await
    }

    /// Notes a deletion. The calls after it decide whether the session ends or gets a new id.
    pub(crate) async fn delete(&self, id: i128) -> Result<(), Failure> {
        let is_late = {
            let mut state = self.state();
            state.deletion.note(id);
            state.stage == Stage::Answered
        };
        // No cookie can be sent any more, so the session can't get a new id.
        if is_late {
            self.settle().await?;
            let session = self.open().await?;
            session.commit_now().await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Carries out a deletion that no record was created after.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let (meaning, _) = self.next(Deletion::alone);
        if meaning == Meaning::End {
            let session = self.open().await?;
            // A new session has nothing to end, and may hold values of other code.
            if session.id().is_some() || session.is_detached() {
                self.end(&session);
            }
        }
        Ok(())
    }

    /// Marks the time from which on saves are those of the layer.
    pub(crate) fn handler_returned(&self) {
        self.state().stage = Stage::Saving;
    }

    /// Marks the time from which on the response is sent.
    pub(crate) fn answered(&self) {
        self.state().stage = Stage::Answered;
    }

    /// Drops all changes of the request, and returns the error that is the reason, if it is known.
    pub(crate) fn refuse(&self) -> Option<Error> {
        self.slot.iter().for_each(SessionSlot::discard);
        self.state().error.take()
    }

    /// Takes the pending deletion, and returns the entries that were seen.
    fn next(&self, meaning: impl FnOnce(Deletion) -> Meaning) -> (Meaning, Option<Arc<Entries>>) {
        let mut state = self.state();
        let deletion = std::mem::take(&mut state.deletion);
        (meaning(deletion), state.seen.clone())
    }

    fn end(&self, session: &Session) {
        session.invalidate();
        let mut state = self.state();
        state.seen = None;
        state.expiry = None;
    }

    /// Writes the entries that differ from those seen, and the expiry if the handler has set one.
    fn write(&self, session: &Session, seen: &Entries, entries: &Entries) -> Result<(), Failure> {
        let difference = Difference::new(seen, entries);
        // First, because it can fail: then nothing is changed.
        session.extend(difference.set).map_err(|error| self.failed(error))?;
        for key in difference.removed {
            session.remove(key);
        }
        let expiry = self.foreign.get().and_then(Weak::upgrade).and_then(|foreign| foreign.expires());
        let mut state = self.state();
        state.seen = Some(Arc::new(entries.clone()));
        let is_news = expiry != state.expiry;
        state.expiry = expiry;
        drop(state);
        if let (Some(expiry), Some(slot), true) = (expiry, &self.slot, is_news) {
            expiry.apply(session, slot.now());
        }
        Ok(())
    }

    fn is_explicit(&self) -> bool {
        self.state().stage != Stage::Saving
    }

    async fn commit_if_explicit(&self, session: &Session) -> Result<(), Failure> {
        if self.is_explicit() {
            session.commit_now().await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Describes an error to the foreign session, and keeps it for the response of the layer.
    fn failed(&self, error: Error) -> Failure {
        let failure = Failure::new(&error);
        self.state().error = Some(error);
        failure
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RequestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The `Debug` of the foreign session contains this one.
        f.write_str("RequestSession")
    }
}
