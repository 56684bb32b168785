// `Option<Session>` and `Result<Session, Error>` as arguments of a handler.

use axum::{Router, routing::get};
use cloakroom::{Error, Session};

async fn maybe(session: Option<Session>) -> String {
    session.is_some().to_string()
}

async fn fallible(session: Result<Session, Error>) -> String {
    session.is_ok().to_string()
}

fn main() {
    let _: Router = Router::new().route("/maybe", get(maybe)).route("/fallible", get(fallible));
}
