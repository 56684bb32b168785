//! How a plan is carried out on records that another application writes too.

use std::time::Duration;

use cloakroom_session::meter::{self, Event};
use cloakroom_session::{
    Carrier, Error, Foreign, Plan, Record, Rejected, SessionState, Timestamp, fresh_token, random,
};

use super::factory::SharedRecords;
use super::format::{RecordFormat, Touching};
use super::store::{ForeignStore, Swap};
use crate::cookie_format::Sealing;

/// One collision is a miracle. After some more there is no point in asking the same generator again.
const MOST_COLLISIONS: usize = 4;

/// What there is after a commit.
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the stack")]
pub(crate) enum Settled {
    /// Under this id, as the framework has it.
    Kept(String, Record),
    Ended,
    /// It had ended meanwhile: the changes are gone, and the browser isn't told, because what it holds may be newer.
    Dropped,
    Untouched,
}

impl<F: RecordFormat, S: ForeignStore> SharedRecords<F, S> {
    /// Carries out a plan.
    pub(crate) async fn settle(&self, session: &SessionState, plan: Plan, now: Timestamp) -> Result<Settled, Error> {
        let id = self.raw_id(session.base().foreign(self.format.framework()));
        match (plan, id) {
            (Plan::Create, _) => {
                let (id, record) = self.create(session.outcome(now, fresh_token)?, now).await?;
                Ok(Settled::Kept(id, record))
            }
            (Plan::EndThenCreate, _) => {
                // The new one first: if ending the old one fails, the request fails, and nobody knows the new one's id.
                let (id, record) = self.create(session.outcome(now, fresh_token)?, now).await?;
                self.end(session.ended_foreign()).await?;
                Ok(Settled::Kept(id, record))
            }
            (Plan::End, _) => {
                self.end(session.ended_foreign()).await?;
                Ok(Settled::Ended)
            }
            (Plan::Touch, Some(id)) if self.format.touching() == Touching::Expiry => {
                let record = session.touched(session.record().clone(), now);
                let there = self.call("touch", self.store.touch(id, record.clockwork().ends(), now)).await?;
                Ok(if there { Settled::Kept(id.to_owned(), record) } else { Settled::Dropped })
            }
            (Plan::Touch | Plan::Replace, Some(id)) => self.within(self.replace(session, id, now)).await,
            (Plan::Cycle, Some(id)) => self.within(self.cycle(session, id, now)).await,
            (Plan::Drop(_), _) => Ok(Settled::Dropped),
            _ => Ok(Settled::Untouched),
        }
    }

