//! One end of a WebSocket, by hand: it sends and reads whatever a test wants, and nothing by itself.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use super::within;

/// What carries the bytes: TCP, or TLS over it.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// An open WebSocket. Pongs are answered by the library, and only while something is read.
pub(crate) struct End {
    socket: WebSocketStream<Box<dyn Carrier>>,
    /// Frames that were read and not taken yet.
    frames: VecDeque<Value>,
    /// What the peer's headers said at the upgrade.
    pub(crate) headers: HeaderMap,
}

impl End {
    /// Dials as a gateway would.
    pub(crate) async fn dial(address: SocketAddr, authorization: Option<&str>) -> Self {
        Self::try_dial(address, "/relay", authorization).await.expect("the upgrade is completed")
    }

    /// Dials any path: the socket, or the HTTP status instead.
    pub(crate) async fn try_dial(
        address: SocketAddr,
        path: &str,
        authorization: Option<&str>,
    ) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::upgrade(stream, address, path, authorization).await
    }

    /// Upgrades a connection of the test's own.
    pub(crate) async fn upgrade(
        stream: impl Carrier + 'static,
        address: SocketAddr,
        path: &str,
        authorization: Option<&str>,
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        let stream: Box<dyn Carrier> = Box::new(stream);
        match within("an upgrade", client_async(request, stream)).await {
            Ok((socket, response)) => {
                Ok(Self { socket, frames: VecDeque::new(), headers: response.headers().clone() })
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    /// Answers an upgrade as a connector would.
    #[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
    pub(crate) async fn accept(stream: impl Carrier + 'static) -> Self {
        let mut headers = HeaderMap::new();
        let keep = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            headers.clone_from(request.headers());
            Ok(response)
        };
        let stream: Box<dyn Carrier> = Box::new(stream);
        let socket = within("an upgrade", accept_hdr_async(stream, keep)).await.unwrap();
        Self { socket, frames: VecDeque::new(), headers }
    }

    /// The `Authorization` header that the gateway showed.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()
    }

    /// Sends a frame, as one line in one message.
    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(&format!("{frame}\n")).await;
    }

    /// Sends text as it is.
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        within("room to send", self.socket.send(message)).await.unwrap();
    }

    /// Sends a message, if the peer still takes it.
    pub(crate) async fn try_send(&mut self, message: Message) -> Result<(), Error> {
        within("room to send", self.socket.send(message)).await
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            match within("a frame", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => self.frames.extend(text.lines().map(parse)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a frame, got {other:?}"),
            }
        }
    }

    /// The next frame, which is of this type.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Reads until so many pings have come, which the library answers.
    pub(crate) async fn answers_pings(&mut self, times: usize) {
        let mut answered = 0;
        while answered < times {
            match within("a ping", self.socket.next()).await {
                Some(Ok(Message::Ping(_))) => answered += 1,
                Some(Ok(Message::Text(text))) => self.frames.extend(text.lines().map(parse)),
                other => panic!("expected a ping, got {other:?}"),
            }
        }
    }

    /// Reads up to the peer's close frame: its code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        match self.ends().await {
            Ok(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    /// Reads to the end: the close frame, if one came.
    pub(crate) async fn ends(&mut self) -> Result<Option<CloseFrame>, Error> {
        let reading = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return Ok(frame),
                    Some(Ok(Message::Text(text))) => self.frames.extend(text.lines().map(parse)),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Ok(None),
                }
            }
        };
        within("the end of the link", reading).await
    }

    /// Sends while it reads, up to the peer's close frame: its code and reason. Whoever only sends may find the
    /// connection gone before it reads why.
    pub(crate) async fn closed_while_sending(self, messages: Vec<Message>) -> (u16, String) {
        let (mut to_peer, mut from_peer) = self.socket.split();
        let sending = async {
            for message in messages {
                // The refusal may come before everything is sent.
                _ = to_peer.send(message).await;
            }
            std::future::pending::<()>().await;
        };
        let reading = async {
            loop {
                match from_peer.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        break (frame.code.into(), frame.reason.to_string());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("expected a close frame, got {other:?}"),
                }
            }
        };
        tokio::select! {
            closed = within("a close frame", reading) => closed,
            () = sending => unreachable!("it only ends with the reading"),
        }
    }

    /// What was read and not taken yet.
    pub(crate) fn leftovers(&mut self) -> Vec<Value> {
        self.frames.drain(..).collect()
    }

    /// Closes, and waits until the peer has agreed.
    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        // The peer may be gone already, which is an end as well.
        _ = self.socket.close(Some(frame)).await;
        _ = self.ends().await;
    }

    /// The connection below, for bytes that are no WebSocket's.
    pub(crate) fn carrier(&mut self) -> &mut Box<dyn Carrier> {
        self.socket.get_mut()
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?} is no frame: {error}"))
}
