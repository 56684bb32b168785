//! The contenders.

use bench_harness::Storage;

use crate::fallible::Failure;

/// A library, and the programs that together run all of its rows.
pub struct Contender {
    pub name: &'static str,
    pub programs: &'static [&'static str],
}

/// Cloakroom is the first one.
pub const CONTENDERS: &[Contender] = &[
    Contender { name: "cloakroom", programs: &["cloakroom"] },
    Contender { name: "tower-sessions", programs: &["tower-sessions", "tower-sessions-stores"] },
    Contender { name: "axum_session", programs: &["axum-session"] },
    Contender { name: "actix-session", programs: &["actix-session"] },
    Contender { name: "poem", programs: &["poem"] },
    Contender { name: "salvo", programs: &["salvo"] },
];

pub fn names() -> Vec<&'static str> {
    CONTENDERS.iter().map(|it| it.name).collect()
}

/// Names the contender and the storage in an error.
pub fn of(who: usize, storage: Storage) -> impl Fn(Failure) -> Failure {
    let name = CONTENDERS.get(who).map_or("the raw store", |it| it.name);
    move |why| format!("{name}, {}: {why}", storage.as_str()).into()
}
