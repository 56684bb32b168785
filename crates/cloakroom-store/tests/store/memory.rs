//! What is particular to the memory store.

use cloakroom_session::{SessionId, Timestamp, Version};
use cloakroom_store::{Created, Entry, MemoryStore, Replaced, Store as _};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

#[tokio::test]
async fn a_move_counts_against_the_capacity() {
    let capacity = 64;
    let store = MemoryStore::new().capacity(capacity);
    let entry = Entry::new("1c0;".into(), NOW, NOW, None);
    for round in 0..20_u8 {
        for shard in 0..64_u8 {
            let id = |kind: u8| {
                SessionId::from_random([[round, shard, kind, 0]; 8].concat().try_into().unwrap()).store_key()
            };
            let (old, new) = (id(0), id(1));
            assert_eq!(store.create(&old, &entry, NOW).await.unwrap(), Created::Yes(Version::new(1)));
            store.cycle(&old, Version::new(1), &new, &entry, NOW, NOW).await.unwrap();
            assert!(store.len() <= capacity, "{} of {capacity}", store.len());
        }
    }
    let lost = SessionId::from_random([255; 32]).store_key();
    assert_eq!(store.replace(&lost, Version::new(1), &entry, NOW).await.unwrap(), Replaced::Gone);
}
