//! Compressed text, unpacked as far as a session can be large.

use std::io::{Read as _, Write as _};

use cloakroom_session::Rejected;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// No session is larger, in bytes. A cookie of 4 kB could unpack to a thousand times that.
const MOST: u64 = 1 << 20;

/// Unpacks at most a megabyte.
pub(crate) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(bytes).take(MOST + 1).read_to_end(&mut unpacked);
    match read {
        Ok(_) if unpacked.len() as u64 > MOST => Err(Rejected::Bomb),
        Ok(_) => Ok(unpacked),
        Err(_) => Err(Rejected::Corrupt),
    }
}

/// The text compressed, if it can be.
pub(crate) fn deflate(text: &str) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}
