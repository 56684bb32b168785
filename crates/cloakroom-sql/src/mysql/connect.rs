//! Connecting to a MySQL or MariaDB database.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::store::StoreError;
use mysql_async::{Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};

use super::lease::Lender;
use crate::url::{Tls, without};

/// The number of connections kept permanently, and the maximum, unless the application supplies its
/// own pool.
const CONNECTIONS: (usize, usize) = (4, 16);

/// The time an additional connection is kept after its last use: opening one costs far more than a
/// statement.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// The time that a statement waits for a lock, in seconds, on the store's own connections. A call
/// has 2 seconds, after which its statement is killed. This limit applies if the kill request
/// doesn't arrive, or if the client is gone; the server's default is 50 seconds.
pub(super) const LIMITS: &str = "SET innodb_lock_wait_timeout = 1";

/// Creates a pool for a URL, with statements that set up each connection.
pub(super) fn own(url: &str, setup: Vec<&str>) -> Result<Arc<Lender>, StoreError> {
    let (least, most) = CONNECTIONS;
    let constraints = PoolConstraints::new(least, most).unwrap_or_default();
    // A reset would cost a round trip per operation and forget the prepared statements. These
    // connections leave no state behind that needs a reset.
    let pool = PoolOpts::default()
        .with_constraints(constraints)
        .with_inactive_connection_ttl(KEPT)
        .with_reset_connection(false);
    let pool = Pool::new(configuration(url)?.setup(setup).pool_opts(pool));
    Ok(Arc::new(Lender::ours(pool, most)))
}

/// Parses a URL into the driver's configuration.
fn configuration(url: &str) -> Result<OptsBuilder, StoreError> {
    let (rest, [mode, roots]) = without(url, ["ssl-mode", "ssl-ca"]);
    let opts = Opts::from_url(&rest).map_err(StoreError::unavailable)?;
    let demanded = match mode.as_deref().map(str::to_ascii_uppercase).as_deref() {
        None => opts.ssl_opts().is_some(),
        Some("DISABLED" | "PREFERRED") => false,
        Some("REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY") => true,
        Some(_) => {
            let modes = "`ssl-mode` must be one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY";
            return Err(StoreError::unavailable(modes));
        }
    };
    let ssl = match Tls::wanted(demanded, roots)? {
        Tls::Plain => None,
        #[cfg(feature = "tls")]
        Tls::Verified(roots) => {
            crate::tls::prepare();
            let trusted = crate::tls::certificates(roots.as_deref())?;
            let trusted = trusted.iter().map(|certificate| certificate.to_vec().into()).collect();
            let ssl = opts.ssl_opts().cloned().unwrap_or_default();
            Some(ssl.with_root_certs(trusted).with_disable_built_in_roots(true))
        }
        #[cfg(not(feature = "tls"))]
        Tls::Verified(_) => return Err(StoreError::unsupported("an encrypted connection without its feature `tls`")),
    };
    Ok(OptsBuilder::from_opts(opts).ssl_opts(ssl))
}
