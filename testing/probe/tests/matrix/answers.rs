//! Lost answers: from the store to the application, and from the application to the client.

use std::collections::BTreeSet;
use std::time::Duration;

use cloakroom::AnyStore;
use tokio::time::{sleep, timeout};

use crate::cell::{Bench, Cell, Ran, SOME};
use crate::hooked::Hooked;
use crate::load::{Load, add};
use crate::lossy::Lossy;
use crate::node::{Node, PATIENCE};

/// The number of clients that disconnect.
const LEAVING: usize = 24;

/// The store executes every write, but the answers to some are lost.
pub(crate) async fn lost(bench: &mut Bench) -> Cell {
    let stores = [Lossy::default(), Lossy::default()];
    let over = |number: usize| {
        let (inner, hook) = (bench.nodes[number].store.clone(), stores[number].clone());
        Node::over(AnyStore::new(Hooked { inner, hook }))
    };
    let nodes = [over(0), over(1)];
    let load = Load::start(&nodes).await;
    load.until_done(SOME).await;
    stores.iter().for_each(|store| store.lose(true));
    load.until_answered(6 * SOME).await;
    stores.iter().for_each(|store| store.lose(false));
    load.until_all_go_on().await;
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_stranded();
    ran.nobody_failed();
    let lost: usize = stores.iter().map(Lossy::lost).sum();
    ran.check(lost > 10, || format!("only {lost} answers were lost"));
    Cell::Ran(ran.noted(format_args!("{lost} answers lost")))
}

/// Clients disconnect while the response is on its way. Their changes are applied at most once, and
/// their sign-outs take effect.
pub(crate) async fn client_left(bench: &mut Bench) -> Cell {
    let nodes = bench.patient();
    let node = &nodes[0];
    let load = Load::start(&nodes).await;
    let (mut early, mut findings) = (0, Vec::new());
    let cookie = node.begin().await.unwrap();
    let mut acknowledged = BTreeSet::new();
    for number in 0..LEAVING {
        // Every other client disconnects.
        let request = node.request(&cookie).await.unwrap();
        add(&request.session, 2 * number).unwrap();
        early += usize::from(!request.leave().await);
        if node.visit(&cookie, |session| add(session, 2 * number + 1)).await.is_ok() {
            acknowledged.insert(2 * number + 1);
        }
    }
    let items = || async { node.found(&cookie, |session| session.get::<Vec<usize>>("items")).await.flatten() };
    // Abandoned commits run to completion: in the end each change is there, once.
    let all: BTreeSet<usize> = (0..2 * LEAVING).collect();
    let settled = async {
        loop {
            let items = items().await.unwrap_or_default();
            if items.len() >= 2 * LEAVING {
                return items;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    match timeout(PATIENCE, settled).await {
        Ok(items) if items.len() == all.len() && items.iter().copied().collect::<BTreeSet<_>>() == all => {}
        _ => findings.push(format!(
            "{:?} is there of {} acknowledged changes and those of clients that left",
            items().await,
            acknowledged.len()
        )),
    }
    let mut ended = Vec::new();
    for _ in 0..LEAVING {
        let cookie = node.begin().await.unwrap();
        let request = node.request(&cookie).await.unwrap();
        request.session.invalidate();
        early += usize::from(!request.leave().await);
        ended.push(cookie);
    }
    for cookie in &ended {
        let closed = async {
            while node.opens(cookie).await {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(PATIENCE, closed).await.is_err() {
            findings.push("a sign-out whose client disconnected didn't take effect".to_owned());
        }
    }
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    ran.findings.append(&mut findings);
    Cell::Ran(ran.noted(format_args!("{early} of {} left before the response", 2 * LEAVING)))
}
