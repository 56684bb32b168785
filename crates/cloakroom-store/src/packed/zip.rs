//! Compression with zlib (RFC 1950), and decompression up to a limit.

/// The maximum length of a text before compression and after decompression: 4 MiB.
#[cfg(feature = "compress")]
pub(super) const MOST: usize = 4 << 20;

/// Compresses bytes, unless there are too many.
#[cfg(feature = "compress")]
pub(super) fn zip(bytes: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    if bytes.len() > MOST {
        return None;
    }
    // A commit waits for this, and the next level takes twice as long to save a few percent.
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(not(feature = "compress"))]
pub(super) const fn zip(_: &[u8]) -> Option<Vec<u8>> {
    None
}

/// Decompresses bytes, or returns the reason for failing.
#[cfg(feature = "compress")]
pub(super) fn unzip(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;

    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(bytes).take(MOST as u64 + 1).read_to_end(&mut unpacked);
    match read {
        Ok(_) if unpacked.len() > MOST => Err("it unpacks to more than 4 MiB"),
        Ok(_) => Ok(unpacked),
        Err(_) => Err("its compressed bytes are damaged"),
    }
}

#[cfg(not(feature = "compress"))]
pub(super) const fn unzip(_: &[u8]) -> Result<Vec<u8>, &'static str> {
    Err("it is compressed, and the feature `compress` is off")
}
