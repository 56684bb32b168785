// actix-web without the feature `actix`.
//~ gated behind the `actix` feature

use cloakroom::for_actix::SessionMiddleware;

fn main() {
    let _ = SessionMiddleware::new;
}
