//! A server that does to a session what it is told.
//!
//! It exists so that one and the same test can drive every back end through every adapter, and so that the same operations can be
//! sent to another framework and the answers compared. It uses nothing but the public API.
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
//! | `clock` | the time that each request brings along |
//! | `server` | the routes |
//! | `operations` | what each operation does |
//! | `counting` | how often the factory did what |

mod backend;
mod clock;
mod counting;
mod foreign;
mod operations;
mod options;
mod server;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Context as _;
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
    let options = options::Options::parse();
    let app = server::app(&options).await?;
    let address = ("127.0.0.1", options.port);
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("can't listen on port {}", options.port))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
