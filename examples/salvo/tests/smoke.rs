//! The example over real HTTP.

cloakroom_smoke::scenarios!(env!("CARGO_BIN_EXE_cloakroom-example-salvo"));
