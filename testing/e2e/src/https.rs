//! An HTTPS server in the process of the test, which can look into it and move its clock.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::serve::Listener;
use rcgen::{CertifiedKey, PublicKeyData as _};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A server on a free port, with a certificate that it makes itself. It stops with its guard.
#[derive(Debug)]
pub struct HttpsServer {
    port: u16,
    public_key_hash: String,
    tasks: [JoinHandle<()>; 2],
}

impl HttpsServer {
    /// Serves an application.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start(application: impl FnOnce(&str) -> Router) -> Result<Self> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
        let public_key_hash = STANDARD.encode(Sha256::digest(signing_key.subject_public_key_info()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into())?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (sender, encrypted) = mpsc::channel(16);
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), sender));
        let application = application(&origin(port));
        let serving = tokio::spawn(async move {
            // It never returns.
            let _ = axum::serve(Encrypted { connections: encrypted, port }, application).await;
        });
        Ok(Self { port, public_key_hash, tasks: [accepting, serving] })
    }

    /// Returns the address of a page.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", origin(self.port))
    }

    /// Returns the SHA-256 of the certificate's public key in Base64, for
    /// [`Browser::start_with_device`](crate::Browser::start_with_device).
    #[must_use]
    pub fn public_key_hash(&self) -> &str {
        &self.public_key_hash
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn origin(port: u16) -> String {
    format!("https://localhost:{port}")
}

type Connection = (TlsStream<TcpStream>, SocketAddr);

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, sender: mpsc::Sender<Connection>) {
    while let Ok((stream, address)) = listener.accept().await {
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            // Browsers open connections that they don't use.
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = sender.send((stream, address)).await;
            }
        });
    }
}

/// Connections after their handshake.
struct Encrypted {
    connections: mpsc::Receiver<Connection>,
    port: u16,
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Connection {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], self.port)))
    }
}
