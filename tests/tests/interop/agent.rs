//! The agent of `relay run`, played by a test through `tests/interop/played_agent.py`.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::{Version, script_path, within};

/// Where agents report when they are started.
pub(crate) struct AgentSeat(TcpListener);

/// An agent that runs. Dropped, it ends.
pub(crate) struct Agent {
    told: Lines<BufReader<OwnedReadHalf>>,
    say: OwnedWriteHalf,
}

impl AgentSeat {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// The `--agent` that starts one.
    pub(crate) fn option(&self) -> String {
        let (python, script) = (Version::NEWEST.python(), script_path("played_agent.py"));
        let port = self.0.local_addr().unwrap().port();
        format!("exec:exec '{}' -B -I -S '{}' {port}", python.display(), script.display())
    }

    /// Waits for the next one that is started.
    pub(crate) async fn next(&self) -> Agent {
        let (stream, _) = within("the start of an agent", self.0.accept()).await.unwrap();
        let (told, say) = stream.into_split();
        Agent { told: BufReader::new(told).lines(), say }
    }
}

impl Agent {
    /// Waits for the next line to it; nothing when its input is closed.
    pub(crate) async fn hears(&mut self) -> Option<Value> {
        let line = within("a line to the agent", self.told.next_line()).await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Waits for the next line to it that is not about the status of the link.
    pub(crate) async fn is_told(&mut self) -> Value {
        self.hears_where("news for the agent", |line| line["type"] != "status").await
    }

    /// Waits for the next line to it, other than about the status, which is a message: its id and its event.
    pub(crate) async fn gets(&mut self) -> (String, Value) {
        let mut line = self.is_told().await;
        assert_eq!(line["type"], "message", "{line}");
        (line["delivery"].as_str().unwrap().to_owned(), line["event"].take())
    }

    /// Waits for the next message, which has this text: its id.
    pub(crate) async fn gets_text(&mut self, text: &str) -> String {
        let (delivery, event) = self.gets().await;
        assert_eq!(event["text"], text);
        delivery
    }

    /// Waits until it is told this status.
    pub(crate) async fn learns(&mut self, status: &str) {
        let fits = |line: &Value| line["type"] == "status" && line["status"] == status;
        self.hears_where(&format!("the status {status}"), fits).await;
    }

    /// Waits for the next line that fits; those before it are passed over.
    pub(crate) async fn hears_where(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let hearing = async {
            loop {
                let line = self.hears().await.unwrap_or_else(|| panic!("{what} before its input is closed"));
                if fits(&line) {
                    return line;
                }
            }
        };
        within(what, hearing).await
    }

    pub(crate) async fn says(&mut self, line: &Value) {
        self.say.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn acks(&mut self, delivery: &str) {
        self.says(&json!({"type": "ack", "delivery": delivery})).await;
    }

    pub(crate) async fn replies(&mut self, delivery: &str, content: &str) {
        self.says(&json!({"type": "reply", "delivery": delivery, "content": content})).await;
    }

    /// Asks for an action, whose result will bear this reference.
    pub(crate) async fn asks(&mut self, reference: &str, action: &Value) {
        self.says(&json!({"type": "action", "ref": reference, "action": action})).await;
    }

    /// Waits for the next line, other than about the status, which is the result of this reference.
    pub(crate) async fn gets_result(&mut self, reference: &str) -> Value {
        let line = self.is_told().await;
        assert_eq!((&line["type"], &line["ref"]), (&json!("result"), &json!(reference)), "{line}");
        line
    }
}