    /// The id under which the framework's store has a session.
    pub(crate) fn raw_id<'a>(&self, foreign: Option<&'a Foreign>) -> Option<&'a str> {
        foreign.filter(|foreign| foreign.framework() == self.format.framework())?.id()
    }

    async fn within(&self, commit: impl Future<Output = Result<Settled, Error>>) -> Result<Settled, Error> {
        tokio::time::timeout(self.commit_timeout, commit).await.unwrap_or_else(|_| {
            let patience = self.commit_timeout;
            Err(Error::unavailable(format!("others kept committing for {patience:?}, and the change found no place")))
        })
    }

    fn text(&self, id: &str, record: &Record, now: Timestamp) -> Result<String, Error> {
        let sealing_random = random()?;
        let text =
            self.format.seal(id, record, Sealing::new(self.cookie.name(), now, &self.lifetimes, &sealing_random))?;
        meter::written(Carrier::Id, || text.len());
        Ok(text)
    }

    /// Keeps a new record, under the id that is returned.
    async fn create(&self, mut record: Record, now: Timestamp) -> Result<(String, Record), Error> {
        for _ in 0..MOST_COLLISIONS {
            let id = self.format.fresh_id(&random()?);
            let text = self.text(&id, &record, now)?;
            let ends = record.clockwork().ends();
            if self.call("create", self.store.create(&id, &text, ends, now)).await? {
                self.remember(&mut record, &id, &text);
                return Ok((id, record));
            }
            tracing::error!("a fresh session id was taken: is the random generator broken?");
        }
        Err(Error::unavailable(format!("{MOST_COLLISIONS} fresh session ids were taken")))
    }

    async fn replace(&self, session: &SessionState, id: &str, now: Timestamp) -> Result<Settled, Error> {
        let mut base = session.base().clone();
        let mut record = session.outcome(now, fresh_token)?;
        for attempt in 0_u32.. {
            let text = self.text(id, &record, now)?;
            let (seen, ends) = (self.seen(&base), record.clockwork().ends());
            match self.call("replace", self.store.replace(id, seen, &text, ends, now)).await? {
                Swap::Done => {
                    self.remember(&mut record, id, &text);
                    return Ok(Settled::Kept(id.to_owned(), record));
                }
                Swap::Gone => return Ok(Settled::Dropped),
                Swap::Conflict => {}
            }
            let Some((newest, again)) = self.again(session, id, attempt, now).await? else {
                return Ok(Settled::Dropped);
            };
            (base, record) = (newest, again);
        }
        Ok(Settled::Dropped)
    }

    /// Under a new id first, which nobody knows before the old one has ended.
    async fn cycle(&self, session: &SessionState, id: &str, now: Timestamp) -> Result<Settled, Error> {
        let mut base = session.base().clone();
        let (new, mut record) = self.create(session.outcome(now, fresh_token)?, now).await?;
        for attempt in 0_u32.. {
            match self.call("end", self.store.end_if(id, self.seen(&base), now)).await? {
                Swap::Done => return Ok(Settled::Kept(new, record)),
                Swap::Gone => break,
                Swap::Conflict => {}
            }
            // Somebody has written to the old one: what that was must not be left behind.
            let Some((newest, mut again)) = self.again(session, id, attempt, now).await? else { break };
            let text = self.text(&new, &again, now)?;
            let (seen, ends) = (self.seen(&record), again.clockwork().ends());
            self.call("replace", self.store.replace(&new, seen, &text, ends, now)).await?;
            self.remember(&mut again, &new, &text);
            (base, record) = (newest, again);
        }
        // It has ended meanwhile, and what was to take its place ends with it.
        self.call("end", self.store.end(&new)).await?;
        Ok(Settled::Dropped)
    }

    fn seen<'a>(&self, record: &'a Record) -> &'a str {
        record.foreign(self.format.framework()).and_then(Foreign::seen).unwrap_or_default()
    }

    /// The record as it is now, and what the session becomes on it; `None` if it has ended.
    async fn again(
        &self,
        session: &SessionState,
        id: &str,
        attempt: u32,
        now: Timestamp,
    ) -> Result<Option<(Record, Record)>, Error> {
        // Those that met us here shouldn't all come back at once.
        if attempt > 0 {
            tokio::time::sleep(jitter(attempt)?).await;
        }
        let newest = match self.find(id, now).await? {
            Ok(newest) => newest,
            Err(Rejected::Unknown | Rejected::Expired(_)) => return Ok(None),
            Err(why) => return Err(Error::corrupt(why.to_string())),
        };
        meter::event(Carrier::Id, Event::Replayed);
        tracing::debug!(changes = session.log().len(), "session changes done again on what another request wrote");
        let replayed = session.log().replay(session.base(), &newest, self.conflicts)?;
        Ok(Some((newest, session.touched(replayed, now))))
    }

    async fn end(&self, foreign: Option<&Foreign>) -> Result<(), Error> {
        match self.raw_id(foreign) {
            Some(id) => self.call("end", self.store.end(id)).await,
            None => Ok(()),
        }
    }
}

/// A pause of a random length, longer after each attempt.
fn jitter(attempt: u32) -> Result<Duration, Error> {
    let longest = 1_u64 << attempt.min(6);
    let [byte] = random::<1>()?;
    Ok(Duration::from_micros(longest * 1000 * u64::from(byte) / 255))
}
