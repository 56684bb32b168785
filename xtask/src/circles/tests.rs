//! Circles of small crates, each a list of files with their sources.

use std::path::Path;

use super::names::Modules;
use super::{Circle, circles_of, compare};

type Sources = &'static [(&'static str, &'static str)];

fn circles(sources: Sources) -> Vec<Circle> {
    let read =
        |file: &Path| sources.iter().find(|(name, _)| Path::new(name) == file).map(|(_, text)| (*text).to_owned());
    circles_of(&Modules::read(Path::new("lib.rs"), &read).unwrap().ties())
}

fn ties(sources: Sources) -> Vec<String> {
    circles(sources).into_iter().flat_map(|circle| circle.ties).collect()
}

#[test]
fn files_without_a_circle_pass() {
    let table: &[(&str, Sources)] = &[
        ("one file", &[("lib.rs", "struct A; fn a() -> crate::A {}")]),
        ("one way", &[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "pub struct B;")]),
        ("a `mod` line", &[("lib.rs", "mod a; pub struct A;"), ("a.rs", "use crate::A;")]),
        ("a re-export", &[("lib.rs", "mod a; pub use a::A; pub struct B;"), ("a.rs", "pub struct A(crate::B);")]),
        (
            "a test module",
            &[
                ("lib.rs", "mod a; pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
                ("a.rs", "use super::B; pub struct A;"),
            ],
        ),
        (
            "a file of tests",
            &[
                ("lib.rs", "mod a; mod tests; pub struct B;"),
                ("a.rs", "use super::B;"),
                ("tests.rs", "use crate::a::A; pub struct T;"),
            ],
        ),
        (
            "a function for tests",
            &[
                ("lib.rs", "mod a; pub struct B; impl B { #[cfg(test)] fn t(a: a::A) {} }"),
                ("a.rs", "use super::B; pub struct A;"),
            ],
        ),
        (
            "a macro without a path",
            &[("lib.rs", "macro_rules! m { () => {} } mod a; use a::A;"), ("a.rs", "m!(); pub struct A;")],
        ),
        (
            "the same name in another crate",
            &[("lib.rs", "mod a; use std::a::B; pub struct C;"), ("a.rs", "use crate::C; pub struct B;")],
        ),
        ("a re-export of itself", &[("lib.rs", "mod a; pub use a::*; fn f(b: B) {}"), ("a.rs", "pub use super::*;")]),
    ];
    for (row, sources) in table {
        assert_eq!(ties(sources), Vec::<String>::new(), "{row}");
    }
}

#[test]
fn circles_are_found_with_the_names_that_tie_them() {
    let table: &[(&str, Sources, &[&str])] = &[
        (
            "two files",
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::{B, C}; pub struct A;"),
                ("b.rs", "fn b() { super::a::A; } struct B; struct C;"),
            ],
            &["a.rs uses B, C of b.rs", "b.rs uses A of a.rs"],
        ),
        (
            "through a re-export",
            &[
                ("lib.rs", "mod a; mod b; pub use a::A as X; pub use b::*;"),
                ("a.rs", "pub struct A(crate::B);"),
                ("b.rs", "use crate::X; pub struct B;"),
            ],
            &["a.rs uses B of b.rs", "b.rs uses A of a.rs"],
        ),
        (
            "parent and child",
            &[
                ("lib.rs", "mod a; use a::b::B; pub struct C;"),
                ("a/mod.rs", "pub mod b;"),
                ("a/b.rs", "use super::super::C; pub struct B;"),
            ],
            &["a/b.rs uses C of lib.rs", "lib.rs uses B of a/b.rs"],
        ),
        (
            "a re-export that the file itself uses",
            &[("lib.rs", "mod a; pub use a::A; pub struct B(A);"), ("a.rs", "pub struct A(super::B);")],
            &["a.rs uses B of lib.rs", "lib.rs uses A of a.rs"],
        ),
        (
            "three files",
            &[
                ("lib.rs", "mod a; mod b; mod c; mod d;"),
                ("a.rs", "use crate::b::B; pub fn a() {}"),
                ("b.rs", "use crate::c; pub struct B; fn b() { c::C::new() }"),
                ("c.rs", "pub struct C; fn c() { crate::a::a() }"),
                ("d.rs", "use crate::a::a;"),
            ],
            &["a.rs uses B of b.rs", "b.rs uses C of c.rs", "c.rs uses a of a.rs"],
        ),
        (
            "a glob",
            &[
                ("lib.rs", "mod a; use a::*; pub fn f() -> A {}"),
                ("a.rs", "pub struct A; mod b { use super::super::f; }"),
            ],
            &["a.rs uses f of lib.rs", "lib.rs uses A of a.rs"],
        ),
        (
            "a file at a path",
            &[
                ("lib.rs", "#[path = \"x/y.rs\"] mod a; use a::A; pub struct B;"),
                ("x/y.rs", "mod z; pub struct A;"),
                ("x/z.rs", "use crate::B; use crate::a::A;"),
            ],
            &[],
        ),
        (
            "a name from a macro",
            &[("lib.rs", "mod a; use a::A; pub struct B;"), ("a.rs", "define! { A } use crate::B;")],
            &["a.rs uses B of lib.rs", "lib.rs uses A of a.rs"],
        ),
    ];
    for (row, sources, expected) in table {
        assert_eq!(ties(sources), *expected, "{row}");
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let read = |file: &Path| (file == Path::new("lib.rs")).then(|| "mod a;".to_owned());
    assert_eq!(Modules::read(Path::new("lib.rs"), &read).unwrap_err(), "lib.rs: found no file for `mod a`");
}

#[test]
fn only_known_circles_are_allowed() {
    const SOURCES: Sources = &[("lib.rs", "mod a; use a::A; pub struct B;"), ("a.rs", "use crate::B; pub struct A;")];
    let found = circles(SOURCES);
    let table: &[(&str, &str, &[&str])] = &[
        ("known", "# Why\n\na.rs lib.rs\n", &[]),
        ("new", "", &["  new: a.rs lib.rs\n    a.rs uses B of lib.rs\n    lib.rs uses A of a.rs"]),
        ("gone", "a.rs lib.rs\nb.rs lib.rs\n", &["  gone, remove its line from xtask/known-circles.txt: b.rs lib.rs"]),
    ];
    for (row, known, expected) in table {
        assert_eq!(compare(&found, known), *expected, "{row}");
    }
}
