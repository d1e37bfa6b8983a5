//! How `relay run` takes being refused at a connector on Python's `websockets`, and how it sleeps and ends.

mod interop;

use interop::{AgentSeat, Directory, RelayRun, SECRET, StandIn, text_event};
use serde_json::{Value, json};

/// A3, A4: 4401 after a handshake means that the credential is revoked. The gateway says so, once and in words that are
/// no error, dials no more and ends with its own exit code.
#[tokio::test]
async fn a_revoked_credential_disables() {
    let mut stand_in = StandIn::start().await;
    let mut run = RelayRun::start(&stand_in.url(), "discard", &[]);
    let link = stand_in.links().await;
    run.logs("linked").await;
    stand_in.closes(&link, 4401, "unauthorized").await;
    assert_eq!(run.exit_code().await, Some(77));
    let log = run.log();
    let words: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("disabled")).collect();
    assert_eq!(words.len(), 2, "in the log, and as the last word: {words:?}");
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("relay: the relay is disabled: ") && last.contains("revoked"), "{last}");
    assert!(!log.contains("ERROR") && !log.contains("reconnect") && !log.contains(SECRET), "{log}");
    assert!(stand_in.unasked("dial").is_empty());
}

/// A4: an agent learns, once and before its input is closed, that its relay is disabled.
#[tokio::test]
async fn the_agent_learns_that_its_relay_is_disabled() {
    let told = told_at_a_revocation().await;
    let disabled = told.iter().filter(|line| line["type"] == "status" && line["status"] == "disabled");
    assert_eq!(disabled.count(), 1, "{told:?}");
}

/// A4, O1, O2: it also learns what became of its request that was under way: that nobody knows.
#[tokio::test]
async fn the_agent_learns_what_became_of_its_request() {
    let told = told_at_a_revocation().await;
    let results = told.iter().filter(|line| line["type"] == "result");
    let ambiguous: Vec<bool> = results.map(|line| line["ambiguous"] == true).collect();
    assert_eq!(ambiguous, [true], "{told:?}");
}

/// All that an agent is told whose relay is disabled while a request of its is under way.
async fn told_at_a_revocation() -> Vec<Value> {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let mut run = RelayRun::start(&stand_in.url(), &seat.option(), &[]);
    let (mut agent, mut link) = tokio::join!(seat.next(), stand_in.links());
    agent.asks("r", &send("c1", "x")).await;
    stand_in.hears_request(&mut link).await;
    stand_in.closes(&link, 4401, "unauthorized").await;
    let mut told = Vec::new();
    while let Some(line) = agent.hears().await {
        told.push(line);
    }
    drop(agent);
    assert_eq!(run.exit_code().await, Some(77));
    told
}

/// A1, A3: before any handshake 4401 is retried. Once there was one, it is final also on a link that had none.
#[tokio::test]
async fn refused_before_a_handshake_is_retried() {
    let mut stand_in = StandIn::start().await;
    let mut run = RelayRun::start(&stand_in.url(), "discard", &[]);
    for _ in 0..3 {
        let link = stand_in.accepts().await;
        stand_in.closes(&link, 4401, "unauthorized").await;
    }
    let link = stand_in.links().await;
    stand_in.cuts(&link).await;
    let link = stand_in.accepts().await;
    stand_in.closes(&link, 4401, "unauthorized").await;
    assert_eq!(run.exit_code().await, Some(77));
}

/// A2, A6: neither `expired` nor any other code is final, before a handshake or after.
#[tokio::test]
async fn other_closes_are_retried() {
    let mut stand_in = StandIn::start().await;
    let mut run = RelayRun::start(&stand_in.url(), "discard", &[]);
    let link = stand_in.accepts().await;
    stand_in.closes(&link, 4401, "expired").await;
    for (code, reason) in
        [(4401, "expired"), (1000, ""), (1008, "unauthorized"), (1011, ""), (4403, "unauthorized")]
    {
        let link = stand_in.links().await;
        stand_in.closes(&link, code, reason).await;
        run.logs(&format!("close {code}")).await;
    }
    stand_in.links().await;
}

/// A6: an HTTP status in the place of the upgrade is retried, whatever it is; 401 and 403 are shown as refused.
#[tokio::test]
async fn a_refused_upgrade_is_retried() {
    let mut stand_in = StandIn::start().await;
    stand_in.ask("answer", json!({"status": 401})).await;
    let mut run = RelayRun::start(&stand_in.url(), "discard", &[]);
    for (status, words) in
        [(401, "refused with HTTP 401"), (403, "refused with HTTP 403"), (404, "HTTP 404"), (503, "HTTP 503")]
    {
        stand_in.ask("answer", json!({"status": status})).await;
        run.logs(words).await;
    }
    stand_in.ask("answer", json!({})).await;
    stand_in.links().await;
    run.logs("linked").await;
}

