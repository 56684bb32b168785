//! The contenders, by framework.

use bench_harness::Storage;

use crate::fallible::Failure;

/// A web framework. Only libraries on the same one are compared: otherwise the costs of frameworks
/// would decide rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    Axum,
    Actix,
    Poem,
    Salvo,
}

impl Framework {
    pub const ALL: [Self; 4] = [Self::Axum, Self::Actix, Self::Poem, Self::Salvo];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Actix => "actix-web",
            Self::Poem => "poem",
            Self::Salvo => "salvo",
        }
    }

    /// The places of its contenders in [`CONTENDERS`].
    pub fn places(self) -> Vec<usize> {
        let all = CONTENDERS.iter().enumerate();
        all.filter(|(_, contender)| contender.framework == self).map(|(place, _)| place).collect()
    }

    /// Returns whether Cloakroom runs on it in this benchmark.
    pub fn has_ours(self) -> bool {
        self.places().first().is_some_and(|place| CONTENDERS[*place].name == OURS)
    }
}

/// A library on a framework, and the programs that together run all of its rows.
pub struct Contender {
    pub framework: Framework,
    pub name: &'static str,
    pub programs: &'static [&'static str],
}

/// The name of our contenders.
pub const OURS: &str = "cloakroom";

const fn on(framework: Framework, name: &'static str, programs: &'static [&'static str]) -> Contender {
    Contender { framework, name, programs }
}

/// Cloakroom is the first one on each framework.
pub const CONTENDERS: &[Contender] = &[
    on(Framework::Axum, OURS, &["cloakroom-axum"]),
    on(Framework::Axum, "tower-sessions", &["tower-sessions", "tower-sessions-stores"]),
    on(Framework::Axum, "axum_session", &["axum-session"]),
    on(Framework::Actix, OURS, &["cloakroom-actix"]),
    on(Framework::Actix, "actix-session", &["actix-session"]),
    on(Framework::Poem, OURS, &["cloakroom-poem"]),
    on(Framework::Poem, "poem", &["poem"]),
    on(Framework::Salvo, OURS, &["cloakroom-salvo"]),
    on(Framework::Salvo, "salvo", &["salvo"]),
];

/// The columns of a table of all contenders, which is split by framework.
pub fn names() -> Vec<&'static str> {
    CONTENDERS.iter().map(|it| it.name).collect()
}

/// Names the contender and the storage in an error.
pub fn of(who: usize, storage: Storage) -> impl Fn(Failure) -> Failure {
    let name = CONTENDERS
        .get(who)
        .map_or("the raw store".to_owned(), |it| format!("{} on {}", it.name, it.framework.as_str()));
    move |why| format!("{name}, {}: {why}", storage.as_str()).into()
}
