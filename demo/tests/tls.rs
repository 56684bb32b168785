//! The demo with `--tls`.
#![allow(clippy::unwrap_used, reason = "only for tests, where a panic is the report")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use self::leaf::FirstCertificate;

/// A running demo that is killed with its guard.
struct Demo {
    process: Child,
    address: String,
    hash: String,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom-demo"));
        command.args(["--tls", "--port", "0", "--store", "memory:"]).current_dir(folder.path());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut hash, mut lines) = (None, BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap));
        let address = lines.find_map(|line| {
            hash = hash.take().or(line.split_once("spki-list=").map(|(_, hash)| hash.to_owned()));
            line.strip_prefix("listening on https://").map(str::to_owned)
        });
        Self { process, address: address.unwrap(), hash: hash.unwrap(), _folder: folder }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Connects as a client that trusts only this certificate.
async fn connect(
    address: &str,
    name: &'static str,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_webpki_verifier(verifier).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name.try_into().unwrap(), stream).await
}

#[tokio::test]
async fn its_certificate_is_for_this_machine_and_its_hash_is_printed() {
    let demo = Demo::start();
    let certificate = FirstCertificate::of(&demo.address).await;
    // The form of a P-256 key (RFC 5480): 91 bytes, the first 26 of which are the same in all keys.
    let start = [0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let key = certificate.windows(91).find(|window| window.starts_with(&start)).unwrap();
    assert_eq!(STANDARD.encode(Sha256::digest(key)), demo.hash);

    for name in ["localhost", "127.0.0.1"] {
        let mut stream = connect(&demo.address, name, &certificate).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", demo.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        assert!(answer.contains("set-cookie: __Host-Http-session="), "{name}: {answer}");
    }
    assert!(connect(&demo.address, "example.com", &certificate).await.is_err());
}

#[tokio::test]
async fn a_client_that_sends_nothing_delays_no_other() {
    let demo = Demo::start();
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(&demo.address).await.unwrap());
    }
    let certificate = FirstCertificate::of(&demo.address).await;
    assert!(connect(&demo.address, "localhost", &certificate).await.is_ok());
    // The silent clients are still connected.
    for stream in silent {
        let mut byte = [0];
        assert_eq!(stream.try_read(&mut byte).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn a_client_without_tls_gets_no_page() {
    let demo = Demo::start();
    let mut stream = TcpStream::connect(&demo.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"));
}

mod leaf {
    //! The certificate of a server, before anything trusts it.

    use std::sync::{Arc, Mutex};

    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

    /// Notes the certificate that a server sends, and trusts none.
    #[derive(Debug, Default)]
    pub(crate) struct FirstCertificate(Mutex<Option<CertificateDer<'static>>>);

    impl FirstCertificate {
        pub(crate) async fn of(address: &str) -> CertificateDer<'static> {
            let noted = Arc::new(Self::default());
            let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(noted.clone())
                .with_no_client_auth();
            let stream = TcpStream::connect(address).await.unwrap();
            let connector = TlsConnector::from(Arc::new(config));
            connector.connect("localhost".try_into().unwrap(), stream).await.unwrap_err();
            noted.0.lock().unwrap().clone().unwrap()
        }
    }

    impl ServerCertVerifier for FirstCertificate {
        fn verify_server_cert(
            &self,
            certificate: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            *self.0.lock().unwrap() = Some(certificate.clone().into_owned());
            Err(CertificateError::UnknownIssuer.into())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(CertificateError::BadSignature.into())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(CertificateError::BadSignature.into())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
}
