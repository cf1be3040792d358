//! A connection to a peer that may say anything: reads are bounded, and what goes wrong is a [`NotYet`] that names the
//! address. Time is bounded around a whole attempt by [`within`].

use super::{Kind, NotYet};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Ends an attempt that takes longer than it may.
pub(crate) async fn within<T>(
    address: SocketAddr,
    deadline: Duration,
    attempt: impl Future<Output = Result<T, NotYet>>,
) -> Result<T, NotYet> {
    match tokio::time::timeout(deadline, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(NotYet::waiting(format!("no answer on {address} within {deadline:?}"))),
    }
}

/// One TCP connection.
#[derive(Debug)]
pub(super) struct Peer {
    address: SocketAddr,
    stream: TcpStream,
    answered: bool,
}

impl Peer {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, NotYet> {
        let stream = TcpStream::connect(address).await.map_err(|error| no_answer(address, &error))?;
        stream.set_nodelay(true).map_err(|error| no_answer(address, &error))?;
        Ok(Self { address, stream, answered: false })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), NotYet> {
        self.stream.write_all(bytes).await.map_err(|error| self.broken(&error))
    }

    /// Fills the buffer, whose size the caller bounds.
    pub(super) async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), NotYet> {
        let mut filled = 0;
        while filled < buffer.len() {
            filled += self.read(&mut buffer[filled..]).await?;
        }
        Ok(())
    }

    /// Reads what is there, at least one byte.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, NotYet> {
        match self.stream.read(buffer).await {
            Ok(0) => Err(self.broken(&io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.answered = true;
                Ok(count)
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&self, error: &io::Error) -> NotYet {
        if self.answered { half(self.address) } else { no_answer(self.address, error) }
    }

    /// Whether the peer ends the connection by itself, without having been asked anything, before the time is over.
    pub(super) async fn hangs_up_within(&mut self, patience: Duration) -> bool {
        let mut byte = [0];
        tokio::time::timeout(patience, self.read(&mut byte)).await.is_ok_and(|outcome| outcome.is_err())
    }

    /// An answer that this protocol does not have.
    pub(super) fn does_not_speak(&self, protocol: &str, answer: &[u8]) -> NotYet {
        let beginning = &answer[..answer.len().min(24)];
        NotYet::unexpected(format!(
            "what listens on {} does not speak {protocol}: it answered \"{}\"",
            self.address,
            beginning.escape_ascii()
        ))
    }
}

/// The reason when a connection could not be made or broke. A refused, reset or closed connection is what a container
/// looks like before it listens.
pub(super) fn no_answer(address: SocketAddr, error: &io::Error) -> NotYet {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => not_listening(format!("nothing listens on {address} yet")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => closed(address),
        _ => NotYet::waiting(format!("no answer on {address} yet: {error}")),
    }
}

/// The reason when the peer closed the connection before it said anything.
pub(super) fn closed(address: SocketAddr) -> NotYet {
    not_listening(format!("no answer on {address} yet: the connection was closed"))
}

/// The reason when the peer closed the connection in the midst of what it said.
pub(super) fn half(address: SocketAddr) -> NotYet {
    NotYet::waiting(format!("half an answer on {address}, then the connection was closed"))
}

fn not_listening(reason: String) -> NotYet {
    NotYet { reason, kind: Kind::NotListening }
}
