//! A small shop to click through: sessions, flash messages and CSRF protection in a browser, and a look behind the counter.
//!
//! `cargo run -p cloakroom-demo`, then <http://127.0.0.1:3000>.
//!
//! | module | what it is about |
//! |---|---|
//! | `app` | the router and its layers: start here |
//! | `page` | what every page shows, and how a template becomes a response |
//! | `catalogue`, `shop` | the things on the hooks, and putting one into the cart |
//! | `cart` | a typed session value, and the page that changes it |
//! | `sign_in` | signing in, being remembered, signing out, ending a session |
//! | `inspector` | the session as the server sees it, down to the bytes of its cookie |
//! | `forgery` | a page that attacks the shop on purpose |
//! | `sorry` | refusals and errors, in words that give nothing away |
//! | `assets` | the style sheet, and the headers that every response has |

mod app;
mod assets;
mod cart;
mod catalogue;
mod forgery;
mod inspector;
mod page;
mod shop;
mod sign_in;
mod sorry;

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use cloakroom::{CookieSessions, Key, SystemClock};
use tokio::net::TcpListener;

use crate::app::House;

/// A small shop to click through.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Whether the browser's owner can read what the session cookie holds.
    #[arg(long, value_enum, default_value_t = Seal::Encrypted)]
    seal: Seal,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Seal {
    /// Readable, not forgeable.
    Signed,
    /// Neither.
    Encrypted,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Stdout is kept for what a program that starts this one wants to read.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();

    let key = key()?;
    let sessions = match arguments.seal {
        Seal::Signed => CookieSessions::signed(key),
        Seal::Encrypted => CookieSessions::encrypted(key),
    };
    let house = House { sessions: sessions.build()?, clock: Arc::new(SystemClock) };

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .await
        .with_context(|| format!("port {} can't be listened on; choose another with --port", arguments.port))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app::app(house)).await?;
    Ok(())
}

/// The key from the environment, or one for as long as this process lives.
fn key() -> anyhow::Result<Key> {
    match std::env::var("CLOAKROOM_KEY") {
        Ok(text) => Key::from_base64(&text).context("CLOAKROOM_KEY"),
        Err(std::env::VarError::NotPresent) => {
            println!("CLOAKROOM_KEY isn't set: sessions are sealed with a random key and end with this process");
            Ok(Key::new(cloakroom::random::<32>()?)?)
        }
        Err(error) => Err(error).context("CLOAKROOM_KEY"),
    }
}
