//! The example over HTTP.

cloakroom_smoke::scenarios!(env!("CARGO_BIN_EXE_cloakroom-example-axum"));
