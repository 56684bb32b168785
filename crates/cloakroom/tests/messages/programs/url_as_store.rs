// A URL where a store is needed.
//~ `&str` is not a session store
//~ `connect(url).await?` returns a store for any URL

fn main() {
    let _ = cloakroom::StoredSessions::new("redis://127.0.0.1").build();
}
