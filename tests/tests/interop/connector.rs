//! `relay connector`, and what its platforms and its operator do.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Directory, Hook, Program, http, until};

/// The only gateway that the connector knows.
pub(crate) const GATEWAY: &str = "gw:1";
pub(crate) const SECRET: &str = "a secret that shows nowhere";
pub(crate) const INSTANCE: &str = "inst-1";
pub(crate) const TENANT: &str = "tenant-1";
pub(crate) const HOOK_TOKEN: &str = "hook-token";
pub(crate) const ADMIN_TOKEN: &str = "admin-token";

pub(crate) struct Connector {
    program: Program,
    address: SocketAddr,
    _files: Directory,
}

impl Connector {
    /// Starts it with the platforms `discord` and `telegram`.
    pub(crate) async fn start(hook: &Hook, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", hook, arguments).await
    }

    /// The same, listening there.
    pub(crate) async fn start_at(listen: &str, hook: &Hook, arguments: &[&str]) -> Self {
        let files = Directory::new();
        let gateways = files.file(
            "gateways.toml",
            &format!(
                "[[gateway]]\nid = '{GATEWAY}'\nsecret = '{SECRET}'\ntenant = '{TENANT}'\n\
                 instance = '{INSTANCE}'\n"
            ),
        );
        let hook_token = files.file("hook.token", HOOK_TOKEN);
        let admin_token = files.file("admin.token", ADMIN_TOKEN);
        let [discord, telegram] = ["discord", "telegram"].map(|name| format!("{name}={}", hook.url()));
        let mut command = Program::relay(&["connector", "--listen", listen, "--gateways", &gateways]);
        command
            .args(["--hook-token-file", &hook_token, "--admin-token-file", &admin_token])
            .args(["--platform", &discord, "--platform", &telegram])
            .args(arguments);
        let mut program = Program::start("relay connector", &mut command);
        let line = program.logs("listening on http://").await;
        let (_, address) = line.split_once("http://").unwrap();
        let address = address.trim().parse().unwrap();
        Self { program, address, _files: files }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// A platform delivers: the status and the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        http::request(self.address, "POST", path, HOOK_TOKEN, body).await
    }

    /// A platform delivers an event, which is buffered.
    pub(crate) async fn deliver(&self, platform: &str, id: &str, event: &Value) {
        let path = format!("/platforms/{platform}/events");
        let answer = self.post(&path, &json!({"id": id, "event": event})).await;
        assert_eq!(answer, (202, json!({"accepted": [INSTANCE]})));
    }

    /// `discord` delivers a text that is its own id, which is buffered.
    pub(crate) async fn deliver_text(&self, text: &str) {
        self.deliver("discord", text, &text_event(text)).await;
    }

    /// A platform delivers a request of its own, which is buffered.
    pub(crate) async fn forward(&self, platform: &str, id: &str, forward: &Value) {
        let path = format!("/platforms/{platform}/passthrough");
        let answer = self.post(&path, &json!({"id": id, "forward": forward})).await;
        assert_eq!(answer, (202, json!({"accepted": [INSTANCE]})));
    }

    /// A user stops a session: how many instances were reached.
    pub(crate) async fn interrupt(&self, platform: &str, session_key: &str, chat_id: &str) -> usize {
        let path = format!("/platforms/{platform}/interrupts");
        let body = json!({"session_key": session_key, "chat_id": chat_id});
        let (status, answer) = self.post(&path, &body).await;
        assert_eq!(status, 202);
        answer["accepted"].as_array().unwrap().len()
    }

    /// The instance as the operator sees it.
    pub(crate) async fn instance(&self) -> Value {
        let (status, mut answer) =
            http::request(self.address, "GET", "/admin/instances", ADMIN_TOKEN, &Value::Null).await;
        assert_eq!(status, 200);
        answer["instances"][0].take()
    }

    pub(crate) async fn backlog(&self) -> u64 {
        self.instance().await["backlog"].as_u64().unwrap()
    }

    /// Waits until so many entries are not done.
    pub(crate) async fn backlog_becomes(&self, backlog: u64) {
        let asked = async || (self.backlog().await == backlog).then_some(());
        until(&format!("a backlog of {backlog}"), asked).await;
    }

    /// Waits until the instance is in this state.
    pub(crate) async fn state_becomes(&self, state: &str) {
        let asked = async || (self.instance().await["state"] == state).then_some(());
        until(&format!("the state {state}"), asked).await;
    }

    pub(crate) async fn revoke(&self) {
        let path = format!("/admin/gateways/{GATEWAY}/revoke");
        let (status, _) = http::request(self.address, "POST", &path, ADMIN_TOKEN, &Value::Null).await;
        assert_eq!(status, 200);
    }
}

/// A message in a group chat.
pub(crate) fn event(platform: &str, chat: &str, id: &str, text: &str) -> Value {
    json!({
        "text": text, "message_type": "text", "message_id": id, "media_urls": [],
        "source": {
            "platform": platform, "chat_id": chat, "chat_type": "group", "chat_name": "Chat",
            "user_id": "u1", "user_name": "User", "thread_id": null, "chat_topic": null, "scope_id": "s1",
        },
    })
}

/// A message in the chat `c1` on `discord` whose text is its own id.
pub(crate) fn text_event(text: &str) -> Value {
    event("discord", "c1", text, text)
}
