//! What is under test: the gateway and the connector of one runtime.
//!
//! The test itself runs on tokio in any case. What it hands over are sockets of the standard library's, which each
//! runtime makes its own.

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::Arc;

use relay_driver::connector::{ConnectorConfig, Platform};
use relay_driver::gateway::{Deliveries, GatewayConfig};
use relay_driver::race::race;
use relay_driver::{BoxFuture, Runtime, connector, gateway};
use rustls::{ClientConfig, ServerConfig};
use tokio_tungstenite::tungstenite::http::HeaderMap;

/// A runtime's gateway and connector.
pub(crate) trait Stack: 'static {
    type Runtime: Runtime + Default + Debug;
    type Gateway: Deref<Target = gateway::Gateway> + Clone + Debug + Send + Sync;
    type Connector: Deref<Target = connector::Connector<Self::Runtime>> + Clone + Debug + Send + Sync;

    fn connect(config: GatewayConfig) -> (Self::Gateway, Deliveries);
    fn connect_on(config: GatewayConfig, runtime: Self::Runtime) -> (Self::Gateway, Deliveries);
    /// A runtime that secures `wss://` by these settings.
    fn trusting(settings: Arc<ClientConfig>) -> Self::Runtime;

    /// Connects to whichever address answers first, by the runtime's own sockets and timers: its address.
    fn race(addresses: Vec<SocketAddr>) -> BoxFuture<Result<SocketAddr, Option<io::Error>>>;

    fn connector(config: ConnectorConfig, platform: Arc<dyn Platform>) -> Self::Connector;
    /// Accepts gateways there, on a task of the runtime's.
    fn serve(connector: &Self::Connector, listener: TcpListener);
    /// Accepts one connection there and secures it.
    fn accept_secured(connector: &Self::Connector, stream: TcpStream, settings: ServerConfig);
    /// Takes a connection whose upgrade the test has answered.
    fn attach_upgraded(connector: &Self::Connector, headers: HeaderMap, stream: TcpStream);
}

/// `relay-tokio`.
pub(crate) struct Tokio;

impl Stack for Tokio {
    type Runtime = relay_tokio::TokioRuntime;
    type Gateway = relay_tokio::Gateway;
    type Connector = relay_tokio::Connector;

    fn connect(config: GatewayConfig) -> (Self::Gateway, Deliveries) {
        relay_tokio::Gateway::connect(config)
    }

    fn connect_on(config: GatewayConfig, runtime: Self::Runtime) -> (Self::Gateway, Deliveries) {
        relay_tokio::Gateway::connect_on(config, runtime)
    }

    fn trusting(settings: Arc<ClientConfig>) -> Self::Runtime {
        relay_tokio::TokioRuntime::with_tls(settings)
    }

    fn race(addresses: Vec<SocketAddr>) -> BoxFuture<Result<SocketAddr, Option<io::Error>>> {
        use tokio::net::TcpStream;
        Box::pin(async move {
            let connected = race(addresses, TcpStream::connect, tokio::time::sleep).await?;
            Ok(connected.peer_addr().unwrap())
        })
    }

    fn connector(config: ConnectorConfig, platform: Arc<dyn Platform>) -> Self::Connector {
        relay_tokio::Connector::new(config, platform)
    }

    fn serve(connector: &Self::Connector, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let connector = connector.clone();
        tokio::spawn(async move { connector.serve(listener).await });
    }

    fn accept_secured(connector: &Self::Connector, stream: TcpStream, settings: ServerConfig) {
        let (connector, stream) = (connector.clone(), of_tokio(stream));
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(settings));
        tokio::spawn(async move {
            if let Ok(secured) = acceptor.accept(stream).await {
                Box::pin(connector.accept(secured)).await;
            }
        });
    }

    fn attach_upgraded(connector: &Self::Connector, headers: HeaderMap, stream: TcpStream) {
        let (connector, stream) = (connector.clone(), of_tokio(stream));
        tokio::spawn(async move { connector.attach_upgraded(&headers, stream).await });
    }
}

fn of_tokio(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

/// `relay-asyncstd`, on async-std's own threads.
pub(crate) struct AsyncStd;

impl Stack for AsyncStd {
    type Runtime = relay_asyncstd::AsyncStdRuntime;
    type Gateway = relay_asyncstd::Gateway;
    type Connector = relay_asyncstd::Connector;

    fn connect(config: GatewayConfig) -> (Self::Gateway, Deliveries) {
        relay_asyncstd::Gateway::connect(config)
    }

    fn connect_on(config: GatewayConfig, runtime: Self::Runtime) -> (Self::Gateway, Deliveries) {
        relay_asyncstd::Gateway::connect_on(config, runtime)
    }

    fn trusting(settings: Arc<ClientConfig>) -> Self::Runtime {
        relay_asyncstd::AsyncStdRuntime::with_tls(settings)
    }

    fn race(addresses: Vec<SocketAddr>) -> BoxFuture<Result<SocketAddr, Option<io::Error>>> {
        use async_std::net::TcpStream;
        Box::pin(async move {
            let connected = race(addresses, TcpStream::connect, async_std::task::sleep).await?;
            Ok(connected.peer_addr().unwrap())
        })
    }

    fn connector(config: ConnectorConfig, platform: Arc<dyn Platform>) -> Self::Connector {
        relay_asyncstd::Connector::new(config, platform)
    }

    fn serve(connector: &Self::Connector, listener: TcpListener) {
        let (connector, listener) = (connector.clone(), async_std::net::TcpListener::from(listener));
        async_std::task::spawn(async move { connector.serve(listener).await });
    }

    fn accept_secured(connector: &Self::Connector, stream: TcpStream, settings: ServerConfig) {
        let (connector, stream) = (connector.clone(), async_std::net::TcpStream::from(stream));
        let acceptor = futures_rustls::TlsAcceptor::from(Arc::new(settings));
        async_std::task::spawn(async move {
            if let Ok(secured) = acceptor.accept(stream).await {
                Box::pin(connector.accept(secured)).await;
            }
        });
    }

    fn attach_upgraded(connector: &Self::Connector, headers: HeaderMap, stream: TcpStream) {
        let (connector, stream) = (connector.clone(), async_std::net::TcpStream::from(stream));
        async_std::task::spawn(async move { connector.attach_upgraded(&headers, stream).await });
    }
}
