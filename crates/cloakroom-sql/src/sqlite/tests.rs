//! The query plans of SQLite for the store's statements.

use rusqlite::Connection;

use super::statements::statements;
use crate::TableName;

#[test]
fn statements_find_their_rows_by_an_index() {
    let connection = Connection::open_in_memory().unwrap();
    let statements = statements(TableName::default());
    connection.execute_batch(&statements.own.schema).unwrap();
    let by_key = "USING INDEX sqlite_autoindex_cloakroom_sessions_1 (store_key=?)";
    let table = [
        ("load", &statements.load, by_key),
        ("replace", &statements.replace.write, by_key),
        ("touch", &statements.touch.write, by_key),
        ("cycle", &statements.cycle.write, by_key),
        ("end", &statements.end.write, by_key),
        ("forget", &statements.forget, by_key),
        ("live_on", &statements.own.live_on, "INDEX cloakroom_sessions_sweep (sweep_at<?)"),
        ("sweep", &statements.sweep, "INDEX cloakroom_sessions_sweep (sweep_at<?)"),
        ("scan", &statements.scan, "USING INDEX sqlite_autoindex_cloakroom_sessions_1 (store_key>?)"),
        ("owned", &statements.owned, "INDEX cloakroom_sessions_owner (owner=?"),
        ("count_owned", &statements.count_owned, "INDEX cloakroom_sessions_owner (owner=?"),
        ("end_owned", &statements.end_owned.write, "INDEX cloakroom_sessions_owner (owner=?"),
        ("before", &statements.own.before, "INDEX cloakroom_sessions_created (created>? AND created<?)"),
        ("end_before", &statements.end_before, "INDEX cloakroom_sessions_created (created>? AND created<?)"),
    ];
    for (name, statement, index) in table {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        for parameter in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(parameter, 1).unwrap();
        }
        let (mut plan, mut rows) = (Vec::new(), explain.raw_query());
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get::<_, String>(3).unwrap());
        }
        assert!(plan.iter().any(|line| line.contains(index)), "{name}: {plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("SCAN cloakroom_sessions")), "{name}: {plan:#?}");
    }
}
