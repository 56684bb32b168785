//! Rails' encrypted cookies.

use cloakroom_servers::Foreign;

use crate::side::Side;
use crate::turns::{Abilities, Signs, Turns, USUAL};

/// A Rails flash holds one message per name and drops it after the next request. A list is several
/// messages to us.
const RAILS: Abilities = Abilities { queues: false, levels: false, ..USUAL };

pub(crate) fn pair(backend: &str, digest: &str, more: &[&str], ours: &[&str]) -> [Side; 2] {
    let secret = "0123456789abcdef".repeat(8);
    let theirs = [&["--secret", &secret, "--digest", digest, "--cookie-name", "session"], more].concat();
    [Side::theirs(Foreign::rails(&theirs)), Side::ours(&[&["--backend", backend, "--secret", &secret], ours].concat())]
}

#[test]
fn keys_derived_with_sha256() {
    let [theirs, ours] = pair("rails", "SHA256", &[], &[]);
    Turns::between("rails, SHA-256", theirs, ours).all(RAILS);
}

#[test]
fn keys_derived_with_sha1() {
    let [theirs, ours] = pair("rails:sha1", "SHA1", &["--expire-after", "3600"], &["--idle", "3600"]);
    Turns::between("rails, SHA-1, expire_after", theirs, ours)
        .all(Abilities { lifetime: Some((3599.0, 3601.5)), ..RAILS });
}

#[test]
fn signed() {
    let [theirs, ours] = pair("rails:signed", "SHA256", &["--jar", "signed"], &[]);
    Turns::between("rails, signed", theirs, ours).all(RAILS);
}

#[test]
fn without_metadata() {
    let [theirs, ours] = pair("rails:bare", "SHA256", &["--metadata", "no"], &[]);
    Turns::between("rails, without metadata", theirs, ours).all(RAILS);
}

#[test]
fn rotated_secrets() {
    Turns::rotated("rails, rotated", Signs::EachWrite, |secret, previous| {
        let mut theirs = vec!["--secret", secret, "--digest", "SHA256", "--cookie-name", "session"];
        let mut ours = vec!["--backend", "rails", "--secret", secret];
        for side in [&mut theirs, &mut ours] {
            side.extend(previous.into_iter().flat_map(|previous| ["--previous", previous]));
        }
        [Side::theirs(Foreign::rails(&theirs)), Side::ours(&ours)]
    });
}
