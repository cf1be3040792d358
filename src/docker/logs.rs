//! Log output as the engine gives it: pieces with the stream and the engine's time. Lines are made of them in `logs/`.

use super::{Docker, DockerError};
use crate::{event::Stream as OutputStream, names::ContainerName};
use bollard::{container::LogOutput, query_parameters::LogsOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// A piece of output: a line, or a part of one that is longer than 16 KiB. It begins with the engine's time of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Where it was written.
    pub stream: OutputStream,
    /// RFC 3339 time, a space, and what was written.
    pub bytes: Bytes,
}

impl Docker {
    /// Follows a container's output from a time on (seconds of the Unix epoch) until it ends.
    pub fn follow_logs(
        &self,
        name: &ContainerName,
        since: i64,
    ) -> impl Stream<Item = Result<LogChunk, DockerError>> + Send + use<> {
        let since = i32::try_from(since).unwrap_or(0);
        self.read_logs(name, LogsOptionsBuilder::default().follow(true).since(since).build())
    }

    /// The last pieces of a container's output.
    pub fn last_logs(
        &self,
        name: &ContainerName,
        count: usize,
    ) -> impl Stream<Item = Result<LogChunk, DockerError>> + Send + use<> {
        self.read_logs(name, LogsOptionsBuilder::default().tail(&count.to_string()).build())
    }

    fn read_logs(
        &self,
        name: &ContainerName,
        mut options: bollard::query_parameters::LogsOptions,
    ) -> impl Stream<Item = Result<LogChunk, DockerError>> + Send + use<> {
        options.stdout = true;
        options.stderr = true;
        options.timestamps = true;
        let (name, endpoint) = (name.clone(), self.endpoint.clone());
        let client = self.client.clone();
        client.logs(name.as_str(), Some(options)).map(move |piece| match piece {
            Ok(LogOutput::StdErr { message }) => Ok(LogChunk { stream: OutputStream::Stderr, bytes: message }),
            Ok(LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message }) => {
                Ok(LogChunk { stream: OutputStream::Stdout, bytes: message })
            }
            Err(error) => Err(DockerError::of("read the log of", &name, &error, &endpoint)),
        })
    }
}
