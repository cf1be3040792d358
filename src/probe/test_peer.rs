//! A peer on loopback that misbehaves, for tests.

use std::{future::pending, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What is done to one connection.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Accepts, and says nothing.
    Silent,
    /// Accepts, and closes.
    Close,
    /// Answers each read with the next of these, and closes after the last.
    Answers(Vec<Vec<u8>>),
    /// Answers the first read, and then says nothing more.
    AnswerThenSilent(Vec<u8>),
    /// Answers the first read byte by byte.
    Slowly(Vec<u8>, Duration),
    /// Says it over and over.
    Endless(Vec<u8>),
    /// Says what it was told.
    Echo,
}

impl Behaviour {
    pub(crate) fn answer(answer: impl Into<Vec<u8>>) -> Self {
        Self::Answers(vec![answer.into()])
    }
}

/// A listener that has not accepted anything yet, so that its address can be part of what it says.
pub(crate) struct TestPeer {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl TestPeer {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        Self { listener, address }
    }

    /// Treats the first connection as the first behaviour says, and so on; the last one is for all others too.
    pub(crate) fn behave(self, behaviours: Vec<Behaviour>) -> SocketAddr {
        tokio::spawn(async move {
            for index in 0.. {
                let behaviour = behaviours.get(index).or(behaviours.last()).expect("there is one").clone();
                let Ok((stream, _)) = self.listener.accept().await else { break };
                tokio::spawn(treat(stream, behaviour));
            }
        });
        self.address
    }
}

/// A listener that treats every connection in one way.
pub(crate) async fn peer(behaviour: Behaviour) -> SocketAddr {
    TestPeer::bind().await.behave(vec![behaviour])
}

/// An address on which nothing listens.
pub(crate) async fn nobody() -> SocketAddr {
    TestPeer::bind().await.address
}

async fn treat(mut stream: TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Close => {}
        Behaviour::Silent => pending().await,
        Behaviour::Answers(answers) => {
            for answer in answers {
                question(&mut stream).await?;
                stream.write_all(&answer).await?;
            }
        }
        Behaviour::AnswerThenSilent(answer) => {
            question(&mut stream).await?;
            stream.write_all(&answer).await?;
            pending().await
        }
        Behaviour::Slowly(answer, pause) => {
            question(&mut stream).await?;
            for byte in answer {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(pause).await;
            }
            pending().await
        }
        Behaviour::Endless(chunk) => loop {
            stream.write_all(&chunk).await?;
        },
        Behaviour::Echo => loop {
            let mut told = [0; 4096];
            let count = stream.read(&mut told).await?;
            stream.write_all(&told[..count]).await?;
        },
    }
    Ok(())
}

async fn question(stream: &mut TcpStream) -> std::io::Result<()> {
    match stream.read(&mut [0; 4096]).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
