//! The programs that a contender is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::{Ask, Client, Contender, Row, rows};

/// A row, ready to run: its application, and the cookie of a client for each of its requests.
struct Ready<C: Contender> {
    row: &'static Row,
    app: C::App,
    cookies: Vec<Option<String>>,
}

impl<C: Contender> Ready<C> {
    /// `None` if this contender has no such row.
    async fn new(row: &'static Row) -> Option<Self> {
        let app = C::app(row.keep).await?;
        let mut jar = Vec::new();
        match row.client {
            Client::Stranger => {}
            Client::Foreign => jar.push(("theme".to_owned(), "0123456789abcdef".repeat(4))),
            Client::Known(contents) => ask::<C>(&app, contents.path(), &mut jar).await,
        }
        // Once with a jar, as a browser would: each request then repeats the cookie that it had there.
        let mut cookies = Vec::new();
        for path in row.paths {
            cookies.push(header(&jar));
            if row.client != Client::Stranger {
                ask::<C>(&app, path, &mut jar).await;
            }
        }
        Some(Self { row, app, cookies })
    }

    async fn run(&self, count: u32) {
        for _ in 0..count {
            for (path, cookie) in self.row.paths.iter().zip(&self.cookies) {
                black_box(C::call(&self.app, &Ask { path, cookie: cookie.as_deref() }).await);
            }
        }
    }
}

/// Cookies by name.
type Jar = Vec<(String, String)>;

async fn ask<C: Contender>(app: &C::App, path: &str, jar: &mut Jar) {
    let cookie = header(jar);
    let (status, lines) = C::read(C::call(app, &Ask { path, cookie: cookie.as_deref() }).await);
    assert_eq!(status, 200, "{path}");
    for line in lines {
        let pair = line.split(';').next().unwrap_or_default();
        let (name, value) = pair.split_once('=').expect("a name and a value");
        jar.retain(|(there, _)| there != name);
        if !value.is_empty() {
            jar.push((name.to_owned(), value.to_owned()));
        }
    }
}

fn header(jar: &Jar) -> Option<String> {
    let pairs: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn ready<C: Contender>() -> Vec<Ready<C>> {
    let mut all = Vec::new();
    for row in rows() {
        all.extend(Ready::new(row).await);
    }
    all
}

/// The program of a contender.
pub fn main<C: Contender>() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    let runtime = runtime();
    match arguments[..] {
        ["rows"] => {
            for ready in runtime.block_on(ready::<C>()) {
                println!("{}", ready.row.name);
            }
        }
        ["run", name, count] => {
            let row = rows().iter().find(|row| row.name == name).expect("a row of this name");
            let ready = runtime.block_on(Ready::<C>::new(row)).expect("a row of this contender");
            runtime.block_on(ready.run(number(count)));
        }
        ["time", batch, rounds] => time::<C>(&runtime, number(batch), number(rounds)),
        _ => panic!("rows, run ROW COUNT, or time BATCH ROUNDS"),
    }
}

fn time<C: Contender>(runtime: &Runtime, batch: u32, rounds: u32) {
    let ready = runtime.block_on(ready::<C>());
    let mut fastest = vec![Duration::MAX; ready.len()];
    for _ in 0..rounds {
        for (ready, fastest) in ready.iter().zip(&mut fastest) {
            let start = Instant::now();
            runtime.block_on(ready.run(batch));
            *fastest = (*fastest).min(start.elapsed());
        }
    }
    for (ready, fastest) in ready.iter().zip(fastest) {
        println!("{}\t{:.1}", ready.row.name, fastest.as_nanos() as f64 / f64::from(batch));
    }
}

/// The twin that counts allocations: `measure` runs the work and says how many there were, and of how many bytes.
pub fn allocations<C: Contender>(measure: impl Fn(&mut dyn FnMut()) -> (u64, u64)) {
    const COUNT: u32 = 100;
    let runtime = runtime();
    for ready in runtime.block_on(ready::<C>()) {
        runtime.block_on(ready.run(10));
        let (count, bytes) = measure(&mut || runtime.block_on(ready.run(COUNT)));
        let each = |total: u64| total as f64 / f64::from(COUNT);
        println!("{}\t{:.2}\t{:.0}", ready.row.name, each(count), each(bytes));
    }
}
