//! The programs of a contender.

use std::hint::black_box;
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::request::ask;
use crate::{Ask, Client, Contender, Contents, Jar, Row, Step, Storage, growth, rows};

/// A row that is ready to run: its application, and the client's cookie for each of its requests.
struct Ready<C: Contender> {
    row: &'static Row,
    app: C::App,
    asks: Vec<Prepared>,
}

struct Prepared {
    path: &'static str,
    cookie: Option<String>,
    token: Option<String>,
}

impl Prepared {
    fn ask(&self) -> Ask<'_> {
        Ask { path: self.path, cookie: self.cookie.as_deref(), token: self.token.as_deref() }
    }
}

impl<C: Contender> Ready<C> {
    /// Prepares a row. Returns `None` if this contender doesn't support it.
    async fn new(row: &'static Row) -> Option<Self> {
        let app = C::app(row.storage).await?;
        let mut jar = Jar::default();
        match row.client {
            Client::Stranger => {}
            Client::Foreign => jar.put("theme", &"0123456789abcdef".repeat(4)),
            Client::Known(contents) => {
                // If the session doesn't fit into this storage, the row doesn't exist.
                let filled = ask::<C>(&app, &mut jar, contents.path(), None).await;
                (filled.status == 200).then_some(())?;
            }
        }
        // Run the requests once with a jar, like a browser. Each measured request then repeats the
        // cookie that it had here.
        let mut asks = Vec::new();
        for step in row.steps {
            let (path, token) = match step {
                Step::Get(path) => (*path, None),
                Step::Post(path) => {
                    let shown = ask::<C>(&app, &mut jar, "/token", None).await;
                    assert_eq!(shown.status, 200, "{}", row.name);
                    (*path, Some(shown.body))
                }
            };
            let prepared = Prepared { path, cookie: jar.header(), token };
            if row.client != Client::Stranger {
                let answer = ask::<C>(&app, &mut jar, path, prepared.token.as_deref()).await;
                assert_eq!(answer.status, 200, "{} {path}", row.name);
                assert_ne!(answer.body, "unknown", "{} {path}: the session was not found", row.name);
            }
            asks.push(prepared);
        }
        let ready = Self { row, app, asks };
        ready.refuses_a_wrong_token().await;
        Some(ready)
    }

    /// Makes sure that the check works: one that accepts everything would be fast.
    async fn refuses_a_wrong_token(&self) {
        for prepared in self.asks.iter().filter(|it| it.token.is_some()) {
            let answer = C::read(C::call(&self.app, &Ask { token: Some("wrong"), ..prepared.ask() }).await).await;
            assert_ne!(answer.status, 200, "{}: a wrong token was accepted", self.row.name);
        }
    }

    async fn run(&self, count: u32) {
        for _ in 0..count {
            for prepared in &self.asks {
                black_box(C::call(&self.app, &prepared.ask()).await);
            }
        }
    }
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

/// The main function of a contender.
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
            let row = rows().find(|row| row.name == name).expect("a row of this name");
            let ready = runtime.block_on(Ready::<C>::new(row)).expect("a row of this contender");
            runtime.block_on(ready.run(number(count)));
        }
        ["time", batch, rounds] => time::<C>(&runtime, number(batch), number(rounds)),
        ["memory", count] => memory::<C>(&runtime, number(count)),
        ["writers", storage] => runtime.block_on(growth::writers::<C>(named(storage))),
        ["sessions", storage, most] => runtime.block_on(growth::sessions::<C>(named(storage), number(most))),
        ["serve", storage] => serve::<C>(&runtime, named(storage)),
        _ => panic!(
            "rows, run ROW COUNT, time BATCH ROUNDS, memory COUNT, writers STORAGE, sessions STORAGE MOST, or serve STORAGE"
        ),
    }
}

fn named(storage: &str) -> Storage {
    Storage::named(storage).expect("a storage of this name")
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

fn memory<C: Contender>(runtime: &Runtime, count: u32) {
    let Some(app) = runtime.block_on(C::app(Storage::Memory)) else { return };
    let fill = |count: u32| {
        runtime.block_on(async {
            for _ in 0..count {
                black_box(C::call(&app, &Ask { path: Contents::Small.path(), cookie: None, token: None }).await);
            }
        });
    };
    // Excludes memory that the process allocates only once.
    fill(1000);
    let before = resident();
    fill(count);
    println!("memory\t{}", resident() - before);
}

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("/proc, which only Linux has");
    let resident: u64 = pages.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("pages");
    resident * 4096
}

fn serve<C: Contender>(runtime: &Runtime, storage: Storage) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket that doesn't block");
    println!("{}", listener.local_addr().expect("an address").port());
    std::io::stdout().flush().expect("a reader of this output");
    if !runtime.block_on(C::serve(storage, listener)) {
        std::process::exit(2);
    }
}

/// The main function of the second program, which counts allocations: `measure` runs the work and
/// returns their number and bytes.
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
