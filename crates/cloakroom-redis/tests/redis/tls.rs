//! A server that only accepts TLS: which certificates are trusted.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloakroom_redis::RedisStore;
use cloakroom_servers::program;
use cloakroom_servers::redis::Redis;
use cloakroom_store::store::{Loaded, Store as _};

use crate::bench::{entry, now, put};

/// A folder with two authorities, and certificates signed by the first one.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new() -> Self {
        let certificates = Self(tempfile::tempdir().unwrap());
        for authority in ["ca", "other"] {
            certificates.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={authority} \
                 -keyout {authority}.key -out {authority}.pem"
            ));
        }
        std::fs::write(certificates.path("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost").unwrap();
        for name in ["server", "client"] {
            certificates.openssl(&format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            certificates.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
            ));
        }
        certificates
    }

    fn openssl(&self, words: &str) {
        let mut command = Command::new(program("openssl", &[], "openssl"));
        let output = command.args(words.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn server(&self, clients: &str) -> Redis {
        let [ca, certificate, key] = ["ca.pem", "server.pem", "server.key"].map(|name| self.path(name));
        Redis::with_tls(&ca, &certificate, &key, &["--tls-auth-clients", clients])
    }
}

fn url(server: &Redis, options: &[(&str, &Path)]) -> String {
    let options: Vec<_> = options.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    format!("rediss://127.0.0.1:{}/?{}", server.port(), options.join("&"))
}

#[tokio::test]
async fn only_the_configured_authority_is_trusted() {
    let certificates = Certificates::new();
    let server = certificates.server("no");
    let ca = certificates.path("ca.pem");
    let store = RedisStore::connect(&url(&server, &[("ca", &ca)])).await.unwrap();
    let key = put(&store, &entry("text")).await;
    assert!(matches!(store.load(&key, now()).await.unwrap(), Loaded::Live(..)));

    let other = certificates.path("other.pem");
    for (row, url) in [
        ("another authority", url(&server, &[("ca", &other)])),
        ("the system's authorities", url(&server, &[])),
        ("no TLS", format!("redis://127.0.0.1:{}/", server.port())),
    ] {
        assert!(RedisStore::connect(&url).await.is_err(), "{row}");
    }
}

#[tokio::test]
async fn a_server_may_require_a_client_certificate() {
    let certificates = Certificates::new();
    let server = certificates.server("yes");
    let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(|name| certificates.path(name));
    let store = RedisStore::connect(&url(&server, &[("ca", &ca), ("cert", &cert), ("key", &key)])).await.unwrap();
    put(&store, &entry("text")).await;
    assert!(RedisStore::connect(&url(&server, &[("ca", &ca)])).await.is_err());
}
