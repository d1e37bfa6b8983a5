//! Idle links on async-std.

use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use async_tungstenite::{accept_async_with_config, client_async_with_config};
use futures_util::StreamExt;
use relay_asyncstd::{Connector, ConnectorConfig, Gateway};
use relay_driver::websocket_config;

use crate::parts::{config, linked, platform, record, resident};

/// By how much the process grows for so many links, in KiB.
pub(crate) fn relay(links: usize) -> u64 {
    task::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connector = Connector::new(ConnectorConfig::default(), platform());
        let serving = connector.clone();
        task::spawn(async move { serving.serve(listener).await });
        let before = resident();
        let mut gateways = Vec::with_capacity(links);
        for number in 0..links {
            connector.register(record(number)).expect("a gateway to know");
            let gateway = Gateway::connect(config(number, address));
            linked(&gateway.0).await;
            gateways.push(gateway);
        }
        resident() - before
    })
}

/// The same for bare WebSockets, each end of which sends one message and waits for another.
pub(crate) fn bare(links: usize) -> u64 {
    task::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let settings = Some(websocket_config(ConnectorConfig::default().session.line_limit));
        let before = resident();
        for _ in 0..links {
            let (stream, accepted) = futures_util::join!(TcpStream::connect(address), listener.accept());
            let dialing =
                client_async_with_config(format!("ws://{address}/"), stream.expect("a stream"), settings);
            let accepting = accept_async_with_config(accepted.expect("a stream").0, settings);
            let (client, server) = futures_util::join!(dialing, accepting);
            let (mut client, mut server) = (client.expect("a client").0, server.expect("a server"));
            client.send("hello".into()).await.expect("a hello");
            server.next().await.expect("a hello").expect("a hello");
            server.send("descriptor".into()).await.expect("a descriptor");
            client.next().await.expect("a descriptor").expect("a descriptor");
            task::spawn(async move { client.next().await });
            task::spawn(async move { server.next().await });
        }
        task::yield_now().await;
        resident() - before
    })
}
