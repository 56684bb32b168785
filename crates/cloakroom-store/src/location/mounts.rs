//! Finds the file system of a path, from the mount list that Linux keeps for each process.

use std::path::{Path, PathBuf};

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// Its type, such as `ext4` or `fuse.sshfs`.
    pub kind: String,
    /// The mount point.
    pub at: PathBuf,
}

/// Network file systems of the kernel, by their names in the mount list.
const NETWORK: [&str; 16] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "smb3",
    "smbfs",
    "vboxsf",
];

/// Network file systems in user space. The mount list prefixes them with `fuse.`.
const FUSE: [&str; 18] = [
    "ceph",
    "ceph-fuse",
    "curlftpfs",
    "davfs",
    "davfs2",
    "gcsfuse",
    "glusterfs",
    "goofys",
    "juicefs",
    "mfs",
    "moosefs",
    "mount-s3",
    "mountpoint-s3",
    "rclone",
    "s3fs",
    "seaweedfs",
    "smbnetfs",
    "sshfs",
];

impl Mount {
    /// Finds the mount of a path in the text of `/proc/self/mountinfo`.
    ///
    /// Symbolic links in the path must be resolved.
    ///
    /// The longest mount point wins. Among equal ones the last wins, because it covers the others.
    pub fn of(path: &Path, mounts: &str) -> Option<Self> {
        let mounts = mounts.lines().filter_map(Self::parse).filter(|mount| path.starts_with(&mount.at));
        mounts.max_by_key(|mount| mount.at.components().count())
    }

    /// Returns whether other machines may mount it too.
    ///
    /// Locks and shared memory only work between processes of one machine.
    #[must_use]
    pub fn is_network(&self) -> bool {
        match self.kind.strip_prefix("fuse.") {
            Some(program) => FUSE.contains(&program),
            None => NETWORK.contains(&self.kind.as_str()),
        }
    }

    /// Parses a line such as `36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw`,
    /// with any number of fields before the hyphen.
    fn parse(line: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let (at, kind) = (place.split(' ').nth(4)?, kind.split(' ').next()?);
        Some(Self { kind: kind.to_owned(), at: unescaped(at).into() })
    }
}

/// Decodes octal escapes. The kernel writes spaces, tabs, line feeds and backslashes as a backslash
/// and three octal digits.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split('\\');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let escaped = piece.split_at_checked(3).and_then(|(digits, rest)| {
            let sign = u8::from_str_radix(digits, 8).ok().filter(u8::is_ascii)?;
            Some((char::from(sign), rest))
        });
        match escaped {
            Some((sign, rest)) => {
                plain.push(sign);
                plain.push_str(rest);
            }
            None => {
                plain.push('\\');
                plain.push_str(piece);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Mount;

    fn line(at: &str, kind: &str) -> String {
        format!("36 35 98:0 / {at} rw,noatime shared:1 master:2 - {kind} somewhere:/ rw,errors=continue\n")
    }

    #[test]
    fn each_network_file_system_is_known() {
        let table = [
            ("nfs", true),
            ("nfs4", true),
            ("cifs", true),
            ("smb3", true),
            ("9p", true),
            ("fuse.sshfs", true),
            ("fuse.glusterfs", true),
            ("fuse.rclone", true),
            ("ceph", true),
            ("glusterfs", true),
            ("lustre", true),
            ("afs", true),
            ("ext4", false),
            ("xfs", false),
            ("btrfs", false),
            ("zfs", false),
            ("tmpfs", false),
            ("overlay", false),
            ("fuse", false),
            ("fuseblk", false),
            ("fuse.ntfs-3g", false),
            ("nfsd", false),
            ("sshfs", false),
        ];
        for (kind, is_network) in table {
            let mounts = line("/", "ext4") + &line("/srv", kind);
            let mount = Mount::of(Path::new("/srv/sessions.db"), &mounts).unwrap();
            assert_eq!((mount.kind.as_str(), mount.is_network()), (kind, is_network), "{kind}");
        }
    }

    #[test]
    fn the_longest_mount_point_wins() {
        let mounts = [
            "21 1 8:1 / / rw - ext4 /dev/sda rw\n".to_owned(),
            line("/srv", "nfs4"),
            line("/srv/local", "xfs"),
            line("/srv/local/far", "ceph"),
            line("/srv/two\\040words", "cifs"),
            line("/srv/two", "btrfs"),
            line("/srv/a\\134b\\011c\\012d", "smb3"),
            line("/srv/odd\\04", "9p"),
            line("/auto", "autofs"),
            line("/auto", "nfs"),
            "22 21 0:5 /sub /plain rw,nosuid - lustre source rw\n".to_owned(),
            "half a line - nfs\n\n".to_owned(),
        ]
        .concat();
        let table = [
            ("the root", "/var/lib/sessions", "/", "ext4"),
            ("a mount", "/srv/sessions.db", "/srv", "nfs4"),
            ("the mount point itself", "/srv", "/srv", "nfs4"),
            ("one inside it", "/srv/local/sessions.db", "/srv/local", "xfs"),
            ("one inside that", "/srv/local/far/a/sessions.db", "/srv/local/far", "ceph"),
            ("a name that only begins alike", "/srv/locally/sessions.db", "/srv", "nfs4"),
            ("a space", "/srv/two words/sessions.db", "/srv/two words", "cifs"),
            ("the first of these words", "/srv/two/sessions.db", "/srv/two", "btrfs"),
            ("a backslash, a tab and a line end", "/srv/a\\b\tc\nd/x", "/srv/a\\b\tc\nd", "smb3"),
            ("what isn't escaped", "/srv/odd\\04/x", "/srv/odd\\04", "9p"),
            ("one mounted over another", "/auto/x", "/auto", "nfs"),
            ("no optional fields", "/plain/x", "/plain", "lustre"),
        ];
        for (row, path, at, kind) in table {
            let mount = Mount::of(Path::new(path), &mounts).unwrap();
            assert_eq!((mount.at.as_path(), mount.kind.as_str()), (Path::new(at), kind), "{row}");
        }
        assert_eq!(Mount::of(Path::new("relative"), &mounts), None);
        assert_eq!(Mount::of(Path::new("/srv"), ""), None);
    }
}
