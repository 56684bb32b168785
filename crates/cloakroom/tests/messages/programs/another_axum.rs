// An application with axum 0.7.
//~ Handler<_, _>` is not satisfied

use axum07::Router;
use axum07::routing::get;
use cloakroom::Session;

async fn page(session: Session) -> String {
    session.owner().unwrap_or_default()
}

fn main() {
    let _: Router = Router::new().route("/", get(page));
}
