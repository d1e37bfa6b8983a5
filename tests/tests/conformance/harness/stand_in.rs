//! A peer that gateways dial, and that does to them what the test says.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{End, within};

/// A listening socket in a connector's place.
pub(crate) struct StandIn {
    listener: TcpListener,
}

impl StandIn {
    pub(crate) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The base URL that a gateway is configured with.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The next connection, before anything is said on it.
    pub(crate) async fn connection(&self) -> TcpStream {
        within("a dial", self.listener.accept()).await.unwrap().0
    }

    /// The next gateway, its upgrade completed.
    pub(crate) async fn open(&self) -> End {
        End::accept(self.connection().await).await
    }

    /// The next gateway, upgraded and greeted: the handshake is complete. For gateways with one identity.
    pub(crate) async fn link(&self) -> End {
        let mut end = self.open().await;
        let hello = end.next_of("hello").await;
        end.send(&descriptor(hello["platform"].as_str().unwrap())).await;
        end
    }

    /// Answers the next upgrade with this status line and these headers: the request as it came.
    pub(crate) async fn answer(&self, status: &str, headers: &str) -> String {
        let mut connection = self.connection().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let byte = within("the upgrade's request", connection.read_u8()).await.unwrap();
            request.push(byte);
        }
        let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n");
        connection.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }

    /// Whether nobody has dialed since the last one was taken.
    pub(crate) fn was_left_alone(self) -> bool {
        // Asked of the system: what the runtime knows of a socket may be late.
        let listener = self.listener.into_std().unwrap();
        matches!(listener.accept(), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// A `descriptor` frame that any gateway takes.
pub(crate) fn descriptor(platform: &str) -> Value {
    json!({"type": "descriptor", "descriptor": {
        "contract_version": 1, "platform": platform, "label": platform, "max_message_length": 4096,
        "supports_draft_streaming": false, "supports_edit": true, "supports_threads": false,
        "markdown_dialect": "plain", "len_unit": "chars",
    }})
}
