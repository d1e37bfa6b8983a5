//! The agent protocol of `relay run --agent exec:…`: what an agent is told, what it may say, and what becomes of one
//! that misbehaves.

use relay_tokio::proto::connector::Status;
use serde_json::json;

use super::agent::Agent;
use super::house::{GATEWAY, House};
use super::program::Running;

/// A connector, and a gateway with an agent's seat beside it, linked.
async fn linked(more: &[&str]) -> (House, Running, Agent) {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    let mut command = house.run(&["--agent", &agent.exec()]);
    command.args(more);
    let running = Running::start(command);
    agent.hears_status("linked").await;
    (house, running, agent)
}

/// A message reaches the agent with a session key, and its reply the chat; once written, the delivery is done.
#[tokio::test]
async fn a_message_and_its_reply() {
    let (mut house, _running, mut agent) = linked(&[]).await;
    house.say("hello é😀\n\u{2028}");
    let told = agent.hears_of_work().await;
    assert_eq!((&told["type"], &told["event"]["text"]), (&json!("message"), &json!("hello é😀\n\u{2028}")));
    assert_eq!(told["session_key"], "agent:main:relay:dm:c");
    house.is_drained().await;
    agent.says(&json!({"type": "reply", "delivery": told["delivery"], "content": "hi é😀"})).await;
    let action = house.sees().await;
    let expected = (&json!("send"), &json!("c"), &json!("hi é😀"));
    assert_eq!((&action["op"], &action["chat_id"], &action["content"]), expected);
}

/// D1, with `--ack agent`: the delivery is done when the agent says so, and no sooner.
#[tokio::test]
async fn a_delivery_is_done_when_the_agent_says_so() {
    let (mut house, _running, mut agent) = linked(&["--ack", "agent"]).await;
    house.say("one");
    house.say("two");
    let one = agent.hears_of_work().await;
    let two = agent.hears_of_work().await;
    // The reply goes through all of `relay run`, and leaves the delivery open.
    agent.says(&json!({"type": "reply", "delivery": one["delivery"], "content": "x"})).await;
    house.sees().await;
    assert_eq!(house.session().backlog(), 2);
    agent.says(&json!({"type": "ack", "delivery": two["delivery"]})).await;
    // An id may come back as a number.
    let number: u64 = one["delivery"].as_str().unwrap().parse().unwrap();
    agent.says(&json!({"type": "ack", "delivery": number})).await;
    house.is_drained().await;
}

/// Actions have results by their `ref`, also those that cannot be done; interrupts go both ways.
#[tokio::test]
async fn actions_and_interrupts() {
    let (mut house, _running, mut agent) = linked(&[]).await;
    let action = json!({"op": "send", "chat_id": "elsewhere", "content": "x", "metadata": {"k": 1}});
    agent.says(&json!({"type": "action", "ref": {"any": ["thing"]}, "action": action})).await;
    let seen = house.sees().await;
    assert_eq!((&seen["chat_id"], &seen["metadata"]["k"]), (&json!("elsewhere"), &json!(1)));
    let told = agent.hears_of_work().await;
    assert_eq!((&told["type"], &told["ref"]), (&json!("result"), &json!({"any": ["thing"]})));
    assert_eq!(told["result"]["success"], true);
    for bad in [
        json!({"action": {"op": "send"}}),
        json!({"action": {}}),
        json!({"action": {"op": 7}}),
        json!({"action": "x"}),
        json!({"action": null}),
        json!({}),
        json!({"action": {"op": "send", "chat_id": "c", "content": "x"}, "platform": 7}),
    ] {
        let mut asked = json!({"type": "action", "ref": 7});
        asked.as_object_mut().unwrap().append(&mut bad.as_object().unwrap().clone());
        agent.says(&asked).await;
        let told = agent.hears_of_work().await;
        assert_eq!(
            (&told["ref"], &told["result"]["code"]),
            (&json!(7), &json!("bad_action")),
            "{asked}: {told}"
        );
    }
    let foreign = json!({"op": "send", "chat_id": "c", "content": "x"});
    agent.says(&json!({"type": "action", "ref": 8, "action": foreign, "platform": "telegram"})).await;
    let told = agent.hears_of_work().await;
    assert_eq!((&told["ref"], &told["result"]["code"]), (&json!(8), &json!("refused")));

    agent.says(&json!({"type": "interrupt", "session_key": "s", "reason": "stop"})).await;
    assert_eq!(house.sees().await, json!({"interrupt": "s", "reason": "stop"}));
    house.session().interrupt("s2", "c").unwrap();
    let told = agent.hears_of_work().await;
    assert_eq!(told, json!({"type": "interrupt", "session_key": "s2", "chat_id": "c"}));
}

/// An agent that writes garbage is told apart in the log, and its next good line counts.
#[tokio::test]
async fn garbage_is_skipped() {
    let (mut house, mut running, mut agent) = linked(&["--ack", "agent"]).await;
    house.say("one");
    let told = agent.hears_of_work().await;
    let long = format!("{{\"type\":\"reply\",\"content\":\"{}\"}}", "x".repeat(2 << 20));
    for garbage in [
        &b"Traceback (most recent call last):"[..],
        b"\xff\xfe\x00",
        b"{}",
        b"[]",
        b"{\"type\":\"dance\"}",
        b"{\"type\":\"reply\",\"delivery\":\"1\"}",
        b"{\"type\":\"reply\",\"delivery\":\"no such\",\"content\":\"x\"}",
        b"{\"type\":\"ack\",\"delivery\":\"no such\"}",
        b"{\"type\":\"ack\",\"delivery\":{}}",
        b"{\"type\":\"action\",\"action\":[]}",
        long.as_bytes(),
    ] {
        agent.says_bytes(garbage).await;
        agent.says_bytes(b"\n").await;
        let line = running.logs("the agent").await;
        assert!(line.contains("WARN") && line.len() < 400, "{line}");
    }
    agent.says_bytes(b"\n  \r\n").await;
    agent.says(&json!({"type": "reply", "delivery": told["delivery"], "content": "good"})).await;
    assert_eq!(house.sees().await["content"], "good");
    assert_eq!(house.session().backlog(), 1, "nothing of it was an ack");
}

