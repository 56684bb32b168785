//! The result of anything that can fail here. Failures are only printed.

pub type Failure = Box<dyn std::error::Error>;
pub type Fallible<T> = Result<T, Failure>;
