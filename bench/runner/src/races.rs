//! Correctness: updates that are lost when requests of one session overlap, and sign-outs that are
//! undone.

use std::time::Duration;

use bench_harness::{Jar, Storage};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_local};
use tokio::time::timeout;

use crate::client::Client;
use crate::contenders::{CONTENDERS, names, of};
use crate::fallible::Fallible;
use crate::served::{STORAGES, Served, Stage};
use crate::table::{Best, Cell, Lost, Table};

/// The number of overlapping requests.
pub const WRITERS: u32 = 100;
/// The number of sign-outs.
const TRIALS: u32 = 20;
/// If a library serializes the requests of a session, the other requests don't reach the gate
/// within this time.
const PATIENCE: Duration = Duration::from_millis(200);

/// Returns two tables: lost updates and undone sign-outs.
pub async fn tables(stage: &Stage<'_>) -> Fallible<Vec<Table>> {
    let title = format!("Lost updates of {WRITERS} concurrent ones: one counter / one key each");
    let mut lost = Table::new(title, "sessions in", &names(), Best::None);
    let title = format!(
        "Sign-outs undone by a concurrent request, of {TRIALS}: in the browser / with a copy of the old cookie"
    );
    let mut undone = Table::new(title, "sessions in", &names(), Best::None);
    for storage in STORAGES {
        let gate = Gate::open().await?;
        let mut lost_of = vec![Vec::new(); CONTENDERS.len()];
        let mut undone_of = lost_of.clone();
        for (who, served) in stage.all(storage, Some(gate.port()?))? {
            (lost_of[who], undone_of[who]) = both(&served, &gate).await.map_err(of(who, storage))?;
        }
        lost.push(storage.as_str(), lost_of);
        undone.push(storage.as_str(), undone_of);
    }
    Ok([lost, undone].iter().flat_map(Table::by_framework).collect())
}

/// Counts the updates of one counter that each contender loses, for the rows of other tables.
pub async fn lost(stage: &Stage<'_>, storage: Storage) -> Fallible<Lost> {
    let gate = Gate::open().await?;
    let mut lost = vec![None; CONTENDERS.len()];
    for (who, served) in stage.all(storage, Some(gate.port()?))? {
        let counter = updates(&served, &gate, |_| "/slow-count".to_owned(), Count::Number).await;
        lost[who] = Some(counter.map_err(of(who, storage))?);
    }
    Ok(lost)
}

async fn both(served: &Served, gate: &Gate) -> Fallible<(Cell, Cell)> {
    let counter = updates(served, gate, |_| "/slow-count".to_owned(), Count::Number).await?;
    let keys = updates(served, gate, |which| format!("/slow-key/w{which}"), Count::Keys).await?;
    let undone = undone_sign_outs(served, gate).await?;
    Ok((vec![f64::from(counter), f64::from(keys)], undone.map(f64::from).to_vec()))
}

/// The gate: requests wait here after they have read their session and before they write it.
struct Gate(TcpListener);

impl Gate {
    async fn open() -> Fallible<Self> {
        Ok(Self(TcpListener::bind("127.0.0.1:0").await?))
    }

    fn port(&self) -> Fallible<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Returns the next request that arrives, if one arrives soon.
    async fn comes(&self) -> Fallible<Option<TcpStream>> {
        Ok(timeout(PATIENCE, self.0.accept()).await.ok().transpose()?.map(|(request, _)| request))
    }
}

/// Lets a request continue.
async fn release(mut request: TcpStream) -> Fallible<()> {
    Ok(request.write_all(b"!").await?)
}

/// The method of counting the updates that were kept.
#[derive(Clone, Copy)]
enum Count {
    /// By the counter, which began at 1.
    Number,
    /// By the keys, one for each request.
    Keys,
}

/// Counts the lost updates after requests that have all read the session before any of them writes.
/// The browser's jar applies the responses in the order of their arrival.
async fn updates(served: &Served, gate: &Gate, path: impl Fn(u32) -> String, count: Count) -> Fallible<i32> {
    let mut browser = Client::connect(served.port).await?;
    browser.expect_ok("/fill/one").await?;
    let mut requests = JoinSet::new();
    for which in 0..WRITERS {
        let mut client = Client::with(served.port, &browser.jar).await?;
        let path = path(which);
        requests.spawn_local(async move { client.get(&path).await.map_err(|why| why.to_string()) });
    }
    let mut answered = 0;
    while answered < WRITERS {
        let mut waiting = Vec::new();
        while waiting.len() < (WRITERS - answered) as usize {
            let Some(request) = gate.comes().await? else { break };
            waiting.push(request);
        }
        let (released, before) = (waiting.len(), answered);
        for request in waiting {
            release(request).await?;
        }
        while let Ok(Some(answer)) = timeout(PATIENCE, requests.join_next()).await {
            // A refused request tells its client that nothing was stored; it still counts as lost.
            browser.jar.obey(answer??.cookies.iter().map(String::as_str));
            answered += 1;
        }
        if released == 0 && answered == before {
            return Err("requests neither reached the gate nor ended".into());
        }
    }
    match count {
        Count::Number => Ok(i32::try_from(WRITERS)? + 1 - browser.get("/count").await?.body.parse::<i32>()?),
        Count::Keys => {
            let mut lost = 0;
            for which in 0..WRITERS {
                lost += i32::from(browser.get(&format!("/has/w{which}")).await?.body != "true");
            }
            Ok(lost)
        }
    }
}

/// Counts the sign-outs that are undone by a request that read the session before and writes it
/// later: in the browser that made both requests, and for a client with the old cookie.
async fn undone_sign_outs(served: &Served, gate: &Gate) -> Fallible<[u32; 2]> {
    let mut undone = [0; 2];
    for _ in 0..TRIALS {
        let mut browser = Client::connect(served.port).await?;
        browser.expect_ok("/fill/one").await?;
        browser.expect_ok("/login").await?;
        browser.expect("/has/user", "true").await?;
        let before = browser.jar.clone();

        let mut slow = Client::with(served.port, &before).await?;
        let slow = spawn_local(async move { slow.get("/slow-key/late").await.map_err(|why| why.to_string()) });
        let under_way = gate.comes().await?.ok_or("the slow request never reached the gate")?;
        let signed_out =
            spawn_local(
                async move { browser.expect_ok("/logout").await.map(|()| browser).map_err(|why| why.to_string()) },
            );
        // If a library serializes the requests of a session, the sign-out waits for the slow one.
        tokio::time::sleep(Duration::from_millis(20)).await;
        release(under_way).await?;
        let (mut browser, late) = (signed_out.await??, slow.await??);
        browser.jar.obey(late.cookies.iter().map(String::as_str));

        let here = browser.get("/has/user").await?.body == "true";
        let elsewhere = signed_in(served, &before).await?;
        undone = [undone[0] + u32::from(here), undone[1] + u32::from(elsewhere)];
    }
    Ok(undone)
}

async fn signed_in(served: &Served, jar: &Jar) -> Fallible<bool> {
    Ok(Client::with(served.port, jar).await?.get("/has/user").await?.body == "true")
}
