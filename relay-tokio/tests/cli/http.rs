//! Requests over HTTP, each on a connection of its own, and servers that answer as a test says.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::program::within;

pub(super) async fn get(address: &str, path: &str) -> (u16, Value) {
    ask(address, &format!("GET {path} HTTP/1.1\r\n"), "").await
}

/// Posts JSON with this bearer: the status, and the body if it is JSON.
pub(super) async fn post(address: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    );
    ask(address, &head, &body.to_string()).await
}

async fn ask(address: &str, head: &str, body: &str) -> (u16, Value) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let rest = format!("host: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", connection.read_to_string(&mut answer)).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// A server that is asked once at a time.
pub(super) struct Server(TcpListener);

impl Server {
    pub(super) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Answers the next request with this status line and these headers: the request's head, and its body.
    pub(super) async fn answers(&self, status: &str, headers: &str) -> (String, Value) {
        let (mut connection, _) = within("a request", self.0.accept()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("a request's head", connection.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        within("a request's body", connection.read_exact(&mut body)).await.unwrap();
        let answer = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: 0\r\n\r\n");
        connection.write_all(answer.as_bytes()).await.unwrap();
        (head, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Whether nobody has asked since the last one was answered.
    pub(super) fn was_left_alone(self) -> bool {
        let listener = self.0.into_std().unwrap();
        matches!(listener.accept(), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
