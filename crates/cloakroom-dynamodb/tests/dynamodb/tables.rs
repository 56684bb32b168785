//! Creating the table, checking it, and tables that aren't as they should be.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use cloakroom_dynamodb::DynamoDbStore;
use cloakroom_servers::DynamoDb;
use cloakroom_store::store::{Severity, Store as _, Topic, end_all_before};

use crate::common::{LIFE, TABLE, client, entry, key, now, owned, put, store};

async fn problems(store: &DynamoDbStore) -> Vec<(Topic, String)> {
    let findings = store.checkup().await.unwrap().findings.into_iter();
    findings.filter(|found| found.severity == Severity::Problem).map(|found| (found.topic, found.text)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_table_is_named_and_created_once() {
    let server = DynamoDb::start();
    let store = DynamoDbStore::new(client(server.port()), TABLE);
    for error in [
        store.load(&key(), now()).await.unwrap_err(),
        store.create(&key(), &entry("text"), now()).await.unwrap_err(),
        store.create(&key(), &owned("text", "ann"), now()).await.unwrap_err(),
        store.owned("ann", None, 1, now()).await.unwrap_err(),
        store.scan(None, 1, now()).await.unwrap_err(),
        store.look_for_table().await.unwrap_err(),
    ] {
        assert!(error.is_missing() && error.to_string().contains("cloakroom schema dynamodb"), "{error}");
    }
    assert!(matches!(&problems(&store).await[..], [(Topic::Writes, why)] if why.contains("no table \"sessions\"")));
    store.create_table().await.unwrap();
    store.create_table().await.unwrap();
    assert_eq!(problems(&store).await, []);
    store.look_for_table().await.unwrap();
    put(&store, &owned("text", "ann")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_another_key_is_a_problem() {
    let server = DynamoDb::start();
    let client = client(server.port());
    let create = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let kind = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let create = create.attribute_definitions(kind.build().unwrap()).key_schema(key.build().unwrap());
    create.send().await.unwrap();
    let store = DynamoDbStore::new(client, TABLE);
    let problems = problems(&store).await;
    assert!(
        problems.iter().any(|(topic, why)| *topic == Topic::Writes && why.contains("partition key")),
        "{problems:?}"
    );
    assert!(
        problems.iter().any(|(topic, why)| *topic == Topic::Storage && why.contains("\"expires\"")),
        "{problems:?}"
    );
    let error = store.create_table().await.unwrap_err().to_string();
    assert!(error.contains("sort key \"sk\""), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_sessions_and_long_owners_are_refused_by_name() {
    let server = DynamoDb::start();
    let store = store(server.port()).await;
    for bytes in [400 * 1024 + 1, 400 * 1024] {
        let error = store.create(&key(), &entry(&"x".repeat(bytes)), now()).await.unwrap_err().to_string();
        assert!(error.contains("400 KB"), "{bytes}: {error}");
    }
    let error = store.create(&key(), &owned("text", &"x".repeat(1_801)), now()).await.unwrap_err().to_string();
    assert!(error.contains("1800 bytes, and this one has 1801"), "{error}");
    put(&store, &owned("text", &"x".repeat(1_800))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_item_is_an_error_and_stays() {
    let server = DynamoDb::start();
    let client = client(server.port());
    let store = store(server.port()).await;
    let (session, whole) = (key(), put(&store, &entry("text")).await);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = client.put_item().table_name(TABLE).item("pk", text(&format!("s#{}", session.to_hex())));
    put.item("sk", text("session")).item("created", AttributeValue::N("1".to_owned())).send().await.unwrap();
    let until = now();
    for error in [
        store.load(&session, now()).await.unwrap_err(),
        store
            .replace(&session, cloakroom_store::store::conformance::nth(1, &entry("a")), &entry("a"), now())
            .await
            .unwrap_err(),
        store.touch(&session, now(), Some(until), now()).await.unwrap_err(),
        store.create(&session, &entry("a"), now()).await.unwrap_err(),
        store.end(&session, now()).await.unwrap_err(),
    ] {
        assert!(error.is_corrupt(), "{error}");
    }
    let page = store.scan(None, 100, now()).await.unwrap();
    assert_eq!(page.damaged, [session]);
    assert_eq!(page.sessions.iter().map(|session| session.key).collect::<Vec<_>>(), [whole]);
    // It doesn't protect the others.
    assert_eq!(end_all_before(&store, now() + LIFE, now()).await.unwrap(), 1);
    assert!(store.load(&session, now()).await.unwrap_err().is_corrupt());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_with_different_prefixes_see_only_their_own() {
    let server = DynamoDb::start();
    let [shop, blog] = ["shop:", "blog:"].map(|prefix| DynamoDbStore::new(client(server.port()), TABLE).prefix(prefix));
    shop.create_table().await.unwrap();
    let session = put(&shop, &owned("text", "ann")).await;
    assert_eq!(blog.load(&session, now()).await.unwrap(), cloakroom_store::store::Loaded::Absent);
    assert!(blog.owned("ann", None, 10, now()).await.unwrap().sessions.is_empty());
    assert!(blog.scan(None, 10, now()).await.unwrap().sessions.is_empty());
    assert_eq!(end_all_before(&blog, now() + LIFE, now()).await.unwrap(), 0);
    assert_eq!(shop.scan(None, 10, now()).await.unwrap().sessions.len(), 1);
}
