//! The life of one test session under random keys. It shows the user's rights, and intermediaries.

use std::time::Duration;

use cloakroom::Timestamp;
use cloakroom::factory::fresh_id;
use cloakroom::store::{Created, Entry, Loaded, Replaced, Severity, Store, StoreError, StoreKey, all_owned};

use crate::scan::within;

/// Its lifetime if ending it fails.
const LIFE: Duration = Duration::from_secs(60);

/// Runs the test. Returns its result as a finding.
pub(super) async fn rights(store: &impl Store, now: Timestamp) -> (Severity, String) {
    let keys = fresh_id().and_then(|first| Ok([first.store_key(), fresh_id()?.store_key()]));
    let [first, second] = match keys {
        Ok(keys) => keys,
        Err(why) => return (Severity::Problem, format!("no random keys: {why}")),
    };
    let lived = life(store, &first, &second, now).await;
    if lived.is_err() {
        // Remove the remains, as far as the user's rights allow.
        for key in [&second, &first] {
            let _gone = within(store.end(key, now)).await;
        }
    }
    match lived {
        Ok(text) => (Severity::Good, text.to_owned()),
        Err((what, Some(why))) => (Severity::Problem, format!("{what} a session failed: {}", told(&why))),
        Err((what, None)) => {
            (Severity::Problem, format!("{what} a session had no effect: do requests reach different servers?"))
        }
    }
}

/// The step that failed with its error, or that had no effect.
type Failed = (&'static str, Option<StoreError>);

async fn life(store: &impl Store, first: &StoreKey, second: &StoreKey, now: Timestamp) -> Result<&'static str, Failed> {
    let owner = format!("cloakroom-doctor-{}", second.to_hex());
    let entry = Entry::new("{}".into(), now, now, Some(now + LIFE));
    let done = |what: &'static str, done: bool| if done { Ok(()) } else { Err((what, None)) };
    let failed = |what: &'static str| move |why: StoreError| (what, Some(why));

    let created = within(store.create(first, &entry, now)).await.map_err(failed("creating"))?;
    done("creating", matches!(created, Created::Yes(_)))?;
    let loaded = within(store.load(first, now)).await.map_err(failed("reading"))?;
    let Loaded::Live(seen, _) = loaded else { return Err(("creating", None)) };
    let replaced = within(store.replace(first, seen, &entry, now)).await.map_err(failed("writing"))?;
    let Replaced::Yes(seen) = replaced else { return Err(("writing", None)) };
    let touched = within(store.touch(first, now, Some(now + LIFE), now)).await.map_err(failed("extending"))?;
    done("extending", touched)?;
    let owned = entry.owner(Some(owner.clone()));
    let moved = store.cycle(first, seen, second, &owned, now, now);
    done("moving", matches!(within(moved).await.map_err(failed("moving"))?, Replaced::Yes(_)))?;
    let text = match within(all_owned(store, &owner, now)).await {
        Ok(listed) => {
            done("listing", listed.len() == 1)?;
            "a session was created, read, written, extended, moved, listed and ended"
        }
        Err(why) if why.is_unsupported() => "a session was created, read, written, extended, moved and ended",
        Err(why) => return Err(("listing", Some(why))),
    };
    let ended = within(store.end(second, now)).await.map_err(failed("ending"))?;
    done("ending", ended)?;
    Ok(text)
}

/// Returns the reason, without the prefix that every store error has.
pub(super) fn told(why: &StoreError) -> String {
    std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use cloakroom::store::{Severity, Store as _};
    use cloakroom::{MemoryStore, Timestamp};

    use super::rights;

    #[tokio::test]
    async fn the_test_session_is_removed() {
        let (store, now) = (MemoryStore::new(), Timestamp::from_unix_secs(1_700_000_000));
        let (severity, text) = rights(&store, now).await;
        assert_eq!(severity, Severity::Good, "{text}");
        assert!(text.contains("listed and ended"), "{text}");
        assert_eq!(store.scan(None, 10, now).await.unwrap().sessions.len(), 0);
    }
}
