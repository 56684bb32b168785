//! A server that does to a session what it is told.
//!
//! It exists so that one and the same test can drive every back end through every adapter, and so
//! that the same operations can be sent to another framework and the answers compared. It uses
//! nothing but the public API.
//!
//! ```sh
//! cargo run -p cloakroom-probe -- --adapter axum --backend signed --port 4000
//! curl -d '[["add", "n", 1], ["get", "n"]]' http://127.0.0.1:4000/ops
//! ```
//!
//! | file | what it is about |
//! |---|---|
//! | `options` | the command line |
//! | `backend` | the session factory that it names |
//! | `foreign` | the same for sessions shared with another framework |
//! | `app` | what all adapters serve |
//! | `server` | listening |
//! | `adapters` | the pages on axum, on plain hyper, on actix-web |
//! | `clock` | what each request brings along: its time, and the call of the store that fails |
//! | `pages`, `stream` | the pages, and the one that lasts |
//! | `operations` | what each operation does |
//! | `counting` | how often the factory did what |
//! | `hooked` | a store before another one, with hooks around its calls |

mod adapters;
mod app;
mod backend;
mod clock;
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
