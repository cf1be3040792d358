//! Ctrl-C and SIGTERM: how often so far.

use crate::error::Interruption;
use tokio::sync::watch;

/// Hears the signals of the process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupts {
    heard: watch::Receiver<(u32, Interruption)>,
}

impl Interrupts {
    /// Begins to listen; from here on a signal does not end the process by itself.
    pub fn listen() -> Self {
        let (sender, heard) = watch::channel((0, Interruption::Interrupt));
        let note = move |interruption| {
            sender.send_modify(|(count, kind)| {
                *count += 1;
                *kind = interruption;
            });
        };
        tokio::spawn(listen(note));
        Self { heard }
    }

    /// Waits until there have been so many.
    pub async fn reach(&self, count: u32) -> Interruption {
        let mut heard = self.heard.clone();
        match heard.wait_for(|(so_far, _)| *so_far >= count).await {
            Ok(state) => state.1,
            // The listener is gone only when signals cannot be heard at all: then none will come.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
async fn listen(note: impl Fn(Interruption)) {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else { return };
    loop {
        tokio::select! {
            Some(()) = interrupt.recv() => note(Interruption::Interrupt),
            Some(()) = terminate.recv() => note(Interruption::Terminate),
            else => return,
        }
    }
}

#[cfg(not(unix))]
async fn listen(note: impl Fn(Interruption)) {
    while tokio::signal::ctrl_c().await.is_ok() {
        note(Interruption::Interrupt);
    }
}
