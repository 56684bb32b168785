//! Encrypted connections: whom they trust.

use std::path::Path;

use cloakroom_store::StoreError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Makes sure that rustls has its cryptography: without any, it panics. The application's comes
/// first.
pub(crate) fn prepare() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever comes first wins, and an error says that somebody else did.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The certificates of a file in PEM form, or of the system.
pub(crate) fn certificates(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs();
        return match found.errors.into_iter().next() {
            Some(why) if found.certs.is_empty() => Err(StoreError::unavailable(why)),
            None if found.certs.is_empty() => Err(StoreError::unavailable("the system has no certificates")),
            Some(_) | None => Ok(found.certs),
        };
    };
    let told = |why: String| StoreError::unavailable(format!("certificates of {}: {why}", file.display()));
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|why| told(why.to_string()))?;
    if certificates.is_empty() { Err(told("there are none".to_owned())) } else { Ok(certificates) }
}

/// What PostgreSQL connections are made with.
#[cfg(feature = "postgres")]
pub(crate) fn connector(file: Option<&Path>) -> Result<tokio_postgres_rustls::MakeRustlsConnect, StoreError> {
    prepare();
    let mut roots = rustls::RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(certificates(file)?);
    if good == 0 {
        return Err(StoreError::unavailable("none of the certificates makes sense"));
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}
