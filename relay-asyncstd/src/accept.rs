//! Accepting gateways from a TCP listener of one's own.

use std::io;

use async_std::net::TcpListener;
use async_std::{future, task};
use async_tungstenite::tungstenite::handshake::server::{Request, Response};
use async_tungstenite::tungstenite::http::HeaderMap;
use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use futures_util::io::{AsyncRead, AsyncWrite};
use relay_driver::{upgrade, websocket_config};

use crate::Connector;
use crate::socket::socket;

impl Connector {
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
                    task::spawn(async move { connector.accept(stream).await });
                }
                Err(error) if upgrade::may_accept_again(&error) => {
                    task::sleep(upgrade::ACCEPT_PAUSE).await;
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
        if let Ok(Ok(upgraded)) = future::timeout(upgrade::TIMEOUT, upgraded).await {
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
