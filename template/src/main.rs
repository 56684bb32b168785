//! Start and stop of the application.

mod app;
mod devices;
mod page;
mod sign_in;
mod state;
#[cfg(test)]
mod tests;
mod users;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use cloakroom::Sweeper;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let data = env::var_os("DATA").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let port = env::var("PORT")
        .unwrap_or_else(|_| "3000".to_owned())
        .parse()?;

    let state = state::AppState::open(&data)?;
    if let Some(password) = state.users.add_first("admin")? {
        println!("the first account: name admin, password {password}");
    }
    let sweeper = Sweeper::new(Arc::clone(state.sessions.store())).start();
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!(
        "listening on http://localhost:{}",
        listener.local_addr()?.port()
    );
    axum::serve(listener, app::app(state))
        .with_graceful_shutdown(stopped())
        .await?;
    sweeper.stop().await;
    Ok(())
}

/// Waits for Ctrl-C, or for SIGTERM, which process managers and containers send.
async fn stopped() {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => _ = signals.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
