//! A peer that `relay run` dials, or that dials `relay connector`, and that does to it what the test says.

use futures_util::{SinkExt, StreamExt};
use relay_tokio::proto::auth::{Secret, verify_token};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use super::program::within;

pub(super) struct StandIn {
    listener: TcpListener,
}

/// A gateway that has dialed.
pub(super) struct Link {
    socket: WebSocketStream<TcpStream>,
    authorization: String,
}

impl StandIn {
    pub(super) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// The next gateway, its upgrade completed.
    #[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
    pub(super) async fn open(&self) -> Link {
        let (stream, _) = within("a dial", self.listener.accept()).await.unwrap();
        let mut authorization = String::new();
        let keep = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            if let Some(shown) = request.headers().get("authorization") {
                shown.to_str().unwrap().clone_into(&mut authorization);
            }
            Ok(response)
        };
        let socket = within("an upgrade", accept_hdr_async(stream, keep)).await.unwrap();
        Link { socket, authorization }
    }

    /// The next gateway, greeted: its hellos, as `platform:bot`.
    pub(super) async fn greet(&self, hellos: usize) -> (Link, Vec<String>) {
        let mut link = self.open().await;
        let mut bots = Vec::new();
        for _ in 0..hellos {
            let hello = link.next_of("hello").await;
            let text = |field: &str| hello[field].as_str().unwrap().to_owned();
            bots.push(format!("{}:{}", text("platform"), text("botId")));
            link.send(&json!({"type": "descriptor", "descriptor": {
                "contract_version": 1, "platform": hello["platform"], "label": "x", "max_message_length": 4096,
                "supports_draft_streaming": false, "supports_edit": true, "supports_threads": false,
                "markdown_dialect": "plain", "len_unit": "chars",
            }}))
            .await;
        }
        (link, bots)
    }

    /// Answers the next upgrade with this HTTP status.
    pub(super) async fn answer(&self, status: &str) {
        let (mut connection, _) = within("a dial", self.listener.accept()).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(within("a request", connection.read_u8()).await.unwrap());
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        connection.write_all(answer.as_bytes()).await.unwrap();
    }

    /// Whether nobody has dialed since the last one was taken.
    pub(super) fn was_left_alone(self) -> bool {
        let listener = self.listener.into_std().unwrap();
        matches!(listener.accept(), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

impl Link {
    /// Dials a connector as a gateway would: the link, or the HTTP status instead.
    pub(super) async fn dial(address: &str, path: &str, authorization: Option<&str>) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        match within("an upgrade", client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Self { socket, authorization: String::new() }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    /// Waits for the peer's close frame: its code and reason.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        match within("a close frame", self.socket.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    pub(super) async fn send(&mut self, frame: &Value) {
        self.send_text(&format!("{frame}\n")).await;
    }

    /// Sends this text, whatever it is.
    pub(super) async fn send_text(&mut self, text: &str) {
        within("room", self.socket.send(Message::text(text))).await.unwrap();
    }

    /// The next frame.
    pub(super) async fn next(&mut self) -> Value {
        let frame = async {
            loop {
                match self.socket.next().await.unwrap().unwrap() {
                    Message::Text(text) => return serde_json::from_str(text.trim_end()).unwrap(),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("expected a frame, got {other:?}"),
                }
            }
        };
        within("a frame", frame).await
    }

    /// The next frame, which is of this type.
    pub(super) async fn next_of(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    pub(super) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        _ = self.socket.close(Some(frame)).await;
        while within("the end", self.socket.next()).await.is_some_and(|message| message.is_ok()) {}
    }

    /// The token that was shown.
    pub(super) fn token(&self) -> &str {
        self.authorization.strip_prefix("Bearer ").unwrap_or_default()
    }

    /// Whether the token shown was signed with this secret.
    pub(super) fn knows(&self, secret: &str) -> bool {
        verify_token(self.token(), &[Secret::new(secret)], 0).is_ok()
    }

    /// Whose token was shown.
    pub(super) fn gateway_id(&self) -> Option<String> {
        relay_tokio::proto::auth::peek_gateway_id(self.token())
    }
}
