//! What all contenders share: the requests that are made, the data that sessions hold, and how one row is run.
//!
//! A contender is a program of its own, so that no library's dependencies change another's. It answers to:
//!
//! | | |
//! |---|---|
//! | `rows` | the names of the rows that it can run, one a line |
//! | `run ROW COUNT` | makes the row's requests that often and nothing else, to be counted by callgrind |
//! | `time BATCH ROUNDS` | every row in turns: the fastest batch of each, in nanoseconds for one round of its requests |
//!
//! and its twin `…-allocations` prints allocations and bytes of every row. The lines are `row<TAB>number…`.

mod programs;
mod rows;

pub use programs::{allocations, main};
pub use rows::{Client, Contents, Keep, Row, rows};

/// What a contender must be able to do.
pub trait Contender {
    /// The application: the same pages for everybody, with sessions around them or without.
    type App;
    /// An answer, as the framework has it.
    type Response;

    /// The application that keeps its sessions there, or `None` if this library can't.
    fn app(keep: Keep) -> impl Future<Output = Option<Self::App>>;

    /// One request, from the framework's own request to its own response.
    fn call(app: &Self::App, ask: &Ask<'_>) -> impl Future<Output = Self::Response>;

    /// The answer's status, and its `Set-Cookie` lines.
    fn read(response: Self::Response) -> (u16, Vec<String>);
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where to.
    pub path: &'a str,
    /// Its `Cookie` line.
    pub cookie: Option<&'a str>,
}
