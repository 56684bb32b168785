//! The body of requests.

use bytes::Bytes;

/// The body of poem's requests.
pub(crate) type BoxBody = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;
