//! What keeps a gateway awake that may sleep.

use serde_json::json;

use super::agent::Agent;
use super::house::House;
use super::program::{Directory, Running, relay};
use super::stand_in::StandIn;

const IDLE: [&str; 4] = ["--idle-after", "100ms", "--on-idle", "dormant"];

/// A gateway that may be woken, beside an agent's seat.
fn start(house: &House, more: &[&str]) -> Running {
    let mut command = house.run(&IDLE);
    command.args(more).env("GATEWAY_RELAY_WAKE_URL", "http://wake.example/");
    Running::start(command)
}

/// With `--ack written` a job that makes no sound is not known of, which is said at the start.
#[tokio::test]
async fn silent_work_may_be_unknown() {
    let house = House::start().await;
    let mut running = start(&house, &["--agent", "exec:cat > /dev/null"]);
    assert!(running.logs("--ack agent").await.contains("INFO"));
    running.logs("dormant").await;
}

/// With `--ack agent` a delivery that is not acked keeps the gateway awake, and nothing is to be said.
#[tokio::test]
async fn work_that_is_not_acked_is_known() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    house.say("a job");
    let running = start(&house, &["--ack", "agent", "--agent", &agent.exec()]);
    let told = agent.hears_of_work().await;
    agent.says(&json!({"type": "ack", "delivery": told["delivery"]})).await;
    agent.hears_status("dormant").await;
    running.signal("TERM").await;
    let (_, log) = running.ends().await;
    assert!(!log.iter().any(|line| line.contains("--ack agent")), "{log:#?}");
}

/// What was under way when something else happened last keeps the gateway awake until it is done, and no longer.
#[tokio::test]
async fn a_reply_keeps_it_awake_until_it_is_out() {
    let stand_in = StandIn::bind().await;
    let directory = Directory::new();
    let mut agent = Agent::seat(&directory).await;
    let mut command = relay(&["run", "--url", &stand_in.url(), "--agent", &agent.exec()]);
    // Not before the message comes, and once the reply is out.
    command
        .args(["--idle-after", "2s", "--ack", "agent"])
        .env("GATEWAY_RELAY_WAKE_URL", "http://wake.example/");
    let _running = Running::start(command);
    let (mut link, _) = stand_in.greet(1).await;
    let source = json!({"platform": "relay", "chat_id": "c", "chat_type": "dm", "user_id": "u"});
    let event = json!({"text": "hello", "message_id": "m", "source": source});
    link.send(&json!({"type": "inbound", "event": event, "bufferId": "b"})).await;
    let told = agent.hears_of_work().await;
    agent.says(&json!({"type": "reply", "delivery": told["delivery"], "content": "x"})).await;
    let request = link.next_of("outbound").await;
    agent.says(&json!({"type": "ack", "delivery": told["delivery"]})).await;
    link.next_of("inbound_ack").await;
    agent.says(&json!({"type": "interrupt", "session_key": "s"})).await;
    link.next_of("interrupt").await;
    let result = json!({"success": true, "message_id": "n"});
    link.send(&json!({"type": "outbound_result", "requestId": request["requestId"], "result": result})).await;
    link.next_of("going_idle").await;
}
