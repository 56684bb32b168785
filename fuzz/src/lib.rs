//! The code that the targets for cookies of other frameworks share.

use cloakroom_bridge::{CookieFormat, IncomingCookie, OutgoingCookie, SealContext};
use cloakroom_core::Record;
use hmac::digest::Digest;
use hmac::digest::block_api::BlockSizeUser;
use hmac::{KeyInit as _, Mac as _, SimpleHmac};

/// Seals a session that was opened, and opens it again.
pub fn reopen(format: &impl CookieFormat, record: &Record, sealing: SealContext<'_>) -> (OutgoingCookie, Record) {
    let sealed = format.seal(record, sealing).expect("an opened session can be sealed");
    let cookie = IncomingCookie::new(sealing.name, &sealed.value).with_companion(sealed.companion.as_deref());
    let again = format.open(cookie.at(sealing.now), sealing.lifetimes).expect("a sealed session can be opened");
    (sealed, again)
}

/// Checks that a session that was opened survives sealing and opening again. Returns it as opened
/// again.
pub fn survives(format: &impl CookieFormat, record: &Record, sealing: SealContext<'_>) -> Record {
    let (sealed, again) = reopen(format, record, sealing);
    same(record, &again);
    let twice = format.seal(&again, sealing).expect("it can be sealed again");
    assert_eq!(twice, sealed, "sealing again gives the same value");
    again
}

/// Checks that two records have the same content.
pub fn same(one: &Record, other: &Record) {
    assert!(one.entries().eq(other.entries()) && one.flashes().eq(other.flashes()));
    assert_eq!(one.csrf(), other.csrf());
}

/// Returns the HMAC of a text.
pub fn mac<D: Digest + BlockSizeUser>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = SimpleHmac::<D>::new_from_slice(key).expect("any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}
