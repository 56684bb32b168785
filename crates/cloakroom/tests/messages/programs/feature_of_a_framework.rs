// actix-web without the feature `actix`.
//~ could not find `for_actix` in `cloakroom`
//~ gated behind the `actix` feature

use cloakroom::for_actix::SessionMiddleware;

fn main() {
    let _ = SessionMiddleware::new;
}
