//! Shared code of the contenders: the requests, the contents of sessions, and the measurement of a
//! row.
//!
//! A contender is a separate program, so that the dependencies of one library don't affect another.
//! It has these commands:
//!
//! | command | result |
//! |---|---|
//! | `rows` | the names of the rows that it can run, one per line |
//! | `run ROW COUNT` | makes the row's requests this often and does nothing else, to be counted by callgrind |
//! | `time BATCH ROUNDS` | all rows in turns: the fastest batch of each, in nanoseconds for one round of its requests |
//! | `memory COUNT` | the growth of the process in bytes when this many sessions are created in memory |
//! | `writers STORAGE` | nanoseconds for each write, for 1 to 100 concurrent writers to one session |
//! | `sessions STORAGE MOST` | nanoseconds to read and to write one session, for stores of a thousand sessions up to this number |
//! | `serve STORAGE` | the application on a free loopback port, which it prints; the variable `STORE` has the store's address |
//!
//! A second program, `…-allocations`, prints the allocations and bytes of every row. The lines are
//! `row<TAB>number…`.

mod growth;
mod jar;
mod programs;
mod request;
mod rows;
mod work;

pub use jar::Jar;
pub use programs::{allocations, main};
pub use rows::{Client, Contents, Row, Step, Storage, rows};
pub use work::{GATE, slow_work};

/// The interface of a contender.
pub trait Contender {
    /// The application: the same pages for every contender, with or without sessions.
    type App;
    /// The framework's response.
    type Response;

    /// Returns the application with this session storage, or `None` if the library doesn't support
    /// it.
    fn app(storage: Storage) -> impl Future<Output = Option<Self::App>>;

    /// Makes one request, from the framework's request to the framework's response.
    fn call(app: &Self::App, ask: &Ask<'_>) -> impl Future<Output = Self::Response>;

    /// Reads a response. Not measured.
    fn read(response: Self::Response) -> impl Future<Output = Answer>;

    /// Serves the application until the program is killed. Returns `false` if the library doesn't
    /// support this storage.
    fn serve(storage: Storage, listener: std::net::TcpListener) -> impl Future<Output = bool>;
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The path.
    pub path: &'a str,
    /// The `Cookie` header.
    pub cookie: Option<&'a str>,
    /// A CSRF token for the header `x-csrf-token`, which makes this a `POST`.
    pub token: Option<&'a str>,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Set-Cookie` headers.
    pub cookies: Vec<String>,
    /// The body, if it is short.
    pub body: String,
}

/// The address of the store for [`Storage::Redis`] and the other servers.
#[must_use]
pub fn store_address() -> String {
    std::env::var("STORE").expect("the store's address in the variable STORE")
}
