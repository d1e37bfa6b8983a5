//! Serving HTTP, and the link's upgrade, on one port.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

/// How long a peer may take to say what it wants (rule C15).
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after a failure to accept that is likely to last, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, app: Router) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = tokio::spawn(converse(stream, app.clone())),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            Err(error) => {
                debug!("a connection was not accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, app: Router) {
    // Frames are flushed when they are ready: to hold them back for more would only make them late.
    _ = stream.set_nodelay(true);
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    if let Err(error) = connection.with_upgrades().await {
        debug!("a connection ended: {error}");
    }
}
