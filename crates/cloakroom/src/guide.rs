//! The guide, page by page; every block of code in it is compiled and run with the tests.

#[doc = include_str!("../../../docs/guide/factories.md")]
pub mod factories {}

#[doc = include_str!("../../../docs/guide/stores.md")]
pub mod stores {}

#[doc = include_str!("../../../docs/guide/axum.md")]
pub mod axum {}

#[doc = include_str!("../../../docs/guide/actix.md")]
pub mod actix {}

#[doc = include_str!("../../../docs/guide/pyramid.md")]
pub mod pyramid {}
