//! Log output as the engine gives it: pieces with the stream and the engine's time. Lines are made of them in `logs/`.

use super::{
    Docker, DockerError, log_bulk,
    log_file::{self, BrokenOff, LogFile},
};
use crate::{event::Stream as OutputStream, names::ContainerName};
use bollard::{
    container::LogOutput,
    query_parameters::{InspectContainerOptions, LogsOptionsBuilder},
};
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;

/// How many pieces are taken at once where they come one by one.
const READY: usize = 256;

/// A piece of output: a line, or a part of one that is longer than 16 KiB. It begins with the engine's time of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Where it was written.
    pub stream: OutputStream,
    /// RFC 3339 time, a space, and what was written.
    pub bytes: Bytes,
}

/// Which part of a container's output is read. The engine counts in whole seconds: more may come than was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogRange {
    /// Nothing older.
    pub since: Option<Timestamp>,
    /// Nothing newer.
    pub until: Option<Timestamp>,
    /// Only so many of the last pieces.
    pub tail: Option<usize>,
}

impl Docker {
    /// Follows a container's output until it ends.
    pub fn follow_logs(
        &self,
        name: &ContainerName,
        range: LogRange,
    ) -> impl Stream<Item = Result<LogChunk, DockerError>> + Send + use<> {
        self.read_logs(name, range.options().follow(true).build())
    }

    /// What a container has written so far.
    pub fn written_logs(
        &self,
        name: &ContainerName,
        range: LogRange,
    ) -> impl Stream<Item = Result<LogChunk, DockerError>> + Send + use<> {
        self.read_logs(name, range.options().build())
    }

    /// The same, many pieces at once. Ends where the engine breaks off, too.
    pub async fn written_in_bulk(&self, name: &ContainerName, range: LogRange) -> BoxStream<'static, Vec<LogChunk>> {
        let file = if range == LogRange::default() { self.log_file(name).await } else { None };
        let Some(file) = file else { return self.given_in_bulk(name, range).await };
        let (mut batches, ended) = file.read();
        let (docker, name) = (self.clone(), name.clone());
        let rest = async move {
            match ended.await {
                Ok(Err(BrokenOff { given })) => without_first(given, docker.given_in_bulk(&name, range).await),
                // The program ends.
                Ok(Ok(())) | Err(_) => stream::empty().boxed(),
            }
        };
        stream::poll_fn(move |context| batches.poll_recv(context)).chain(stream::once(rest).flatten()).boxed()
    }

    /// Where the engine keeps it, when that is here and can be read.
    async fn log_file(&self, name: &ContainerName) -> Option<LogFile> {
        self.endpoint.strip_prefix("unix://")?;
        let container = self.client.inspect_container(name.as_str(), None::<InspectContainerOptions>).await.ok()?;
        let path = log_file::place(&container)?;
        let file = tokio::fs::File::open(&path).await.ok()?.into_std().await;
        let last = self.last_logs(name, 1).next().await?.ok()?;
        tokio::task::spawn_blocking(move || LogFile::confirm(file, &path, &last)).await.ok()?
    }

    /// Over the API.
    async fn given_in_bulk(&self, name: &ContainerName, range: LogRange) -> BoxStream<'static, Vec<LogChunk>> {
        if let Some(socket) = self.endpoint.strip_prefix("unix://")
            && let Some(mut batches) = log_bulk::read(socket, self.log_path(name, range)).await
        {
            return stream::poll_fn(move |context| batches.poll_recv(context)).boxed();
        }
        let whole = |pieces: Vec<Result<LogChunk, DockerError>>| pieces.into_iter().map_while(Result::ok).collect();
        self.written_logs(name, range).ready_chunks(READY).map(whole).boxed()
    }

    /// What is asked for, as bollard would.
    fn log_path(&self, name: &ContainerName, range: LogRange) -> String {
        let version = self.client.client_version();
        let (since, until) = (range.since.map(seconds), range.until.map(seconds));
        let until = until.map(|until| until.saturating_add(1));
        let limits = [("since", since.map(|since| since.to_string())), ("until", until.map(|until| until.to_string()))];
        let mut path = format!("/v{version}/containers/{name}/logs?stdout=true&stderr=true&timestamps=true");
        for (key, value) in limits.into_iter().chain([("tail", range.tail.map(|tail| tail.to_string()))]) {
            if let Some(value) = value {
                path.push_str(&format!("&{key}={value}"));
            }
        }
        path
    }

    /// The last pieces of a container's output.
    pub fn last_logs(
        &self,
        name: &ContainerName,
        count: usize,
    ) -> impl Stream<Item = Result<LogChunk, DockerError>> + Send + use<> {
        self.written_logs(name, LogRange { tail: Some(count), ..LogRange::default() })
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

/// All but so many pieces of the beginning.
fn without_first(mut count: usize, batches: BoxStream<'static, Vec<LogChunk>>) -> BoxStream<'static, Vec<LogChunk>> {
    let rest = move |mut pieces: Vec<LogChunk>| {
        let known = count.min(pieces.len());
        count -= known;
        pieces.drain(..known);
        pieces
    };
    batches.map(rest).boxed()
}

fn seconds(time: Timestamp) -> i32 {
    i32::try_from(time.as_second()).unwrap_or_default()
}

impl LogRange {
    fn options(self) -> LogsOptionsBuilder {
        let mut options = LogsOptionsBuilder::default();
        if let Some(since) = self.since {
            options = options.since(seconds(since));
        }
        if let Some(until) = self.until {
            options = options.until(seconds(until).saturating_add(1));
        }
        match self.tail {
            Some(count) => options.tail(&count.to_string()),
            None => options,
        }
    }
}
