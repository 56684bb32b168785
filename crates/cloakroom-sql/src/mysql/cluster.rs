//! Clusters in which several servers accept writes: Galera (MariaDB, Percona XtraDB Cluster) and
//! Group Replication.
//!
//! A node of such a cluster may serve a read before it has applied writes that another node has
//! acknowledged. Behind a load balancer, a session that was just created would be missing, and for
//! a while reads would return old versions.

use std::collections::HashMap;

use cloakroom_store::store::Severity;

/// Selects the cluster variables, one row for each that the server has.
pub(super) const QUESTION: &str = "SHOW VARIABLES WHERE Variable_name IN \
    ('wsrep_on', 'wsrep_sync_wait', 'group_replication_group_name', 'group_replication_consistency')";

/// Reads, updates, deletions and insertions wait until the node has applied the writes that other
/// nodes acknowledged.
const ALL: u32 = 7;

/// The cluster that a server belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cluster {
    None,
    /// Galera, and the operations for which a connection waits.
    Galera {
        sync_wait: u32,
    },
    /// Group Replication, and its consistency.
    Group {
        consistency: String,
    },
}

impl Cluster {
    pub(super) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: HashMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let value = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
        if value("wsrep_on").eq_ignore_ascii_case("ON") {
            Self::Galera { sync_wait: value("wsrep_sync_wait").parse().unwrap_or_default() }
        } else if value("group_replication_group_name").is_empty() {
            Self::None
        } else {
            Self::Group { consistency: value("group_replication_consistency").to_owned() }
        }
    }

    /// Returns the value of `wsrep_sync_wait` that a connection needs and doesn't have.
    pub(super) fn lacks(&self) -> Option<u32> {
        match self {
            Self::Galera { sync_wait } if sync_wait & ALL != ALL => Some(sync_wait | ALL),
            Self::Galera { .. } | Self::Group { .. } | Self::None => None,
        }
    }

    /// Returns the finding to report to the operator.
    pub(super) fn finding(&self) -> Option<(Severity, String)> {
        match self {
            Self::None => None,
            Self::Galera { sync_wait } if self.lacks().is_some() => Some((
                Severity::Problem,
                format!(
                    "Galera, and wsrep_sync_wait={sync_wait} on these connections: writes to one member may not be visible \
                     on another; set it to {ALL}"
                ),
            )),
            Self::Galera { .. } => {
                Some((Severity::Good, "Galera: each member reads writes that others acknowledged".to_owned()))
            }
            Self::Group { consistency } if ["BEFORE", "AFTER", "BEFORE_AND_AFTER"].contains(&consistency.as_str()) => {
                Some((Severity::Good, format!("Group Replication, group_replication_consistency={consistency}")))
            }
            Self::Group { consistency } => Some((
                Severity::Note,
                format!(
                    "Group Replication, group_replication_consistency={consistency}: connect to the primary alone, or set \
                     it to BEFORE"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cluster, Severity};

    #[test]
    fn members_wait_for_acknowledged_writes() {
        let table = [
            ("a single server", vec![("wsrep_on", "OFF"), ("wsrep_sync_wait", "0")], None, None),
            ("MySQL", vec![], None, None),
            (
                "Galera as it comes",
                vec![("wsrep_on", "ON"), ("wsrep_sync_wait", "0")],
                Some(7),
                Some(Severity::Problem),
            ),
            (
                "Galera, reads alone",
                vec![("wsrep_on", "ON"), ("wsrep_sync_wait", "9")],
                Some(15),
                Some(Severity::Problem),
            ),
            ("Galera, all", vec![("wsrep_on", "ON"), ("wsrep_sync_wait", "15")], None, Some(Severity::Good)),
            (
                "Group Replication",
                vec![("group_replication_group_name", "aa"), ("group_replication_consistency", "EVENTUAL")],
                None,
                Some(Severity::Note),
            ),
            (
                "Group Replication that waits",
                vec![("group_replication_group_name", "aa"), ("group_replication_consistency", "BEFORE")],
                None,
                Some(Severity::Good),
            ),
            ("its plugin alone", vec![("group_replication_group_name", "")], None, None),
        ];
        for (row, variables, lacks, finding) in table {
            let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            let cluster = Cluster::of(variables);
            assert_eq!(cluster.lacks(), lacks, "{row}");
            assert_eq!(cluster.finding().map(|(severity, _)| severity), finding, "{row}");
        }
    }
}
