//! The contenders.

use bench_harness::Keep;

use crate::Failure;

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
pub fn of(who: usize, keep: Keep) -> impl Fn(Failure) -> Failure {
    let name = CONTENDERS.get(who).map_or("the ceiling", |it| it.name);
    move |why| format!("{name}, {}: {why}", keep.as_str()).into()
}
