//! The same pages on each adapter. An adapter makes no decisions: it passes to a page the argument
//! that its [`Maker`](crate::pages::Maker) requires.

pub(crate) mod actix;
pub(crate) mod axum;
pub(crate) mod hyper;
