//! Why the system does not tell of changes, and what a person can do about it. Pure.

use std::path::{Path, PathBuf};

/// Something a person should know about how files are watched; an [`crate::event::EventKind::Notice`] in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Stable, `sandbox::watch::…`.
    pub code: &'static str,
    /// What is so.
    pub message: String,
    /// What can be done.
    pub help: Option<String>,
}

/// Why files have to be compared again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// All of `fs.inotify.max_user_instances` are in use; what it is set to, where that could be read.
    Instances(Option<u64>),
    /// All of `fs.inotify.max_user_watches` are in use.
    Watches(Option<u64>),
    /// The process may not open more files.
    OpenFiles,
    /// A folder is on a file system that others can change behind this system's back.
    Remote {
        /// The folder.
        folder: PathBuf,
        /// For example `nfs4`.
        kind: String,
    },
    /// Anything else.
    Other(String),
}

impl Trouble {
    /// What to say.
    pub fn note(&self) -> Note {
        let (code, cause, help) = match self {
            Self::Instances(set) => limit("sandbox::watch::instances", "max_user_instances", *set, 1024),
            Self::Watches(set) => limit("sandbox::watch::watches", "max_user_watches", *set, 524_288),
            Self::OpenFiles => {
                let cause = "this process may not open more files".to_owned();
                ("sandbox::watch::open-files", cause, Some("`ulimit -n 4096` before it is started".to_owned()))
            }
            Self::Remote { folder, kind } => {
                let cause = format!("{} is on {kind}, where a change need not be heard of", folder.display());
                ("sandbox::watch::remote", cause, None)
            }
            Self::Other(reason) => {
                ("sandbox::watch::failed", format!("the system cannot tell of changes ({reason})"), None)
            }
        };
        Note { code, message: format!("{cause}: the watched files are compared every 500 ms instead"), help }
    }
}

/// `enough` is what other tools ask for; a limit that is there already is doubled.
fn limit(code: &'static str, name: &str, set: Option<u64>, enough: u64) -> (&'static str, String, Option<String>) {
    let value = set.map_or(enough, |set| enough.max(set.saturating_mul(2)));
    let shown = set.map(|set| format!(" ({set})")).unwrap_or_default();
    let cause = format!("other programs use all that `fs.inotify.{name}`{shown} allows");
    (code, cause, Some(format!("`sudo sysctl fs.inotify.{name}={value}`, then start again")))
}

/// File systems on which another machine, or the other side of a virtual one, changes files unheard.
const REMOTE: [&str; 13] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "drvfs",
    "virtiofs",
    "vboxsf",
    "prl_fs",
    "ceph",
    "fuse.sshfs",
    "fuse.vmhgfs-fuse",
];

/// The first of the folders that is on such a file system, by `/proc/self/mountinfo`.
pub fn remote<'a>(folders: impl IntoIterator<Item = &'a Path>, mountinfo: &str) -> Option<Trouble> {
    let mounts: Vec<_> = mountinfo.lines().filter_map(mount).collect();
    folders.into_iter().find_map(|folder| {
        // Of two mounts at one place the later hides the earlier, and `max_by_key` takes the last.
        let of = mounts.iter().filter(|(at, _)| folder.starts_with(at)).max_by_key(|(at, _)| at.components().count());
        let (_, kind) = of.filter(|(_, kind)| REMOTE.contains(kind))?;
        Some(Trouble::Remote { folder: folder.to_owned(), kind: (*kind).to_owned() })
    })
}

/// `36 35 98:0 / /where options optional… - type source options`, with blanks in paths as `\040`.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let at = before.split(' ').nth(4)?.replace("\\040", " ");
    Some((at.into(), after.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_raises_a_limit_is_said() {
        let note = Trouble::Watches(Some(8192)).note();
        assert_eq!(note.help.as_deref(), Some("`sudo sysctl fs.inotify.max_user_watches=524288`, then start again"));
        let note = Trouble::Watches(Some(1_048_576)).note();
        assert_eq!(note.help.as_deref(), Some("`sudo sysctl fs.inotify.max_user_watches=2097152`, then start again"));
        let note = Trouble::Instances(None).note();
        assert_eq!(note.help.as_deref(), Some("`sudo sysctl fs.inotify.max_user_instances=1024`, then start again"));
        assert!(
            note.message.ends_with(
                "`fs.inotify.max_user_instances` allows: the watched files are compared every 500 ms instead"
            )
        );
    }

    #[test]
    fn the_nearest_and_latest_mount_decides() {
        let mountinfo = "\
            21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            30 21 0:50 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync\n\
            31 21 0:51 / /my\\040share rw - nfs4 host:/export rw\n\
            32 31 0:52 / /my\\040share/local rw - tmpfs tmpfs rw\n\
            33 21 0:53 / /twice rw - nfs host:/export rw\n\
            34 21 0:54 / /twice rw - ext4 /dev/sdb1 rw\n";
        let kind = |path: &str| match remote([Path::new("/home"), Path::new(path)], mountinfo) {
            Some(Trouble::Remote { kind, .. }) => Some(kind),
            _ => None,
        };
        assert_eq!(kind("/mnt/c/project").as_deref(), Some("9p"));
        assert_eq!(kind("/mnt/cat"), None);
        assert_eq!(kind("/my share/project").as_deref(), Some("nfs4"));
        assert_eq!(kind("/my share/local/project"), None);
        assert_eq!(kind("/twice/project"), None);
    }
}
