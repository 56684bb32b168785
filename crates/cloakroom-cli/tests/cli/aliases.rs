//! Sessions with an alias: they are listed and ended, and the entries of aliases are no sessions.

use std::sync::Arc;

use cloakroom::factory::{Alias, CookieHeader, SessionFactory as _, begin_commit, fresh_token};
use cloakroom::{AnyStore, StoredSessions, connect};

use crate::common::{all, cloakroom, json, now, sqlite};

const ISSUER: &str = "https://login.example";

/// Signs a user in with an alias. Returns the session's key.
async fn sign_in(store: &Arc<AnyStore>, owner: &str, sid: &str) -> String {
    let sessions = StoredSessions::new(Arc::clone(store)).build().unwrap();
    let mut session = sessions.open(CookieHeader::default(), now()).await.unwrap();
    session.set_owner(owner, fresh_token().unwrap(), now());
    session.set_alias(Alias::new(ISSUER, sid));
    let commit = begin_commit(session, now()).unwrap();
    sessions.commit(&commit).await.unwrap().session.id().unwrap().store_key().to_hex()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_ends_its_session_and_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| sqlite(folder.path(), name));
    let store = Arc::new(connect(&from).await.unwrap());
    connect(&to).await.unwrap();
    let first = sign_in(&store, "ann", "sid-1").await;
    sign_in(&store, "ann", "sid-2").await;
    assert_eq!(all(&store).await.len(), 4, "two sessions and two entries");

    let listed = json(0, &["sessions", "list", &from]);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2, "{listed}");
    let stats = json(0, &["stats", &from]);
    assert_eq!((&stats["sessions"], &stats["damaged"]), (&2.into(), &0.into()), "{stats}");
    assert_eq!(json(0, &["sessions", "show", &from, &first])["has_alias"], true);
    let (_, shown, _) = cloakroom(&["sessions", "show", &from, &first, "--values"]);
    assert!(shown.contains("has alias") && !shown.contains("sid-1"), "{shown}");
    let entry = Alias::new(ISSUER, "sid-1").store_key().to_hex();
    let (code, _, err) = cloakroom(&["sessions", "show", &from, &entry]);
    assert!(code == 3 && err.contains("the entry of an alias"), "{err}");

    let journal = folder.path().join("journal");
    let copied = json(0, &["migrate", &from, &to, "--journal", journal.to_str().unwrap()]);
    assert_eq!((&copied["copied"], &copied["aliases"]), (&4.into(), &2.into()), "{copied}");

    let end = |code: i32, issuer: &str, sid: &str| {
        json(code, &["sessions", "end", &to, "--alias", issuer, sid])["ended"].clone()
    };
    assert_eq!(end(3, "https://evil.example", "sid-1"), 0);
    assert_eq!(end(0, ISSUER, "sid-1"), 1);
    assert_eq!(end(3, ISSUER, "sid-1"), 0);
    assert_eq!(cloakroom(&["sessions", "end", &to, "--alias", ISSUER]).0, 2, "which one of it?");
    assert_eq!(json(0, &["sessions", "list", &to, "--owner", "ann"])["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(json(0, &["sessions", "list", &from])["sessions"].as_array().unwrap().len(), 2, "another store");
}
