//! The schemes of URLs.

/// All schemes, with the features that they need in addition to `store`.
pub(super) const SCHEMES: [(&str, &[&str]); 21] = [
    ("memory", &[]),
    ("file", &[]),
    ("sqlite", &["sqlite"]),
    ("postgres", &["postgres"]),
    ("postgresql", &["postgres"]),
    ("mysql", &["mysql"]),
    ("mariadb", &["mysql"]),
    ("redis", &["redis"]),
    ("valkey", &["redis"]),
    ("unix", &["redis"]),
    ("redis+unix", &["redis"]),
    ("valkey+unix", &["redis"]),
    ("rediss", &["redis", "tls"]),
    ("valkeys", &["redis", "tls"]),
    ("redis+sentinel", &["redis-sentinel"]),
    ("valkey+sentinel", &["redis-sentinel"]),
    ("rediss+sentinel", &["redis-sentinel", "tls"]),
    ("redis+cluster", &["redis-cluster"]),
    ("valkey+cluster", &["redis-cluster"]),
    ("rediss+cluster", &["redis-cluster", "tls"]),
    ("dynamodb", &["dynamodb"]),
];
