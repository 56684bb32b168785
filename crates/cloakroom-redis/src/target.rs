//! The choice of a server.

/// The server of a Cluster that a command is for; ignored with a single server.
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "only a Cluster looks at it"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    Key(&'a [u8]),
    #[cfg(feature = "cluster")]
    Slot(u16),
}
