//! Random sequences of calls have the results of tower-sessions itself.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Extension, Router};
use proptest::prelude::*;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use crate::browser::{Browser, Site};

/// A call of a handler.
#[derive(Clone, Copy, Debug)]
enum Call {
    Get(&'static str),
    Insert(&'static str, u8),
    Remove(&'static str),
    Clear,
    /// A new session that is saved without a change is the one difference: tower-sessions stores it
    /// and sends no cookie, and Cloakroom sends one.
    InsertAndSave,
    Load,
    Delete,
    Flush,
    CycleId,
    IsEmpty,
    HasId,
}

/// The calls of one request.
type Script = Arc<Mutex<Vec<Call>>>;

/// Makes the calls, and describes their results.
async fn play(session: Session, Extension(script): Extension<Script>) -> String {
    let calls = script.lock().unwrap().clone();
    let mut results = String::new();
    for call in calls {
        let result = match call {
            Call::Get(key) => format!("{:?}", session.get_value(key).await.unwrap()),
            Call::Insert(key, value) => format!("{:?}", session.insert(key, value).await.is_ok()),
            Call::Remove(key) => format!("{:?}", session.remove_value(key).await.unwrap()),
            Call::Clear => format!("{:?}", session.clear().await),
            Call::InsertAndSave => {
                session.insert("saved", true).await.unwrap();
                format!("{:?}", session.save().await.is_ok())
            }
            Call::Load => format!("{:?}", session.load().await.is_ok()),
            Call::Delete => format!("{:?}", session.delete().await.is_ok()),
            Call::Flush => format!("{:?}", session.flush().await.is_ok()),
            Call::CycleId => format!("{:?}", session.cycle_id().await.is_ok()),
            Call::IsEmpty => format!("{:?}", session.is_empty().await),
            Call::HasId => format!("{:?}", session.id().is_some()),
        };
        writeln!(results, "{call:?}: {result}").unwrap();
    }
    results
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b"])
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => key().prop_map(Call::Get),
        4 => (key(), 0..2_u8).prop_map(|(key, value)| Call::Insert(key, value)),
        2 => key().prop_map(Call::Remove),
        1 => Just(Call::Clear),
        1 => Just(Call::InsertAndSave),
        1 => Just(Call::Flush),
        2 => Just(Call::CycleId),
    ]
}

fn question() -> impl Strategy<Value = Call> {
    prop::sample::select(vec![Call::IsEmpty, Call::HasId, Call::Load])
}

/// Up to three requests of up to five calls each.
fn requests(call: impl Strategy<Value = Call>) -> impl Strategy<Value = Vec<Vec<Call>>> {
    prop::collection::vec(prop::collection::vec(call, 0..6), 1..4)
}

/// Plays the requests of one browser. Returns the results, and the final values.
async fn results(site: impl FnOnce(Router) -> Router, requests: &[Vec<Call>]) -> Vec<String> {
    let script = Script::default();
    let routes = Router::new().route("/", post(play)).layer(Extension(Arc::clone(&script)));
    let mut browser = Browser::of(site(routes));
    let mut results = Vec::new();
    for calls in requests.iter().map(Vec::as_slice).chain([[Call::Get("a"), Call::Get("b")].as_slice()]) {
        *script.lock().unwrap() = calls.to_vec();
        let answer = browser.post("/", "").await;
        assert!(answer.status.is_success(), "{answer:?}");
        results.push(answer.text);
    }
    results
}

fn check(requests: &[Vec<Call>]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let theirs = results(|it| it.layer(SessionManagerLayer::new(MemoryStore::default())), requests).await;
        let ours = results(|it| Site::new(it).app, requests).await;
        prop_assert_eq!(ours, theirs);
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_have_the_same_results(requests in requests(prop_oneof![5 => call(), 1 => question()])) {
        check(&requests)?;
    }

    /// Without questions about ids, and without `load`: after `delete`, tower-sessions leaves the
    /// cookie in the browser, and a later save stores an empty record under the deleted id.
    #[test]
    fn deletions_have_the_same_results(requests in requests(prop_oneof![8 => call(), 1 => Just(Call::Delete)])) {
        check(&requests)?;
    }
}
