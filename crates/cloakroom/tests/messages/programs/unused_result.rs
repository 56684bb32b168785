// `build()` without `?`.
//~ `Result<CookieSessions, ConfigError>` is not a session factory
//~ becomes a factory with `.build()?`

fn main() {
    let key = cloakroom::Key::new(b"a secret of 32 bytes or more, here for the example").unwrap();
    let _ = cloakroom::SessionLayer::new(cloakroom::CookieSessions::encrypted(key).build());
}
