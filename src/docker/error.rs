//! What the engine refused, and what to do about it. Pure.

use bollard::errors::Error as ClientError;
use std::{error::Error, io};

/// A call that failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DockerError {
    /// Nobody answers.
    #[error("cannot reach Docker at {endpoint}: {reason}")]
    #[diagnostic(code(sandbox::docker::unreachable), help("{help}"))]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// Why not.
        reason: String,
        /// The next command.
        help: String,
    },
    /// It was reached, and then never answered.
    #[error("Docker could not {operation} {target}: no answer in time")]
    #[diagnostic(
        code(sandbox::docker::hangs),
        help(
            "an engine that hangs must be restarted (`sudo systemctl restart docker`, or Docker Desktop; 20.10 can lock itself up \
             when several containers of a network end at once); then the same command goes on with what is there"
        )
    )]
    Hangs {
        /// What was asked, as a verb.
        operation: &'static str,
        /// For what.
        target: String,
    },
    /// An answer that is an error.
    #[error("Docker could not {operation} {target}: {reason}")]
    #[diagnostic(code(sandbox::docker::call))]
    Call {
        /// What was asked, as a verb.
        operation: &'static str,
        /// For what.
        target: String,
        /// The HTTP status, where there was an answer.
        status: Option<u16>,
        /// The engine's words.
        reason: String,
    },
}

impl DockerError {
    /// Whether the engine says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Call { status: Some(404), .. })
    }

    /// Whether the engine has several things of that name.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Call { reason, .. } if reason.contains("is ambiguous"))
    }

    /// Whether something is still on a network, in the engine's words (20.10 to 29).
    pub fn has_active_endpoints(&self) -> bool {
        matches!(self, Self::Call { reason, .. } if reason.contains("has active endpoints"))
    }

    /// Whether the engine says that it is so already, or that the name is taken.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Call { status: Some(409), .. })
    }

    /// Whether a host port that a container wants is somebody else's: the engine's words for a container (libnetwork's
    /// `portallocator`, 20.10 to 29) and for a process.
    pub fn is_port_taken(&self) -> bool {
        const WORDS: [&str; 2] = ["port is already allocated", "address already in use"];
        matches!(self, Self::Call { reason, .. } if WORDS.iter().any(|words| reason.contains(words)))
    }

    pub(super) fn of(operation: &'static str, target: impl ToString, error: &ClientError, endpoint: &str) -> Self {
        if let Some(kind) = connection_error(error) {
            return Self::unreachable(endpoint, kind);
        }
        let target = target.to_string();
        let (status, reason) = match error {
            ClientError::RequestTimeoutError => return Self::Hangs { operation, target },
            ClientError::DockerResponseServerError { status_code, message } => (Some(*status_code), message.clone()),
            ClientError::DockerStreamError { error } => (None, error.clone()),
            other => (None, innermost(other)),
        };
        Self::Call { operation, target, status, reason: reason.trim().to_owned() }
    }

    /// Somebody answers, and is of no use: refuses its own version, or is no engine at all.
    pub(super) fn refused(error: &ClientError, endpoint: &str) -> Self {
        match Self::of("talk to", "the engine", error, endpoint) {
            Self::Call { reason, .. } => Self::Unreachable {
                endpoint: endpoint.to_owned(),
                reason,
                help: "see whether `docker info` answers, else restart Docker".to_owned(),
            },
            Self::Hangs { .. } => Self::unreachable(endpoint, io::ErrorKind::TimedOut),
            unreachable => unreachable,
        }
    }

    pub(super) fn unreachable(endpoint: &str, kind: io::ErrorKind) -> Self {
        let (reason, help) = match kind {
            io::ErrorKind::PermissionDenied => (
                "permission denied",
                "add yourself to the group that owns the socket (`sudo usermod -aG docker $USER`, then log in again)",
            ),
            io::ErrorKind::NotFound => (
                "there is no such socket",
                "start Docker (`sudo systemctl start docker`, or Docker Desktop), or set DOCKER_HOST to where it is",
            ),
            io::ErrorKind::TimedOut => ("no answer in time", "see whether `docker info` answers, else restart Docker"),
            _ => (
                "nobody listens there",
                "start Docker (`sudo systemctl start docker`, or Docker Desktop), or set DOCKER_HOST to where it is",
            ),
        };
        Self::Unreachable { endpoint: endpoint.to_owned(), reason: reason.to_owned(), help: help.to_owned() }
    }
}

/// «No engine» arrives as a missing socket, or as an I/O error deep in the chain of sources (bollard 0.21).
fn connection_error(error: &ClientError) -> Option<io::ErrorKind> {
    match error {
        ClientError::SocketNotFoundError(_) => Some(io::ErrorKind::NotFound),
        ClientError::HyperLegacyError { err } if err.is_connect() => {
            Some(io_kind(err).unwrap_or(io::ErrorKind::ConnectionRefused))
        }
        _ => None,
    }
}

fn io_kind(error: &dyn Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return Some(cause.kind());
        }
        source = cause.source();
    }
    None
}

fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use miette::Diagnostic;

    #[test]
    fn an_engine_that_hangs_is_told_from_one_that_refuses() {
        let hangs = DockerError::of("list", "containers", &ClientError::RequestTimeoutError, "unix:///run/docker.sock");
        assert_eq!(hangs.to_string(), "Docker could not list containers: no answer in time");
        let help = hangs.help().expect("it says what to do").to_string();
        assert!(help.contains("systemctl restart docker"), "{help}");
        assert_eq!(Failure::from(hangs).exit_code(), 3);
        let refused = DockerError::refused(&ClientError::RequestTimeoutError, "unix:///run/docker.sock");
        assert_eq!(refused.to_string(), "cannot reach Docker at unix:///run/docker.sock: no answer in time");
    }
}
