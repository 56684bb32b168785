//! HTTPS with a self-signed certificate, for the pages that need it.
//!
//! The certificate is made when the demo starts and kept nowhere. Browsers bind sessions to a
//! device only if they trust the certificate, and a click on "proceed" isn't enough for that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::serve::Listener;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, PublicKeyData as _};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

/// A client that sends no handshake in this time is disconnected.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate for both names of this machine, and its key.
pub(crate) struct SelfSigned {
    acceptor: TlsAcceptor,
    public_key_hash: String,
}

impl SelfSigned {
    /// Makes a certificate.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(names).context("no certificate could be made")?;
        let public_key_hash = STANDARD.encode(Sha256::digest(signing_key.subject_public_key_info()));
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), public_key_hash })
    }

    /// Returns the SHA-256 of the public key in Base64, the form in which Chromium's option
    /// `--ignore-certificate-errors-spki-list` takes it.
    pub(crate) fn public_key_hash(&self) -> &str {
        &self.public_key_hash
    }

    /// Accepts TLS on a socket.
    pub(crate) fn listener(self, listener: TcpListener) -> TlsListener {
        TlsListener { listener, acceptor: self.acceptor, handshakes: JoinSet::new() }
    }
}

/// A socket that accepts TLS connections.
pub(crate) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// Handshakes run concurrently, so that a silent client delays no other.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.listener) => {
                    let handshake = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream));
                    self.handshakes.spawn(async move {
                        match handshake.await {
                            Ok(Ok(stream)) => return Some((stream, address)),
                            Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS connection"),
                            Err(_) => tracing::debug!(%address, "no TLS handshake in time"),
                        }
                        None
                    });
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
