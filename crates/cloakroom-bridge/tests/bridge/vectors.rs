//! The vectors made by the real frameworks.

use serde_json::Value;

/// Returns the vectors in a file of `tests/vectors`.
pub(crate) fn vectors(file: &str) -> Vec<Value> {
    let all = document(file);
    all["vectors"].as_array().expect("a list of vectors").clone()
}

/// Returns a whole file of `tests/vectors`.
pub(crate) fn document(file: &str) -> Value {
    let path = format!("{}/tests/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("vectors are in the repository");
    serde_json::from_str(&text).expect("vectors are JSON")
}

/// Returns a member that is a string.
pub(crate) fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{}: no text {key}", vector["name"]))
}
