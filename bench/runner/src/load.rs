//! Load from many concurrent connections, each of which sends its next request as soon as it has a
//! response.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bench_harness::{Contents, Storage};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::contenders::{CONTENDERS, names, of};
use crate::effort::Effort;
use crate::fallible::Fallible;
use crate::median::median;
use crate::races;
use crate::served::{STORAGES, Served, Stage};
use crate::table::{Best, Table};

const CONNECTIONS: [usize; 3] = [1, 32, 256];
/// The time of load before the measurement.
const WARM_UP: Duration = Duration::from_millis(300);

/// The results of one turn.
#[derive(Clone, Copy, Debug)]
struct Figures {
    per_second: f64,
    /// The p50, p99 and p99.9 of the latency in milliseconds.
    percentiles: [f64; 3],
    /// Microseconds of server CPU time per request.
    cpu: f64,
}

/// The medians for each number of connections, or `None` if requests failed. `None` as a whole if
/// the library has no such store.
type Turns = Option<Vec<Option<Figures>>>;

/// A page, its expected body, and whether its client needs a session first.
#[derive(Clone, Copy)]
struct Page(&'static str, &'static str, bool);

const PLAIN: Page = Page("/untouched", "hello", false);
const COUNTER: Page = Page("/write", "written", true);

/// Returns four tables: requests per second, the same as a share of the application without
/// sessions, latencies, and CPU time.
pub async fn tables(stage: &Stage<'_>, effort: Effort) -> Fallible<Vec<Table>> {
    let mut columns: Vec<&str> = names();
    columns.push("raw GET and SET");
    let mut throughput = Table::new("Requests per second over loopback", "connections", &columns, Best::Highest);
    let mut share =
        Table::new("Share of the throughput without sessions, in %", "connections", &columns, Best::Highest);
    let mut latency = Table::new("Latency in milliseconds: p50 / p99 / p99.9", "connections", &columns, Best::Lowest)
        .with_decimals(2);
    let mut cpu = Table::new("Microseconds of server CPU time per request", "connections", &columns, Best::Lowest)
        .with_decimals(1);

    let plain = turns(stage, Storage::Nothing, PLAIN, effort).await?;
    for storage in STORAGES {
        let with = turns(stage, storage, COUNTER, effort).await?;
        let lost = races::lost(stage, storage).await?;
        for (at, connections) in CONNECTIONS.iter().enumerate() {
            let row = format!("{}, {connections}", storage.as_str());
            let cells = |figure: &dyn Fn(usize, Figures) -> Vec<f64>| {
                let cell = |(who, turns): (usize, &Turns)| {
                    turns.as_ref().and_then(|turns| turns[at]).map(|it| figure(who, it)).unwrap_or_default()
                };
                with.iter().enumerate().map(cell).collect::<Vec<_>>()
            };
            let of_plain = |who: usize, it: Figures| {
                let none = plain[who].as_ref().and_then(|turns| turns[at]).map(|it| it.per_second);
                none.map(|none| it.per_second / none * 100.0).into_iter().collect()
            };
            throughput.push_writing(row.clone(), cells(&|_, it| vec![it.per_second]), lost.clone());
            latency.push_writing(row.clone(), cells(&|_, it| it.percentiles.to_vec()), lost.clone());
            cpu.push_writing(row.clone(), cells(&|_, it| vec![it.cpu]), lost.clone());
            share.push_writing(row, cells(&of_plain), lost.clone());
        }
    }
    Ok([throughput, share, latency, cpu].iter().flat_map(Table::by_framework).collect())
}

/// Measures the contenders in turns, followed by the raw store. Returns the medians for each number
/// of connections.
async fn turns(stage: &Stage<'_>, storage: Storage, page: Page, effort: Effort) -> Fallible<Vec<Turns>> {
    let mut served = stage.all(storage, None)?;
    if matches!(storage, Storage::Redis | Storage::Valkey | Storage::Postgres | Storage::Sqlite) {
        let raw =
            Served::start(&stage.program("raw-store"), storage, &stage.stores.address(storage, "raw-store"), None)?;
        served.extend(raw.map(|it| (CONTENDERS.len(), it)));
    }
    let mut all: Vec<Turns> = vec![None; CONTENDERS.len() + 1];
    for connections in CONNECTIONS {
        // With 256 connections, requests of the other libraries failed or took minutes.
        if storage == Storage::Sqlite && connections > 32 {
            all.iter_mut().flatten().for_each(|turns| turns.push(None));
            continue;
        }
        let mut seen: Vec<Vec<Figures>> = vec![Vec::new(); served.len()];
        for _ in 0..effort.loads().0 {
            for ((who, server), seen) in served.iter().zip(&mut seen) {
                match load(server, page, connections, effort.loads().1).await.map_err(of(*who, storage)) {
                    Ok(figures) => seen.push(figures),
                    // The table has no figure for it.
                    Err(why) => eprintln!("bench: {connections} connections: {why}"),
                }
            }
        }
        for ((who, _), seen) in served.iter().zip(seen) {
            let turns = usize::try_from(effort.loads().0)?;
            all[*who].get_or_insert_with(Vec::new).push((seen.len() == turns).then(|| medians(&seen)));
        }
    }
    Ok(all)
}

fn medians(turns: &[Figures]) -> Figures {
    let of = |figure: &dyn Fn(&Figures) -> f64| median(turns.iter().map(figure));
    Figures {
        per_second: of(&|it| it.per_second),
        percentiles: [0, 1, 2].map(|which| of(&|it| it.percentiles[which])),
        cpu: of(&|it| it.cpu),
    }
}

/// Loads the server for this duration, after a warm-up that isn't measured.
async fn load(served: &Served, page: Page, connections: usize, length: Duration) -> Fallible<Figures> {
    let clients = Clients { count: Cell::new(0), stop: Cell::new(false), times: RefCell::new(Histogram::new(3)?) };
    let clients = Rc::new(clients);
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let mut client = Client::connect(served.port).await?;
        if page.2 {
            client.expect_ok(Contents::Small.path()).await?;
        }
        let clients = Rc::clone(&clients);
        tasks.spawn_local(async move { clients.ask(client, page).await.map_err(|why| why.to_string()) });
    }
    sleep(WARM_UP).await;
    let (start, cpu, before) = (Instant::now(), served.cpu()?, clients.count.get());
    clients.times.borrow_mut().reset();
    sleep(length).await;
    let (seconds, cpu, count) = (start.elapsed().as_secs_f64(), served.cpu()? - cpu, clients.count.get() - before);
    let times = clients.times.borrow().clone();
    clients.stop.set(true);
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let count = count as f64;
    let percentiles = [50.0, 99.0, 99.9].map(|percent| times.value_at_percentile(percent) as f64 / 1e6);
    Ok(Figures { per_second: count / seconds, percentiles, cpu: cpu * 1e6 / count })
}

struct Clients {
    count: Cell<u64>,
    stop: Cell<bool>,
    /// In nanoseconds.
    times: RefCell<Histogram<u64>>,
}

impl Clients {
    async fn ask(&self, mut client: Client, page: Page) -> Fallible<()> {
        while !self.stop.get() {
            let start = Instant::now();
            client.expect(page.0, page.1).await?;
            self.times.borrow_mut().record(u64::try_from(start.elapsed().as_nanos())?)?;
            self.count.set(self.count.get() + 1);
        }
        Ok(())
    }
}
