//! A small shop to click through: sessions, flash messages and CSRF protection in a browser, and a
//! look behind the counter.
//!
//! `cargo run -p cloakroom-demo`, then <http://127.0.0.1:3000>.
//!
//! | module | what it is about |
//! |---|---|
//! | `app` | the router and its layers: start here |
//! | `page` | what every page shows, and how a template becomes a response |
//! | `catalogue`, `shop` | the things on the hooks, and putting one into the cart |
//! | `cart` | a typed session value, and the page that changes it |
//! | `rail` | where sessions live: in a store, or in their cookies |
//! | `sign_in` | signing in, being remembered, signing out, ending a session |
//! | `devices` | where somebody is signed in, and signing out there |
//! | `inspector` | the session as the server sees it: its record, or the bytes of its cookie |
//! | `forgery` | a page that attacks the shop on purpose |
//! | `sorry` | refusals and errors, in words that give nothing away |
//! | `assets` | the style sheet, and the headers that every response has |

mod app;
mod assets;
mod cart;
mod catalogue;
mod devices;
mod forgery;
mod inspector;
mod page;
mod rail;
mod shop;
mod sign_in;
mod sorry;

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use cloakroom::{Sweeper, SystemClock};
use tokio::net::TcpListener;

use crate::app::House;
use crate::rail::Rail;

/// A small shop to click through.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Where sessions live: `signed` or `encrypted` cookies, or the URL of a store, as memory:,
    /// file:DIR, sqlite:PATH, postgres://…, mysql://… or redis://…
    #[arg(long, default_value = "sqlite:cloakroom-demo.db")]
    store: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Stdout is kept for what a program that starts this one wants to read.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();

    let rail = Rail::open(&arguments.store).await?;
    let sweeper = match &rail {
        Rail::Cookies(_) => None,
        Rail::Store(sessions) => Some(Sweeper::new(Arc::clone(sessions.store())).start()),
    };
    let house = House { rail, clock: Arc::new(SystemClock) };

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .await
        .with_context(|| format!("port {} can't be listened on; choose another with --port", arguments.port))?;
    println!("sessions live in {}", rail::name_of(&arguments.store));
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app::app(house)?).with_graceful_shutdown(told_to_stop()).await?;
    if let Some(sweeper) = sweeper {
        sweeper.stop().await;
    }
    Ok(())
}

/// Until Ctrl-C, or until whoever runs programs here ends this one. Where nobody can, for ever.
async fn told_to_stop() {
    tokio::select! {
        told = tokio::signal::ctrl_c() => if let Err(error) = told {
            tracing::warn!(%error, "Ctrl-C isn't listened to");
            ended().await;
        },
        () = ended() => {}
    }
}

/// Until SIGTERM, which `kill`, systemd and containers send.
#[cfg(unix)]
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => _ = signals.recv().await,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM isn't listened to");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn ended() {
    std::future::pending().await
}
