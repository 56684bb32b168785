//! Extractors that frameworks must find beside the types themselves.
//!
//! Rust lets only the crate of a type or of a trait implement one for the other. Handlers name [`Session`](crate::Session) and
//! [`Error`](crate::Error), so their framework traits are implemented here, behind a feature each; everything else that
//! belongs to a framework is in its adapter crate.

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "poem")]
mod poem;
#[cfg(feature = "rocket")]
mod rocket;
