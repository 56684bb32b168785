//! The set-up of the store's own connections to a node of a cluster.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error};
use tokio::sync::OnceCell;

use super::cluster::{Cluster, QUESTION};

/// Beyond this number of remembered connections, most of them no longer exist.
const REMEMBERED: usize = 1024;

/// Makes the store's own connections wait for the writes that other nodes acknowledged.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// The value that connections need, determined by the first one.
    wanted: OnceCell<Option<u32>>,
    /// The server-side numbers of the connections that have it.
    seen_to: Mutex<HashSet<u32>>,
}

impl Membership {
    pub(super) async fn see_to(&self, connection: &mut Conn) -> Result<(), Error> {
        let ask = async || {
            let variables: Vec<(String, String)> = connection.query(QUESTION).await?;
            Ok::<_, Error>(Cluster::of(variables).lacks())
        };
        let Some(value) = *self.wanted.get_or_try_init(ask).await? else { return Ok(()) };
        let number = connection.id();
        if self.seen_to.lock().unwrap_or_else(PoisonError::into_inner).contains(&number) {
            return Ok(());
        }
        connection.query_drop(format!("SET SESSION wsrep_sync_wait = {value}")).await?;
        let mut seen_to = self.seen_to.lock().unwrap_or_else(PoisonError::into_inner);
        if seen_to.len() >= REMEMBERED {
            seen_to.clear();
        }
        seen_to.insert(number);
        Ok(())
    }
}
