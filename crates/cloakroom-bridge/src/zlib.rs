//! Compressed text, decompressed up to a size limit.

use std::io::{Read as _, Write as _};

use cloakroom_session::factory::Rejected;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// The size limit of a session, in bytes. A cookie of 4 kB could decompress to a thousand times
/// that.
const MOST: u64 = 1 << 20;

/// Decompresses at most one megabyte.
pub(crate) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(bytes).take(MOST + 1).read_to_end(&mut unpacked);
    match read {
        Ok(_) if unpacked.len() as u64 > MOST => Err(Rejected::Bomb),
        Ok(_) => Ok(unpacked),
        Err(_) => Err(Rejected::Corrupt),
    }
}

/// Compresses the text; `None` if that fails.
pub(crate) fn deflate(text: &str) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}
