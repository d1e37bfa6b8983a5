//! Being asked to end.

use std::time::Duration;

use crate::exit::Failure;

/// Waits until the program is asked to end, by Ctrl-C or SIGTERM.
pub(crate) async fn asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        // Without the handler the signal ends the program by itself.
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Goes through with the end; asked a second time, or after this long, it is over at once.
pub(crate) async fn within(limit: Duration, end: impl Future<Output = ()>) -> Result<(), Failure> {
    tokio::select! {
        () = end => {}
        () = tokio::time::sleep(limit) => tracing::warn!("ending took too long"),
        () = asked() => {}
    }
    Ok(())
}