/// A script that dies the first time, once it has been told of a delivery and has said this, and gives its seat to the
/// test after that.
fn dies_once(house: &House, agent: &Agent, last_words: &str) -> String {
    let mark = house.directory().at("mark");
    let seat = agent.command();
    format!(
        "exec:if [ -e '{mark}' ]; then {seat}; else : > '{mark}'; \
             while read -r line; do case $line in *message*) {last_words} exit 3;; esac; done; fi"
    )
}

/// An agent that dies is started again. With `--ack agent` it is told again of what it was not done with.
#[tokio::test]
async fn an_agent_that_dies_is_told_again() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    house.say("one");
    house.say("two");
    let script = dies_once(&house, &agent, "");
    let mut running = Running::start(house.run(&["--ack", "agent", "--agent", &script]));
    let ended = running.logs("the agent ended").await;
    assert!(ended.contains("exit status: 3") && ended.contains("starting it again"), "{ended}");
    for text in ["one", "two"] {
        let told = agent.hears_of_work().await;
        assert_eq!(told["event"]["text"], text);
        agent.says(&json!({"type": "ack", "delivery": told["delivery"]})).await;
    }
    house.is_drained().await;
    assert_eq!(house.session().status(), Status::Live, "the link does not go with the agent");
}

/// By default what was written to an agent is done, whatever becomes of the agent, once it has shown that it is there;
/// what was not is told to the next.
#[tokio::test]
async fn what_was_written_is_not_told_again() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    house.say("one");
    let script = dies_once(&house, &agent, "echo '{\"type\":\"interrupt\",\"session_key\":\"s\"}';");
    let mut running = Running::start(house.run(&["--agent", &script]));
    running.logs("the agent ended").await;
    house.is_drained().await;
    agent.hears_status("linked").await;
    house.say("two");
    assert_eq!(agent.hears_of_work().await["event"]["text"], "two");
}

/// An agent that is missing is named as such, tried again, and loses nothing, whenever a delivery counts as done.
#[tokio::test]
async fn an_agent_that_is_missing() {
    for ack in ["agent", "written"] {
        let house = House::start().await;
        let missing = house.directory().at("agent");
        house.say("one");
        let exec = format!("exec:{missing}");
        let mut running = Running::start(house.run(&["--ack", ack, "--agent", &exec]));
        // The shell says what it could not find, and `relay` what it makes of that.
        running.logs(&missing).await;
        assert!(running.logs("the agent ended").await.contains("127"));
        house.becomes(Status::Live).await;
        running.logs("the agent ended").await;
        assert_eq!(house.session().backlog(), 1, "--ack {ack}");
        // From now on it is there.
        let mut agent = Agent::seat(house.directory()).await;
        std::fs::write(&missing, format!("#!/bin/sh\n{}\n", agent.command())).unwrap();
        std::fs::set_permissions(&missing, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(agent.hears_of_work().await["event"]["text"], "one");
    }
}

/// I6: an agent is told that the link is down, and why, and that it is up again.
#[tokio::test]
async fn a_lost_link_is_told_with_its_reason() {
    // Long enough to be told of: the agent hears of the latest status, and not of every one.
    let (house, _running, mut agent) = linked(&["--backoff-base", "200ms"]).await;
    house.session().disconnect();
    let told = agent.hears_status("reconnecting").await;
    assert_eq!(told["reason"], "close 1001 (asked to connect anew)");
    agent.hears_status("linked").await;
}

/// I6: dormant is told as dormant, without a reason, and neither as a failure nor as a reconnection; SIGUSR1 wakes.
#[tokio::test]
async fn dormant_is_told_as_healthy() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    let mut command = house.run(&["--idle-after", "50ms", "--on-idle", "dormant", "--agent", &agent.exec()]);
    command.env("GATEWAY_RELAY_WAKE_URL", "http://wake.example/");
    let mut running = Running::start(command);
    let mut told = Vec::new();
    while told.last().is_none_or(|line: &serde_json::Value| line["status"] != "dormant") {
        told.push(agent.hears().await);
    }
    let linked = told.iter().position(|line| line["status"] == "linked").unwrap();
    assert_eq!(
        told[linked..],
        [json!({"type": "status", "status": "linked"}), json!({"type": "status", "status": "dormant"})]
    );
    assert!(running.logs("dormant").await.contains("INFO"));
    house.becomes(Status::Offline).await;
    running.signal("USR1").await;
    agent.hears_status("linked").await;
}

/// A4, I6: an agent is told that the relay is disabled, before everything ends.
#[tokio::test]
async fn disabled_is_told() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    // What comes before this line is all that the agent was told.
    let last =
        format!(r#"echo '{{"type":"status","status":"over"}}' > '{}'"#, house.directory().at("from-relay"));
    let running = Running::start(house.run(&["--agent", &format!("{}; {last}", agent.exec())]));
    agent.hears_status("linked").await;
    assert!(house.connector.revoke(GATEWAY));
    let (status, log) = running.ends().await;
    assert_eq!(status.code(), Some(77), "{log:#?}");
    assert_eq!(agent.hears().await["status"], "disabled");
}
