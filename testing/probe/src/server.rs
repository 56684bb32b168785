//! Listening, with any adapter.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::adapters;
use crate::app::App;
use crate::options::{Adapter, Options};

pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let app = Arc::new(App::new(options).await?);
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("can't listen on port {}", options.port))?;
    println!("listening on http://{}", listener.local_addr()?);
    match options.adapter {
        Adapter::Axum => axum::serve(listener, adapters::axum::router(&app)).await?,
        Adapter::Hyper => adapters::hyper::serve(app, listener).await?,
        Adapter::Actix => adapters::actix::serve(app, listener.into_std()?)?.await?,
    }
    Ok(())
}
