//! The example over HTTP.

use cloakroom_smoke::{Browser, Program};

#[test]
fn every_engine_renders_the_token_and_escapes_messages() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-templates"));
    let mut browser = Browser::new(&program);
    for engine in ["/askama", "/maud", "/minijinja", "/tera"] {
        let token = browser.get(engine).token();
        let without = browser.post("/note", &[("text", "forged")]);
        assert_eq!(without.status, 403, "{engine}");
        let noted = browser.post("/note", &[("csrf_token", &token), ("text", "<b>1 & 2</b>")]);
        assert_eq!(noted.status, 303, "{engine}: {}", noted.body);
        let page = browser.get(engine);
        page.says("class=\"success\"");
        page.says("1 &");
        page.says_nothing_of("<b>");
        page.says_nothing_of("forged");
    }
    assert_eq!(browser.get("/mustache").status, 404);
}
