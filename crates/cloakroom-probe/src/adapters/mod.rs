//! The same pages on each adapter. Nothing is decided here: an adapter hands to a page what its
//! [`Maker`](crate::pages::Maker) asks for.

pub(crate) mod actix;
pub(crate) mod axum;
pub(crate) mod hyper;
