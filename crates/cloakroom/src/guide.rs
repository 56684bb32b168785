//! The guide, page by page; every block of code in it is compiled and run with the tests.

#[doc = include_str!("../../../docs/guide/factories.md")]
pub mod factories {}

#[doc = include_str!("../../../docs/guide/stores.md")]
pub mod stores {}

#[doc = include_str!("../../../docs/guide/pyramid.md")]
pub mod pyramid {}

#[doc = include_str!("../../../docs/guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../../../docs/guide/cli.md")]
pub mod cli {}
