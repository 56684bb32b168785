//! Lost requests and answers, throttling, conflicts and errors of DynamoDB.

use std::time::Duration;

use cloakroom_servers::DynamoDb;
use cloakroom_session::Timestamp;
use cloakroom_store::store::conformance::nth;
use cloakroom_store::store::{Created, Loaded, Replaced, Store as _, StoreError, all_owned};

use crate::common::{LIFE, entry, key, now, owned, put, store};
use crate::wire::{Fault, Wire};

fn until() -> Timestamp {
    now() + Duration::from_secs(10)
}

/// The SDK repeats each of these requests, and none of them takes effect twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_survives_every_fault_exactly_once() {
    let server = DynamoDb::start();
    let wire = Wire::to(&server).await;
    let store = store(wire.port).await;
    for fault in [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Answer(500, "InternalServerError"),
        Fault::Answer(400, "ThrottlingException"),
        Fault::Answer(400, "ProvisionedThroughputExceededException"),
    ] {
        for (owner, entry) in [("no owner", entry("text")), ("an owner", owned("text", &format!("{fault:?}")))] {
            let row = format!("{fault:?}, {owner}");
            let (one, two, version) = (key(), key(), nth(1, &entry));
            wire.fault(&[fault]);
            assert_eq!(store.create(&one, &entry, now()).await.unwrap(), Created::Yes(version.clone()), "{row}");
            wire.fault(&[fault]);
            let loaded = store.load(&one, now()).await.unwrap();
            assert_eq!(loaded, Loaded::Live(version.clone(), entry.clone()), "{row}");
            wire.fault(&[fault]);
            let replaced = store.replace(&one, version.clone(), &entry, now()).await.unwrap();
            assert_eq!(replaced, Replaced::Yes(nth(2, &entry)), "{row}");
            wire.fault(&[fault]);
            assert!(store.touch(&one, now(), Some(now() + LIFE + LIFE), now()).await.unwrap(), "{row}");
            // The fault meets the transaction, after the read.
            for faults in [&[fault][..], &[fault, fault]] {
                let (old, new) = (put(&store, &entry).await, key());
                wire.fault(faults);
                let moved = store.cycle(&old, version.clone(), &new, &entry, until(), now()).await.unwrap();
                assert_eq!(moved, Replaced::Yes(version.clone()), "{row}");
                assert!(wire.is_mended(), "{row}");
                wire.fault(faults);
                assert!(store.end(&old, now()).await.unwrap(), "{row}");
                assert_eq!(store.load(&new, now()).await.unwrap(), Loaded::Absent, "{row}");
            }
            let moved = store.cycle(&one, nth(2, &entry), &two, &entry, until(), now()).await.unwrap();
            assert_eq!(moved, Replaced::Yes(version), "{row}");
            if let Some(owner) = &entry.owner {
                wire.fault(&[fault]);
                let keys: Vec<_> = all_owned(&store, owner, now()).await.unwrap();
                assert_eq!(keys.iter().map(|owned| owned.key).collect::<Vec<_>>(), [two], "{row}");
                wire.fault(&[fault]);
                assert_eq!(store.end_owned(owner, None, 10, now()).await.unwrap().count, 1, "{row}");
            }
        }
    }
}

/// A cancelled transaction has changed nothing and is repeated, more often than the SDK would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_repeated_after_a_conflict() {
    let server = DynamoDb::start();
    let wire = Wire::to(&server).await;
    let store = store(wire.port).await;
    wire.fault(&[Fault::Cancelled; 8]);
    let key = put(&store, &owned("text", "ann")).await;
    assert!(wire.is_mended());
    assert!(matches!(store.load(&key, now()).await.unwrap(), Loaded::Live(..)));
    // A single write meets the transaction of another request.
    wire.fault(&[Fault::Answer(400, "TransactionConflictException"); 8]);
    let key = put(&store, &entry("text")).await;
    assert!(wire.is_mended());
    wire.fault(&[Fault::Answer(400, "TransactionConflictException"); 8]);
    let replaced = store.replace(&key, nth(1, &entry("text")), &entry("newer"), now()).await.unwrap();
    assert_eq!(replaced, Replaced::Yes(nth(2, &entry("newer"))));
    assert!(wire.is_mended());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lasting_faults_are_errors_that_name_the_cause() {
    let server = DynamoDb::start();
    let wire = Wire::to(&server).await;
    let store = store(wire.port).await;
    for (fault, expected) in [
        (Fault::CutBefore, "gave no answer"),
        (Fault::CutAfter, "gave no answer"),
        (Fault::Answer(500, "InternalServerError"), "InternalServerError"),
        (Fault::Answer(400, "ThrottlingException"), "ThrottlingException"),
        (Fault::Answer(400, "AccessDeniedException"), "AccessDeniedException: injected"),
        (Fault::Answer(400, "UnrecognizedClientException"), "UnrecognizedClientException: injected"),
    ] {
        let session = put(&store, &owned("text", "ann")).await;
        let told = |error: StoreError| {
            let text = error.to_string();
            assert!(text.contains(expected) && !text.contains("secret") && !text.contains("ann"), "{fault:?}: {text}");
        };
        wire.fault(&[fault; 10]);
        told(store.load(&session, now()).await.unwrap_err());
        wire.fault(&[fault; 10]);
        told(store.create(&key(), &owned("text", "ann"), now()).await.unwrap_err());
        wire.fault(&[fault; 10]);
        told(store.replace(&session, nth(1, &entry("text")), &owned("text", "ann"), now()).await.unwrap_err());
        wire.fault(&[fault; 10]);
        told(store.end(&session, now()).await.unwrap_err());
        wire.fault(&[]);
        // The next call works without a restart.
        store.load(&session, now()).await.unwrap();
    }
}
