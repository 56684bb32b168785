//! Applications on the session libraries of Rust, which execute session operations over HTTP.

// The programs before the move use the name that the crate has in an application.
extern crate tower_sessions_14 as tower_sessions;

mod actix;
mod before;
mod operation;
mod passwords;
mod tower;
mod vectors;

use clap::{Parser, ValueEnum};

/// An application on tower-sessions or actix-session.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The library.
    library: Library,
    /// The port to listen on.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The store: memory, cookie (actix-session), or a URL.
    #[arg(long, default_value = "memory")]
    sessions: String,
    /// The protection of the cookie.
    #[arg(long, value_enum, default_value_t = Seal::Plain)]
    seal: Seal,
    /// The key, at least 64 bytes.
    #[arg(long, default_value = "")]
    secret: String,
    #[arg(long, default_value = "session")]
    cookie_name: String,
    /// Seconds without a change after which a session expires. Without it, browsers end it.
    #[arg(long)]
    inactivity: Option<i64>,
    /// Each request prolongs the session.
    #[arg(long)]
    always_save: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Library {
    #[value(name = "tower-sessions-0.14")]
    Tower14,
    #[value(name = "tower-sessions-0.15")]
    Tower15,
    #[value(name = "actix-session")]
    Actix,
    /// Prints vectors and serves nothing.
    #[value(name = "vectors")]
    Vectors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Seal {
    Plain,
    Signed,
    Private,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    match options.library {
        Library::Vectors => vectors::print(),
        Library::Actix => actix::serve(options),
        Library::Tower14 | Library::Tower15 => tokio::runtime::Runtime::new()?.block_on(tower::serve(options)),
    }
}
