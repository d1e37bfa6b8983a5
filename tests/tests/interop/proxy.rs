//! A network between the two ends that a test can cut, at an address that stays.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Passes connections on. It goes, and they go, with this value.
pub(crate) struct Proxy {
    address: SocketAddr,
    ways: Arc<Mutex<Ways>>,
    accepting: AbortHandle,
}

struct Ways {
    /// Where connections lead; nowhere, while they are refused.
    target: Option<SocketAddr>,
    open: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ways = Arc::new(Mutex::new(Ways { target: Some(target), open: JoinSet::new() }));
        let accepted = ways.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ways = &mut *accepted.lock().unwrap();
                if let Some(target) = ways.target {
                    ways.open.spawn(pass_on(stream, target));
                }
            }
        });
        Self { address, ways, accepting: accepting.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends every connection, without a word of the WebSocket's.
    pub(crate) fn cut(&self) {
        self.ways.lock().unwrap().open.abort_all();
    }

    /// From now on connections lead there; or nowhere, and end at once.
    pub(crate) fn lead_to(&self, target: Option<SocketAddr>) {
        self.ways.lock().unwrap().target = target;
    }
}

async fn pass_on(mut stream: TcpStream, target: SocketAddr) {
    if let Ok(mut onward) = TcpStream::connect(target).await {
        _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
