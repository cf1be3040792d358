//! The Docker engine: the only folder that names bollard. One type, one method per call group, no decisions.

mod apply;
mod build;
pub mod connect;
mod convert;
mod error;
#[cfg(all(test, unix))]
mod fake;
mod file;
mod image;
mod inspect;
pub mod labels;
mod log_bulk;
mod log_file;
mod log_frames;
mod log_json;
mod logs;
mod observe;
mod usage;
mod watch;

pub use error::DockerError;
pub use image::PullProgress;
pub use inspect::{Ending, Inspection};
pub use logs::{LogChunk, LogRange};
pub use observe::ForeignPort;
pub use usage::Usage;
pub use watch::{ContainerChange, ContainerEvent};

/// A connection to the engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Docker {
    client: bollard::Docker,
    /// Where it is, for messages.
    endpoint: String,
}

impl Docker {
    /// Where the engine is reached.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}
