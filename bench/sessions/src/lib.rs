//! Cloakroom's sessions for the contenders on all frameworks: the same options everywhere.

use bench_harness::{Storage, store_address};
use cloakroom::store::Store;
use cloakroom::{
    CookieSessions, CsrfRules, Engine, Key, MemoryStore, PostgresStore, RedisStore, SqliteStore, StoredSessions,
    TokenPolicy,
};

/// Returns the engine with this session storage, or `None` for an application without sessions.
pub async fn engine(storage: Storage) -> Option<Engine> {
    let key = || Key::new(b"a secret for benchmarks, of 32 bytes or more").expect("long enough");
    Some(match storage {
        Storage::Nothing | Storage::EmptyLayer => return None,
        Storage::Memory => stored(MemoryStore::new()),
        Storage::Signed => Engine::new(CookieSessions::signed(key()).build().expect("valid options")),
        Storage::Encrypted => Engine::new(CookieSessions::encrypted(key()).build().expect("valid options")),
        Storage::Redis | Storage::Valkey => stored(RedisStore::connect(&store_address()).await.expect("a Redis")),
        Storage::Postgres => {
            let store = PostgresStore::connect(&store_address()).expect("an address");
            store.migrate().await.expect("a schema");
            stored(store)
        }
        Storage::Sqlite => {
            let store = SqliteStore::open(store_address()).expect("a file");
            store.migrate().await.expect("a schema");
            stored(store)
        }
    })
}

fn stored<S: Store>(store: S) -> Engine {
    Engine::new(StoredSessions::new(store).build().expect("valid options"))
}

/// Returns the rules of the CSRF check: it always needs a token, as in the other contenders.
pub fn rules() -> CsrfRules {
    CsrfRules::builder().token_policy(TokenPolicy::Always).build().expect("the rules are valid")
}
