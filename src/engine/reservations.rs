//! Host ports that a command is about to take. Between looking and starting lie seconds; another command of the same user chooses
//! others meanwhile. A container whose port was taken in between can be made anew, but Docker 20.10 now and then counts its
//! endpoint for ever, and the project's network cannot be removed any more.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

/// What one command has reserved. Clones share it.
#[derive(Clone, Debug)]
pub struct Reservations {
    folder: PathBuf,
    held: Arc<Mutex<BTreeMap<u16, File>>>,
}

impl Reservations {
    /// Nothing is reserved yet; `folder` is the folder of the locks.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, held: Arc::default() }
    }

    /// Whether nobody else has reserved a port; from now on it is ours. Where that cannot be known it is assumed.
    pub fn take(&self, port: u16) -> bool {
        let mut held = self.held();
        if held.contains_key(&port) {
            return true;
        }
        let path = self.folder.join(format!("port-{port}.lock"));
        let _ = fs::create_dir_all(&self.folder);
        let Ok(file) = OpenOptions::new().write(true).create(true).truncate(false).open(path) else { return true };
        match file.try_lock() {
            Ok(()) => drop(held.insert(port, file)),
            Err(fs::TryLockError::WouldBlock) => return false,
            Err(fs::TryLockError::Error(_)) => {}
        }
        true
    }

    /// Lets go of one.
    pub fn leave(&self, port: u16) {
        self.held().remove(&port);
    }

    /// Lets go of all: whatever was to be started holds its ports itself.
    pub fn leave_all(&self) {
        self.held().clear();
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u16, File>> {
        self.held.lock().expect("nothing panics while it is held")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_one_commands_until_it_lets_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = [(); 2].map(|()| Reservations::new(folder.path().join("locks")));
        assert!(one.take(3500) && one.take(3500) && one.clone().take(50001));
        assert!(!other.take(3500) && !other.take(50001) && other.take(8000));
        one.leave(3500);
        assert!(other.take(3500) && !other.take(50001) && !one.take(3500));
        one.leave_all();
        assert!(other.take(50001));
        drop(other);
        assert!(one.take(3500), "it goes with who had it");
    }
}
