//! What the host tells a running gateway by signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are listened for.
pub(super) struct Signals {
    wake: Option<Signal>,
    hold: Option<Signal>,
}

/// What a signal says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// SIGUSR1: something wants the gateway up.
    Wake,
    /// SIGUSR2: it had better not dial for a while.
    Hold,
}

impl Signals {
    /// From here on the signals do not end the program any more.
    pub(super) fn listen() -> Self {
        // Without a handler a signal cannot be heard, and nothing is lost but that.
        let (wake, hold) = (SignalKind::user_defined1(), SignalKind::user_defined2());
        Self { wake: signal(wake).ok(), hold: signal(hold).ok() }
    }

    /// The next one. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            () = heard(&mut self.wake) => Told::Wake,
            () = heard(&mut self.hold) => Told::Hold,
        }
    }
}

async fn heard(signal: &mut Option<Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}
