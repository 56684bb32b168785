//! The move from pickles, or from Ruby's Marshal, to JSON: the first steps of the guide's pages.
//!
//! While a step is deployed, some nodes have it and others don't. No session is lost on the way, in
//! either direction.

use std::path::Path;

use cloakroom_servers::Foreign;
use serde_json::{Value, json};

use crate::side::{Jar, Side};
use crate::turns::NOW;

/// The steps before Cloakroom is deployed. The application runs with the first one today.
const PICKLES: &[&str] = &["pickle", "reads-json", "writes-json"];

/// The first node doesn't read JSON, and the last one, Cloakroom, reads no pickles.
const LOSSY: &[(usize, usize)] = &[(2, 0), (3, 0), (0, 3), (1, 3)];

/// A framework, with a node at each step.
struct Deployment {
    name: &'static str,
    nodes: Vec<Side>,
    turns: usize,
}

impl Deployment {
    fn new(name: &'static str, theirs: impl Fn(&str) -> Foreign, steps: &[&str], ours: &[&str]) -> Self {
        let mut nodes: Vec<Side> = steps.iter().map(|step| Side::theirs(theirs(step))).collect();
        nodes.push(Side::ours(ours));
        Self { name, nodes, turns: 0 }
    }

    fn ask(&mut self, node: usize, jar: &mut Jar, operation: &Value) -> Value {
        self.turns += 1;
        self.nodes[node].one(jar, NOW, operation)
    }

    /// A visitor whose session began on one node goes back and forth between two.
    fn neighbours(&mut self, begins: usize, other: usize) {
        let (name, mut jar) = (self.name, Jar::new());
        self.ask(begins, &mut jar, &json!(["insert", "user", 42]));
        for round in 1..=4 {
            let node = if round % 2 == 0 { begins } else { other };
            assert_eq!(self.ask(node, &mut jar, &json!(["get", "user"])), 42, "{name}: {begins}, {other}, {round}");
            assert_eq!(self.ask(node, &mut jar, &json!(["add", "n", 1])), round, "{name}: {begins}, {other}, {round}");
        }
    }

    /// The visitor of the first step is still signed in at the last one.
    fn through_all_steps(&mut self) {
        let (name, mut jar) = (self.name, Jar::new());
        self.ask(0, &mut jar, &json!(["insert", "user", 42]));
        for node in 1..self.nodes.len() {
            assert_eq!(self.ask(node, &mut jar, &json!(["get", "user"])), 42, "{name}: step {node}");
            self.ask(node, &mut jar, &json!(["insert", "step", node]));
        }
        // And Cloakroom's cookie goes back to the node that is one step behind.
        let last = self.nodes.len() - 1;
        assert_eq!(self.ask(last - 1, &mut jar, &json!(["get", "step"])), last, "{name}");
    }

    /// Returns true if a session that was begun on the first node is lost at the second.
    fn loses(&mut self, begins: usize, other: usize) -> bool {
        let mut jar = Jar::new();
        self.ask(begins, &mut jar, &json!(["insert", "user", 42]));
        self.turns += 1;
        let answer = self.nodes[other].post(&mut jar, "/ops", NOW, &[], r#"[["get", "user"]]"#);
        answer.status != 200 || !answer.body.contains("42")
    }

    /// `lossy` are the pairs of nodes that must not run side by side: a session that begins on the
    /// first one is lost on the second. They are the reason for the steps between them.
    fn check(mut self, lossy: &[(usize, usize)]) {
        for later in 1..self.nodes.len() {
            self.neighbours(later - 1, later);
            self.neighbours(later, later - 1);
        }
        self.through_all_steps();
        for (begins, other) in lossy {
            assert!(self.loses(*begins, *other), "{}: {begins}, {other}", self.name);
        }
        println!("first steps, {}: {} turns", self.name, self.turns);
    }
}

#[test]
fn of_pyramid() {
    let theirs = |step: &str| Foreign::pyramid(&["--secret", "s", "--serializer", step]);
    Deployment::new("pyramid", theirs, PICKLES, &["--backend", "pyramid", "--secret", "s"]).check(LOSSY);
}

#[test]
fn of_beaker() {
    let theirs = |step: &str| {
        let options = ["--sessions", "beaker", "--secret", "validate", "--encrypt-key", "encrypt"];
        Foreign::pyramid(&[&options[..], &["--serializer", step]].concat())
    };
    Deployment::new("beaker", theirs, PICKLES, &["--backend", "beaker:encrypt", "--secret", "validate"]).check(LOSSY);
}

#[test]
fn of_django() {
    let theirs =
        |step: &str| Foreign::django(&["--secret", "insecure", "--cookie-name", "session", "--serializer", step]);
    Deployment::new("django", theirs, PICKLES, &["--backend", "django", "--secret", "insecure"]).check(LOSSY);
}

#[test]
fn of_rails() {
    let secret = "0123456789abcdef".repeat(8);
    let theirs = |step: &str| {
        let options = ["--secret", &secret, "--digest", "SHA256", "--cookie-name", "session"];
        Foreign::rails(&[&options[..], &["--serializer", step]].concat())
    };
    let ours = ["--backend", "rails", "--secret", &secret];
    // `:marshal` reads JSON as well, so one step is enough.
    Deployment::new("rails", theirs, &["marshal", "hybrid"], &ours).check(&[(0, 2)]);
}

#[test]
fn the_guide_shows_the_tested_serializer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let python = read("testing/e2e/foreign/transition.py");
    let (_, rest) = python.split_once("# The guide begins here.\n").unwrap();
    let (class, _) = rest.split_once("# The guide ends here.\n").unwrap();
    assert!(read("docs/guide/bridges.md").contains(class), "bridges.md doesn't have the class of transition.py");
}
