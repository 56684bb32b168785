//! What all contenders share: the requests that are made, the data that sessions hold, and how one
//! row is run.
//!
//! A contender is a program of its own, so that no library's dependencies change another's. It
//! answers to:
//!
//! | | |
//! |---|---|
//! | `rows` | the names of the rows that it can run, one a line |
//! | `run ROW COUNT` | makes the row's requests that often and nothing else, to be counted by callgrind |
//! | `time BATCH ROUNDS` | every row in turns: the fastest batch of each, in nanoseconds for one round of its requests |
//! | `memory COUNT` | how many bytes the process grows by when so many sessions begin in memory |
//! | `writers KEEP` | 1 to 100 requests that write to one session at the same time: nanoseconds for each write |
//! | `sessions KEEP MOST` | nanoseconds to read and to write one, from a thousand sessions to so many |
//! | `serve KEEP` | the application on a free port of loopback, which it prints; a store's address is in the variable `STORE` |
//!
//! and its twin `…-allocations` prints allocations and bytes of every row. The lines are
//! `row<TAB>number…`.

mod growth;
mod jar;
mod programs;
mod rows;
mod work;

pub use jar::Jar;
pub use programs::{allocations, main};
pub use rows::{Client, Contents, Keep, Row, Step, rows};
pub use work::{GATE, slow_work};

/// What a contender must be able to do.
pub trait Contender {
    /// The application: the same pages for everybody, with sessions around them or without.
    type App;
    /// A response, as the framework has it.
    type Response;

    /// The application that keeps its sessions there, or `None` if this library can't.
    fn app(keep: Keep) -> impl Future<Output = Option<Self::App>>;

    /// One request, from the framework's own request to its own response.
    fn call(app: &Self::App, ask: &Ask<'_>) -> impl Future<Output = Self::Response>;

    /// What a response says. Not measured.
    fn read(response: Self::Response) -> impl Future<Output = Answer>;

    /// Serves the application until the program is killed; `false` if this library can't keep its
    /// sessions there.
    fn serve(keep: Keep, listener: std::net::TcpListener) -> impl Future<Output = bool>;
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where to.
    pub path: &'a str,
    /// Its `Cookie` line.
    pub cookie: Option<&'a str>,
    /// A CSRF token to send in the header `x-csrf-token`, which makes it a `POST`.
    pub token: Option<&'a str>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Set-Cookie` lines.
    pub cookies: Vec<String>,
    /// The body, where it is short.
    pub body: String,
}

/// Where the store is that [`Keep::Redis`] and its like use.
#[must_use]
pub fn store_address() -> String {
    std::env::var("STORE").expect("the store's address in the variable STORE")
}
