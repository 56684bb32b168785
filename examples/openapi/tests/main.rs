//! Both programs over HTTP: the description, and the handlers that it describes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use cloakroom_smoke::{Browser, Program};
use serde_json::{Value, json};

/// Returns the parts of the description that concern sessions: the scheme, and for each operation
/// its security requirement and its statuses.
fn described(browser: &mut Browser<'_>) -> Value {
    let api: Value = serde_json::from_str(&browser.get("/openapi.json").body).unwrap();
    let scheme = &api["components"]["securitySchemes"]["session"];
    assert_eq!(scheme["in"], "cookie");
    assert_eq!(scheme["name"], "__Host-Http-session");
    let operation = |path: &str, method: &str| {
        let it = &api["paths"][path][method];
        let parameters = it["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(parameters, 0, "{path}: the session isn't a parameter of the request: {it}");
        let mut statuses: Vec<&String> = it["responses"].as_object().unwrap().keys().collect();
        statuses.sort();
        json!({ "security": it["security"], "statuses": statuses })
    };
    json!([operation("/sign-in", "post"), operation("/orders", "get"), operation("/orders", "post")])
}

#[test]
fn aide_documents_the_extractors() {
    let program = Program::start(env!("CARGO_BIN_EXE_aide"));
    let mut browser = Browser::new(&program);
    let user = json!([{ "session": [] }]);
    let expected = json!([
        { "security": null, "statuses": ["200", "503"] },
        { "security": user, "statuses": ["200", "403", "409", "503"] },
        { "security": user, "statuses": ["200", "403", "409", "413", "415", "422", "503"] },
    ]);
    assert_eq!(described(&mut browser), expected);
    let api: Value = serde_json::from_str(&browser.get("/openapi.json").body).unwrap();
    let form = &api["paths"]["/orders"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"];
    assert!(form["schema"]["$ref"].as_str().unwrap().ends_with("/Order"), "{form}");

    assert_eq!(browser.post("/orders", &[("item", "milk")]).status, 403, "not signed in");
    assert_eq!(browser.post_json("/sign-in", &[], "\"ada\"").status, 200);
    assert_eq!(browser.post_json("/orders", &[], "\"milk\"").status, 415);
    assert_eq!(browser.post("/orders", &[("thing", "milk")]).status, 422);
    assert_eq!(browser.post("/orders", &[("item", "milk")]).status, 200);
    browser.get("/orders").says(r#"["milk"]"#);
}

#[test]
fn utoipa_documents_the_operations() {
    let program = Program::start(env!("CARGO_BIN_EXE_utoipa"));
    let mut browser = Browser::new(&program);
    let user = json!([{ "session": [] }]);
    let expected = json!([
        { "security": null, "statuses": ["200"] },
        { "security": user, "statuses": ["200", "403"] },
        { "security": user, "statuses": ["200", "403"] },
    ]);
    assert_eq!(described(&mut browser), expected);

    assert_eq!(browser.post_json("/orders", &[], "\"milk\"").status, 403, "not signed in");
    assert_eq!(browser.post_json("/sign-in", &[], "\"ada\"").status, 200);
    assert_eq!(browser.post_json("/orders", &[], "\"milk\"").status, 200);
    browser.get("/orders").says(r#"["milk"]"#);
}
