// All names of the root, next to the crate of a framework.

use axum::{Router, routing::get};
use cloakroom::*;

async fn visit(session: Session) -> Result<String, Error> {
    session.update("visits", |visits: &mut u32| *visits += 1)?;
    Ok(String::new())
}

fn main() -> Result<(), ConfigError> {
    let sessions = StoredSessions::new(MemoryStore::new()).build()?;
    let _: axum::Router = Router::new().route("/", get(visit)).layer(SessionLayer::new(sessions));
    Ok(())
}
