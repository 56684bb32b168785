//! The check of a password, for the programs in `before`.

/// Stands for a library for password hashes. It is compiled and never called.
pub(crate) fn is_right(password: &str, hash: &str) -> bool {
    password == hash
}
