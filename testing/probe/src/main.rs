//! A test server that performs the session operations it receives over HTTP.
//!
//! It lets one test drive every back end through every adapter, and lets the same operations be
//! sent to another framework so that the results can be compared. It uses only the public API.
//!
//! ```sh
//! cargo run -p cloakroom-probe -- --adapter axum --backend signed --port 4000
//! curl -d '[["add", "n", 1], ["get", "n"]]' http://127.0.0.1:4000/ops
//! ```
//!
//! | file | contents |
//! |---|---|
//! | `options` | the command line |
//! | `backend` | the session factory named on the command line |
//! | `foreign` | factories for sessions shared with another framework |
//! | `app` | the state that all adapters share |
//! | `server` | listening |
//! | `adapters` | the pages on axum, on plain hyper and on actix-web |
//! | `clock` | per-request overrides: the time, and a store call that fails |
//! | `pages`, `stream` | the pages, and the long-lived response |
//! | `operations` | the operations |
//! | `conversation` | requests that stay open and are told their operations one by one |
//! | `counting` | counters of session operations |
//! | `hooked` | a store wrapper with hooks around each call |

mod adapters;
mod app;
mod backend;
mod clock;
mod conversation;
mod counting;
mod foreign;
mod hooked;
mod operations;
mod options;
mod pages;
mod server;
mod stream;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloakroom-probe: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    server::serve(&options::Options::parse()).await
}
