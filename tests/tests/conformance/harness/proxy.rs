//! A network between a gateway and a connector, which breaks connections when the test says so.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a connection breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Break {
    /// Both ends see it closed.
    Closed,
    /// Neither end sees anything: what is sent is taken, and goes nowhere.
    Silent,
}

/// A listening socket whose connections lead to a connector.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    broken: Arc<AtomicUsize>,
}

impl Proxy {
    /// Each of the first connections breaks after so many bytes, both ways together; those after them hold.
    pub(crate) async fn before(target: SocketAddr, breaks: Vec<(usize, Break)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (target, broken) = (Arc::new(Mutex::new(target)), Arc::new(AtomicUsize::new(0)));
        let proxy = Self { address, target: target.clone(), broken: broken.clone() };
        tokio::spawn(async move {
            let mut breaks = breaks.into_iter();
            while let Ok((near, _)) = listener.accept().await {
                let (target, broken) = (*target.lock().unwrap(), broken.clone());
                let (budget, end) = breaks.next().unwrap_or((usize::MAX, Break::Closed));
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(target).await else { return };
                    if let Some(ends) = carry(near, far, budget).await {
                        broken.fetch_add(1, Ordering::Relaxed);
                        swallow(ends, end).await;
                    }
                });
            }
        });
        proxy
    }

    /// The base URL that a gateway is configured with.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where later connections lead.
    pub(crate) fn leads_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    /// How many connections were broken.
    pub(crate) fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }
}

/// Carries so many bytes: both ends, if they are still there by then.
async fn carry(mut near: TcpStream, mut far: TcpStream, mut budget: usize) -> Option<(TcpStream, TcpStream)> {
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    while budget > 0 {
        let (to, bytes) = tokio::select! {
            read = near.read(&mut up) => (&mut far, &up[..read.ok()?]),
            read = far.read(&mut down) => (&mut near, &down[..read.ok()?]),
        };
        let bytes = &bytes[..bytes.len().min(budget)];
        if bytes.is_empty() {
            return None;
        }
        to.write_all(bytes).await.ok()?;
        budget -= bytes.len();
    }
    Some((near, far))
}

/// What becomes of a broken connection.
async fn swallow((mut near, mut far): (TcpStream, TcpStream), end: Break) {
    let (mut up, mut down) = (tokio::io::sink(), tokio::io::sink());
    match end {
        Break::Closed => {}
        // An end that gives up by itself is not told of the other.
        Break::Silent => {
            _ = tokio::join!(tokio::io::copy(&mut near, &mut up), tokio::io::copy(&mut far, &mut down));
        }
    }
}
