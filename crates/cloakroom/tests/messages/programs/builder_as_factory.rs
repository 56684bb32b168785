// A builder without `build()?`.
//~ `StoredSessionsBuilder<MemoryStore>` is not a session factory
//~ becomes a factory with `.build()?`

fn main() {
    let _ = cloakroom::SessionLayer::new(cloakroom::StoredSessions::new(cloakroom::MemoryStore::new()));
}
