//! Encrypted connections: the trusted certificates.

use std::path::Path;

use cloakroom_store::store::StoreError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Ensures that rustls has a cryptography provider: without one it panics. A provider that the
/// application installed takes precedence.
pub(crate) fn prepare() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // The first provider wins; the error only says that another one was installed first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Loads the certificates of a PEM file, or those of the system.
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
    if certificates.is_empty() { Err(told("the file contains none".to_owned())) } else { Ok(certificates) }
}

/// Builds the TLS connector of PostgreSQL connections.
#[cfg(feature = "postgres")]
pub(crate) fn connector(file: Option<&Path>) -> Result<tokio_postgres_rustls::MakeRustlsConnect, StoreError> {
    prepare();
    let mut roots = rustls::RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(certificates(file)?);
    if good == 0 {
        return Err(StoreError::unavailable("none of the certificates is valid"));
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}
