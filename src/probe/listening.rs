//! Whether an app listens: what daprd looks for too, whatever the app's protocol.

use super::{Kind, NotYet, wire::Peer};
use std::{net::SocketAddr, time::Duration};

/// How long a connection must stay open to count: `docker-proxy` closes it as soon as the container has refused, which takes
/// well under a millisecond.
const HANG_UP: Duration = Duration::from_millis(20);

/// Whether something in the container holds a connection to its `port` open; `address` is where that is published.
///
/// # Errors
/// When nothing does.
pub async fn listens(address: SocketAddr, port: u16, deadline: Duration) -> Result<(), NotYet> {
    if accepts(address, deadline).await {
        return Ok(());
    }
    Err(NotYet { reason: format!("it does not listen on port {port} yet"), kind: Kind::AppNotListening })
}

/// Whether something holds a connection open.
pub(super) async fn accepts(address: SocketAddr, deadline: Duration) -> bool {
    match tokio::time::timeout(deadline, Peer::connect(address)).await {
        Ok(Ok(mut peer)) => !peer.hangs_up_within(HANG_UP).await,
        Ok(Err(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn somebody_who_hangs_up_at_once_does_not_listen() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let proxy = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let not_yet = listens(address, 8000, LIMIT).await.expect_err("it hangs up");
        assert_eq!(
            (not_yet.reason.as_str(), not_yet.kind),
            ("it does not listen on port 8000 yet", Kind::AppNotListening)
        );
        proxy.abort();
    }

    #[tokio::test]
    async fn somebody_who_waits_for_a_request_listens() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (answer, peer) = tokio::join!(listens(address, 8000, LIMIT), listener.accept());
        assert!(answer.is_ok() && peer.is_ok());
    }
}
