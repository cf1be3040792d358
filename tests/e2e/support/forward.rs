//! The engine at a port of this machine: whoever goes there cannot tell whether its files are here too.

use super::{Context, Result, engine};
use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    thread,
};

/// Passes connections on until the test program ends; the address for `DOCKER_HOST`.
///
/// # Errors
/// When the engine is not at a socket, or no port is free.
pub fn forwarded() -> Result<String> {
    let socket = match std::env::var("DOCKER_HOST") {
        Ok(host) => host,
        Err(_) => engine::docker(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])?,
    };
    let socket = socket.strip_prefix("unix://").context("the engine is at a socket")?.to_owned();
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("tcp://{}", listener.local_addr()?);
    thread::spawn(move || {
        for client in listener.incoming().map_while(io::Result::ok) {
            // Whose connection breaks sees that.
            let _ = pass_on(client, &socket);
        }
    });
    Ok(address)
}

fn pass_on(client: TcpStream, socket: &str) -> io::Result<()> {
    let engine = UnixStream::connect(socket)?;
    let (mut from_client, mut to_engine) = (client.try_clone()?, engine.try_clone()?);
    let (mut from_engine, mut to_client) = (engine, client);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut from_engine, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    Ok(())
}
