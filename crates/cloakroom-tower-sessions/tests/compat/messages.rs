//! The example application of axum-messages, and its test.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use axum_messages::{Messages, MessagesManagerLayer, Metadata};

use crate::browser::Site;

async fn set(messages: Messages) -> Redirect {
    messages.info("Hello, world!").debug("This is a debug message.");
    Redirect::to("/read-messages")
}

async fn set_with_metadata(messages: Messages) -> Redirect {
    let metadata = Metadata::from([("foo".to_owned(), "bar".into())]);
    messages.debug_with_metadata("Hello, world!", metadata).info("This is an info message.");
    Redirect::to("/read-messages")
}

async fn read(messages: Messages) -> String {
    let lines: Vec<_> = messages.map(|it| format!("{}: {it} {:?}", it.level, it.metadata)).collect();
    if lines.is_empty() { "No messages yet!".to_owned() } else { lines.join(", ") }
}

fn site() -> Site {
    let routes = Router::new()
        .route("/", get(set))
        .route("/set-message", get(set_with_metadata))
        .route("/read-messages", get(read))
        .layer(MessagesManagerLayer);
    Site::new(routes)
}

#[tokio::test]
async fn messages_appear_once() {
    let site = site();
    let mut browser = site.browser();
    assert_eq!(browser.get("/read-messages").await.text, "No messages yet!");
    assert!(browser.cookies.is_empty(), "a visitor without messages has no cookie");
    let answer = browser.visit("/").await;
    assert_eq!(answer.text, "Info: Hello, world! None, Debug: This is a debug message. None");
    assert_eq!(browser.get("/read-messages").await.text, "No messages yet!");
}

/// The test of axum-messages.
#[tokio::test]
async fn messages_keep_their_metadata() {
    let answer = site().browser().visit("/set-message").await;
    assert_eq!(
        answer.text,
        "Debug: Hello, world! Some({\"foo\": String(\"bar\")}), Info: This is an info message. None"
    );
}
