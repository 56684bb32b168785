//! Growth: the cost with many sessions in a store, and with many concurrent writers to one session.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::request::ask;
use crate::{Ask, Contender, Contents, Jar, Storage};

/// The number of concurrent requests that create sessions.
const FILLERS: u32 = 32;
/// The number of sessions that are read and written.
const SAMPLE: usize = 1000;
/// The number of measurements, of which the fastest counts.
const ROUNDS: u32 = 3;
/// The numbers of concurrent writers to one session.
const WRITERS: [u32; 5] = [1, 3, 10, 32, 100];
/// The approximate number of writes in a turn. Turns repeat until both limits below are reached.
const WRITES: u32 = 100;
const TURNS: u32 = 5;
const LONG_ENOUGH: Duration = Duration::from_secs(5);

/// Prints the nanoseconds to read and to write one session, for stores of a thousand sessions and
/// ten times as many, up to `most`.
pub async fn sessions<C: Contender>(storage: Storage, most: u32) {
    let Some(app) = C::app(storage).await else { std::process::exit(2) };
    let (mut there, mut goal, mut cookies) = (0, 1000, Vec::new());
    while goal <= most {
        // Sample over all sessions, old and new.
        let every = (goal - there).div_ceil(u32::try_from(SAMPLE).expect("a few"));
        let mut fresh = Vec::new();
        while there < goal {
            for jar in join_all((0..FILLERS).map(|_| begin::<C>(&app))).await {
                if there % every == 0 {
                    fresh.extend(jar.header());
                }
                there += 1;
            }
        }
        keep_some(&mut cookies, fresh);
        let (read, write) = (fastest::<C>(&app, "/read", &cookies).await, fastest::<C>(&app, "/write", &cookies).await);
        println!("{goal}\t{read:.0}\t{write:.0}");
        goal *= 10;
    }
}

async fn begin<C: Contender>(app: &C::App) -> Jar {
    let mut jar = Jar::default();
    assert_eq!(ask::<C>(app, &mut jar, Contents::Small.path(), None).await.status, 200);
    jar
}

/// Keeps old sessions as a tenth of the sample, like their share in the store.
fn keep_some(cookies: &mut Vec<String>, mut fresh: Vec<String>) {
    cookies.truncate(SAMPLE / 10);
    fresh.truncate(SAMPLE - cookies.len());
    cookies.append(&mut fresh);
}

/// Returns the nanoseconds of one request, averaged over these sessions.
async fn fastest<C: Contender>(app: &C::App, path: &str, cookies: &[String]) -> f64 {
    let mut fastest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for cookie in cookies {
            black_box(C::call(app, &Ask { path, cookie: Some(cookie), token: None }).await);
        }
        fastest = fastest.min(start.elapsed().as_nanos() as f64 / cookies.len() as f64);
    }
    fastest
}

/// Prints the nanoseconds of each write, for 1 to 100 concurrent writers to one session.
pub async fn writers<C: Contender>(storage: Storage) {
    let Some(app) = C::app(storage).await else { std::process::exit(2) };
    let mut jar = Jar::default();
    assert_eq!(ask::<C>(&app, &mut jar, Contents::Small.path(), None).await.status, 200);
    let cookie = jar.header();
    // A write takes up to twice as long when the system runs this process and the store on
    // different processors, and it may move them at any time. In a long turn, other processes are
    // likelier to interfere. Therefore the numbers of writers take turns, which all have about the
    // same length.
    let (mut fastest, mut turns, begun) = ([f64::INFINITY; WRITERS.len()], 0, Instant::now());
    while turns < TURNS || begun.elapsed() < LONG_ENOUGH {
        for (count, fastest) in WRITERS.into_iter().zip(&mut fastest) {
            let ask = Ask { path: "/write", cookie: cookie.as_deref(), token: None };
            let times = WRITES / count;
            let start = Instant::now();
            for _ in 0..times {
                black_box(join_all((0..count).map(|_| C::call(&app, &ask))).await);
            }
            *fastest = fastest.min(start.elapsed().as_nanos() as f64 / f64::from(times * count));
        }
        turns += 1;
    }
    for (count, fastest) in WRITERS.into_iter().zip(fastest) {
        println!("{count}\t{fastest:.0}");
    }
}
