//! A small demo shop: sessions, flash messages and CSRF protection in a browser, with pages that
//! show how they work.
//!
//! `cargo run -p cloakroom-demo`, then <http://127.0.0.1:3000>. With `--tls` it is HTTPS.
//!
//! | module | content |
//! |---|---|
//! | `app` | the router and its layers: start here |
//! | `page` | the frame of all pages, and responses made from templates |
//! | `catalogue`, `shop` | the items, and adding one to the cart |
//! | `cart`, `cart_page` | a typed session value, and the page that changes it |
//! | `keys` | the typed keys of the session |
//! | `stolen` | a page on which a thief uses the cookies of a bound session |
//! | `state` | the state that all pages share |
//! | `tls` | HTTPS with a self-signed certificate |
//! | `session_backend` | the session backend: a store, or cookies |
//! | `sign_in` | sign-in, "remember me", sign-out, ending a session |
//! | `devices` | the list of a user's sessions, and revoking them |
//! | `inspector` | the session as the server sees it: its record, or the bytes of its cookie |
//! | `forgery` | a page that attacks the shop deliberately |
//! | `sorry` | pages for refusals and errors, without internal details |
//! | `assets` | the style sheet, and the headers of all responses |

mod app;
mod assets;
mod cart;
mod cart_page;
mod catalogue;
mod devices;
mod forgery;
mod inspector;
mod keys;
mod page;
mod session_backend;
mod shop;
mod sign_in;
mod sorry;
mod state;
mod stolen;
mod tls;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use cloakroom::{Sweeper, SystemClock};
use tokio::net::TcpListener;

use crate::session_backend::SessionBackend;
use crate::state::{AppState, Scheme};
use crate::tls::SelfSigned;

/// A small demo shop for Cloakroom.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen on. Other machines reach only 0.0.0.0, as in a container.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Session backend: `signed` or `encrypted` cookies, or the URL of a store, such as memory:,
    /// file:DIR, sqlite:PATH, postgres://…, mysql://… or redis://…
    #[arg(long, default_value = "sqlite:cloakroom-demo.db")]
    store: String,
    /// Serve HTTPS with a self-signed certificate, which is made at the start.
    #[arg(long)]
    tls: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Stdout is reserved for text that a parent process reads.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();

    let backend = SessionBackend::open(&arguments.store).await?;
    let sweeper = match &backend {
        SessionBackend::Cookies(_) => None,
        SessionBackend::Store(sessions) => Some(Sweeper::new(Arc::clone(sessions.store())).start()),
    };
    let scheme = if arguments.tls { Scheme::Https } else { Scheme::Http };
    let app = app::app(AppState { backend, clock: Arc::new(SystemClock), scheme })?;

    let listener = TcpListener::bind((arguments.address, arguments.port))
        .await
        .with_context(|| format!("cannot listen on port {}; choose another with --port", arguments.port))?;
    println!("sessions live in {}", session_backend::name_of(&arguments.store));
    let certificate = arguments.tls.then(SelfSigned::new).transpose()?;
    if let Some(certificate) = &certificate {
        println!("the certificate is self-signed; Chromium trusts it with a profile of its own and");
        println!("  --user-data-dir=DIR --ignore-certificate-errors-spki-list={}", certificate.public_key_hash());
    }
    println!("listening on {scheme}://{}", listener.local_addr()?);
    match certificate {
        Some(tls) => axum::serve(tls.listener(listener), app).with_graceful_shutdown(told_to_stop()).await?,
        None => axum::serve(listener, app).with_graceful_shutdown(told_to_stop()).await?,
    }
    if let Some(sweeper) = sweeper {
        sweeper.stop().await;
    }
    Ok(())
}

/// Waits for Ctrl-C or for the end requested by a process manager; forever if neither is available.
async fn told_to_stop() {
    tokio::select! {
        told = tokio::signal::ctrl_c() => if let Err(error) = told {
            tracing::warn!(%error, "cannot handle Ctrl-C");
            ended().await;
        },
        () = ended() => {}
    }
}

/// Waits for SIGTERM, which `kill`, systemd and containers send.
#[cfg(unix)]
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => _ = signals.recv().await,
        Err(error) => {
            tracing::warn!(%error, "cannot handle SIGTERM");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn ended() {
    std::future::pending().await
}
