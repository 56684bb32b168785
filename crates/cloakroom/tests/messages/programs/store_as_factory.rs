// A store where a factory is needed, as in tower-sessions.
//~ `MemoryStore` is not a session factory
//~ a store becomes a factory with `StoredSessions::new(store).build()?`

fn main() {
    let _ = cloakroom::SessionLayer::new(cloakroom::MemoryStore::new());
}
