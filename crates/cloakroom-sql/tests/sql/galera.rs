//! A Galera node: the store's own connections wait for writes that other nodes acknowledged.

use std::path::Path;
use std::sync::Arc;

use cloakroom_servers::MariaDb;
use cloakroom_sql::MysqlStore;
use cloakroom_store::store::{
    Severity, Store, Topic,
    conformance::{Capabilities, assert_conforms},
};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, Pool};

use crate::common::{NOW, over_makes_room};

/// Debian's package `galera-4`, which `mariadb-server` brings.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

async fn found(store: &MysqlStore) -> Vec<(Severity, String)> {
    let findings = store.checkup().await.unwrap().findings.into_iter();
    findings.filter(|found| found.topic == Topic::Replication).map(|found| (found.severity, found.text)).collect()
}

fn is_told(findings: &[(Severity, String)], severity: Severity) -> bool {
    findings.iter().any(|(told, text)| *told == severity && text.starts_with("Galera"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_member_of_galera_wait() {
    assert!(Path::new(PROVIDER).exists(), "{PROVIDER} is missing: `apt-get install galera-4`");
    let port = cloakroom_servers::free_port();
    let provider = format!("--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{port}");
    let server = MariaDb::start_with(|_| {
        let options = ["--wsrep-on=ON", "--wsrep-cluster-address=gcomm://", "--wsrep-node-address=127.0.0.1"];
        let mut options: Vec<String> = options.map(str::to_owned).to_vec();
        options.extend(["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"].map(str::to_owned));
        options.extend([format!("--wsrep-provider={PROVIDER}"), provider]);
        options
    });
    let mut client = Conn::new(Opts::from_url(&server.url()).unwrap()).await.unwrap();
    let ready =
        "SELECT 1 FROM information_schema.global_status WHERE variable_name = 'wsrep_ready' AND variable_value = 'ON'";
    while client.query_first::<u8, _>(ready).await.unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let ours = MysqlStore::connect(&server.url()).unwrap();
    ours.migrate().await.unwrap();
    over_makes_room(&ours).await;
    let findings = found(&ours).await;
    assert!(is_told(&findings, Severity::Good), "{findings:?}");
    assert_conforms(Arc::new(ours), Capabilities::all().rounds(3)).await;
    // The application's own pool keeps the application's settings.
    let theirs = MysqlStore::from_pool(Pool::new(Opts::from_url(&server.url()).unwrap()));
    let findings = found(&theirs).await;
    assert!(
        is_told(&findings, Severity::Problem) && findings.iter().any(|(_, text)| text.contains('7')),
        "{findings:?}"
    );
    client.query_drop("SET GLOBAL wsrep_sync_wait = 7").await.unwrap();
    let theirs = MysqlStore::from_pool(Pool::new(Opts::from_url(&server.url()).unwrap()));
    assert!(is_told(&found(&theirs).await, Severity::Good));
    theirs.load(&crate::common::key(1), NOW).await.unwrap();
}

#[tokio::test]
async fn a_single_server_is_no_cluster() {
    let server = MariaDb::start();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let findings = found(&store).await;
    assert!(!findings.iter().any(|(_, text)| text.contains("Galera") || text.contains("Group")), "{findings:?}");
}