/// I4, O10: asked to end, the gateway lets its agent finish, waits for the results of what is in flight, says
/// `going_idle`, and closes with 1000 once that is acked. What comes meanwhile is not acked, and so comes again.
#[tokio::test]
async fn asked_to_end_it_goes_in_order() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let mut run = RelayRun::start(&stand_in.url(), &seat.option(), &["--ack", "agent"]);
    let (mut agent, mut link) = tokio::join!(seat.next(), stand_in.links());
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    let delivery = agent.gets_text("m1").await;
    run.terminate().await;
    assert_eq!(agent.hears().await, None, "its input is closed");
    agent.replies(&delivery, "last words").await;
    agent.acks(&delivery).await;
    drop(agent);
    let mut frames = [stand_in.hears(&mut link).await, stand_in.hears(&mut link).await];
    frames.sort_by_key(|frame| frame["type"].as_str().map(str::to_owned));
    assert_eq!(frames[0], json!({"type": "inbound_ack", "bufferId": "b:1"}));
    assert_eq!(frames[1]["action"]["content"], "last words");
    stand_in.does(&link, &frames[1]).await;
    assert_eq!(stand_in.hears(&mut link).await, json!({"type": "going_idle"}));
    stand_in.delivers(&link, &text_event("m2"), Some("b:2")).await;
    stand_in.says(&link, &json!({"type": "going_idle_ack"})).await;
    assert_eq!(stand_in.sees_closed(&link).await, (1000, String::new()));
    assert_eq!(run.exit_code().await, Some(0));
    assert!(stand_in.unasked("message").is_empty() && stand_in.unasked("dial").is_empty());
}

/// I4: a connector that does not ack is not waited for beyond its time.
#[tokio::test]
async fn asked_to_end_it_does_not_wait_for_ever() {
    let mut stand_in = StandIn::start().await;
    let mut run = RelayRun::start(&stand_in.url(), "discard", &["--shutdown-idle-timeout", "100ms"]);
    let mut link = stand_in.links().await;
    run.logs("linked").await;
    run.terminate().await;
    assert_eq!(stand_in.hears(&mut link).await, json!({"type": "going_idle"}));
    assert_eq!(stand_in.sees_closed(&link).await, (1000, String::new()));
    assert_eq!(run.exit_code().await, Some(0));
}

/// L6: asked to end while it has no link, it dials no more and ends.
#[tokio::test]
async fn asked_to_end_without_a_link() {
    let mut stand_in = StandIn::start().await;
    stand_in.ask("answer", json!({"status": 503})).await;
    let options = ["--backoff-base", "1h", "--backoff-cap", "1h"];
    let mut run = RelayRun::start(&stand_in.url(), "discard", &options);
    run.logs("HTTP 503").await;
    run.terminate().await;
    assert_eq!(run.exit_code().await, Some(0));
    stand_in.sees("dial").await;
    assert!(stand_in.unasked("dial").is_empty());
}

/// I2, I6, L7: idle for long enough, the gateway asks to be only buffered for, and once that is acked closes with 1000
/// and is dormant, which is nothing bad. Woken, it dials at once.
#[tokio::test]
async fn idle_it_sleeps_until_it_is_woken() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let files = Directory::new();
    let run = RelayRun::start(&stand_in.url(), &seat.option(), &sleepy(&wakeable(&files)));
    let (mut agent, mut link) = tokio::join!(seat.next(), stand_in.links());
    assert_eq!(stand_in.hears(&mut link).await, json!({"type": "going_idle"}));
    stand_in.says(&link, &json!({"type": "going_idle_ack"})).await;
    assert_eq!(stand_in.sees_closed(&link).await, (1000, String::new()));
    agent.learns("dormant").await;
    assert!(stand_in.unasked("dial").is_empty());
    run.signal("USR1").await;
    let link = stand_in.links().await;
    agent.learns("linked").await;
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    agent.gets_text("m1").await;
    let log = run.log();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

/// I1, L7: until `going_idle` is acked the gateway serves on: a message reaches the agent and is acked. A request of the
/// agent's keeps the gateway awake: it goes out on a new link, for a connector that has flipped would not know.
#[tokio::test]
async fn going_idle_it_serves_on() {
    let mut stand_in = StandIn::start().await;
    let seat = AgentSeat::new().await;
    let files = Directory::new();
    let _run = RelayRun::start(&stand_in.url(), &seat.option(), &sleepy(&wakeable(&files)));
    let (mut agent, mut link) = tokio::join!(seat.next(), stand_in.links());
    assert_eq!(stand_in.hears(&mut link).await, json!({"type": "going_idle"}));
    stand_in.delivers(&link, &text_event("m1"), Some("b:1")).await;
    let delivery = agent.gets_text("m1").await;
    stand_in.hears_ack(&mut link, "b:1").await;
    agent.replies(&delivery, "not asleep yet").await;
    assert_eq!(stand_in.sees_closed(&link).await.0, 1001);
    let mut link = stand_in.links().await;
    let request = stand_in.hears_request(&mut link).await;
    assert_eq!(request["action"]["content"], "not asleep yet");
}

/// A configuration file with a wake URL, without which no gateway goes to sleep.
fn wakeable(files: &Directory) -> String {
    files.file("relay.yaml", "gateway:\n  relay_wake_url: http://127.0.0.1:9/wake\n")
}

/// Options of a gateway that goes to sleep soon.
fn sleepy(config: &str) -> [&str; 6] {
    ["--config", config, "--idle-after", "300ms", "--on-idle", "dormant"]
}

fn send(chat_id: &str, content: &str) -> Value {
    json!({"op": "send", "chat_id": chat_id, "content": content, "reply_to": null, "metadata": {}})
}
