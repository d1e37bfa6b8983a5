//! Accepting gateways from a TCP listener of one's own.

use std::io;

use relay_driver::{upgrade, websocket_config};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::Connector;
use crate::host::Host;
use crate::socket::socket;

impl<H: Host> Connector<H> {
    /// Accepts gateways for as long as the listener does. An upgrade on any other path than `/relay` is answered
    /// with HTTP 400.
    ///
    /// A program that serves HTTP on the same port upgrades by itself, and calls
    /// [`attach_upgraded`](Self::attach_upgraded).
    ///
    /// # Errors
    /// When the listener is broken for good.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    _ = stream.set_nodelay(true);
                    let connector = self.clone();
                    tokio::spawn(async move { connector.accept(stream).await });
                }
                Err(error) if upgrade::may_accept_again(&error) => {
                    tokio::time::sleep(upgrade::ACCEPT_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a connection that the caller has accepted, and perhaps secured: answers its upgrade, if one comes in
    /// time.
    #[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
    pub async fn accept<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut headers = HeaderMap::new();
        let check = |request: &Request, response: Response| upgrade::answer(request, response, &mut headers);
        let config = Some(websocket_config(self.line_limit));
        let upgraded = accept_hdr_async_with_config(stream, check, config);
        if let Ok(Ok(upgraded)) = tokio::time::timeout(upgrade::TIMEOUT, upgraded).await {
            self.take(&headers, upgraded);
        }
    }

    /// Takes a stream whose upgrade the caller has answered, with the headers of the request.
    pub async fn attach_upgraded<S>(&self, headers: &HeaderMap, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let config = Some(websocket_config(self.line_limit));
        self.take(headers, WebSocketStream::from_raw_socket(stream, Role::Server, config).await);
    }

    fn take<S>(&self, headers: &HeaderMap, upgraded: WebSocketStream<S>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let admission = self.authenticate(upgrade::authorization(headers));
        self.attach(admission, upgrade::features(headers), socket(upgraded));
    }
}
