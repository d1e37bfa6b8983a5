//! The process of an agent: when it counts as ended, what is left of it then, and which of its pipes it may close.

use serde_json::json;
use tokio::process::Command;

use super::agent::Agent;
use super::house::House;
use super::program::{Running, until, within};

/// A pipe that ends when nobody has it open any more. An agent takes it with `exec 3> PATH`.
async fn fifo(house: &House, name: &str) -> String {
    let path = house.directory().at(name);
    assert!(Command::new("mkfifo").arg(&path).status().await.unwrap().success());
    path
}

/// How many lines of the log have this in them.
fn count(log: &[String], part: &str) -> usize {
    log.iter().filter(|line| line.contains(part)).count()
}

/// An agent that dies is seen to, whoever still holds its output; what it leaves behind is killed.
#[tokio::test]
async fn an_agent_dies_and_leaves_something_behind() {
    let house = House::start().await;
    let (held, mark) = (fifo(&house, "held").await, house.directory().at("mark"));
    let agent = format!(
        "exec:if [ -e '{mark}' ]; then exec cat > /dev/null; fi; : > '{mark}'; exec 3> '{held}'; \
             sleep 90 < /dev/null & exec sh -c 'read -r line; exit 3'"
    );
    let mut running = Running::start(house.run(&["--agent", &agent]));
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || ended.send(std::fs::read_to_string(held)));
    assert!(running.logs("the agent ended").await.contains("exit status: 3"));
    within("the end of what it left behind", end).await.unwrap().unwrap();
    running.logs("agent started").await;
}

/// What an agent said before it died is heard, though something it started still holds its output.
#[tokio::test]
async fn a_dead_agents_words_are_heard() {
    let mut house = House::start().await;
    let words = r#"yes '{"type":"interrupt","session_key":"s"}' | head -n 500; printf '{"type":"interrupt","session_key":"last"}'"#;
    let mark = house.directory().at("mark");
    let agent = format!(
        "exec:if [ -e '{mark}' ]; then exec cat > /dev/null; fi; \
             while read -r line; do case $line in *message*) : > '{mark}'; sleep 90 & {words}; exit 3;; esac; done"
    );
    let _running = Running::start(house.run(&["--agent", &agent]));
    house.say("go");
    for _ in 0..500 {
        assert_eq!(house.sees().await["interrupt"], "s");
    }
    // Its last line has no end: this is known once its output is given up.
    assert_eq!(house.sees().await["interrupt"], "last");
}

/// An agent that closes its input can be told nothing any more, and is started anew.
#[tokio::test]
async fn an_agent_closes_its_input() {
    let house = House::start().await;
    let held = fifo(&house, "held").await;
    let agent = format!("exec:exec 0<&-; exec 3> '{held}'; sleep 90");
    let mut running = Running::start(house.run(&["--agent", &agent]));
    let open = tokio::task::spawn_blocking(move || std::fs::File::open(held).unwrap());
    let _open = within("an agent without its input", open).await.unwrap();
    house.say("one");
    running.logs("has closed its input").await;
    assert!(running.logs("the agent ended").await.contains("signal: 9"));
    running.logs("agent started").await;
}

/// An agent that has nothing to say, and closes its output, is fed for as long as it lives.
#[tokio::test]
async fn an_agent_closes_its_output() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    let exec = format!("exec:exec cat > '{}'", house.directory().at("from-relay"));
    let running = Running::start(house.run(&["--agent", &exec]));
    agent.hears_status("linked").await;
    for text in ["one", "two"] {
        house.say(text);
        assert_eq!(agent.hears_of_work().await["event"]["text"], text);
    }
    house.is_drained().await;
    running.signal("TERM").await;
    let (status, log) = running.ends().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert!(count(&log, "agent started") == 1 && count(&log, "WARN") == 0, "{log:#?}");
}

/// An agent that ends when it is asked to is not blamed for what it leaves behind.
#[tokio::test]
async fn an_agent_ends_and_leaves_something_behind() {
    let house = House::start().await;
    let agent = "exec:sleep 90 < /dev/null & cat > /dev/null";
    let mut running = Running::start(house.run(&["--agent", agent]));
    running.logs("linked").await;
    running.signal("TERM").await;
    let (status, log) = running.ends().await;
    assert_eq!((status.code(), count(&log, "WARN")), (Some(0), 0), "{log:#?}");
}

/// An agent that does not read is given its time to end, and then killed, like any other.
#[tokio::test]
async fn an_agent_that_does_not_read_is_ended() {
    let house = House::start().await;
    let mut running = Running::start(house.run(&["--agent", "exec:sleep 90"]));
    running.logs("linked").await;
    for text in 0..40 {
        house.say(&format!("{text}{}", "x".repeat(10_000)));
    }
    // What it was written counts once it has run for a while, and its pipe is full by then.
    until("an agent that runs", || house.session().backlog() < 40).await;
    running.signal("TERM").await;
    let (status, log) = running.ends().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert_eq!((count(&log, "and is killed"), count(&log, "too long")), (1, 0), "{log:#?}");
}

/// No agent is started once the program is asked to end, though a start is due in four seconds.
#[tokio::test]
async fn no_agent_is_started_at_the_end() {
    let house = House::start().await;
    let starts = house.directory().at("starts");
    let agent =
        format!("exec:echo >> '{starts}'; [ $(wc -l < '{starts}') -lt 4 ] || kill -TERM $PPID; exit 3");
    let (status, log) = Running::start(house.run(&["--agent", &agent])).ends().await;
    assert_eq!((status.code(), count(&log, "agent started")), (Some(0), 4), "{log:#?}");
}

/// A5: none of the relay's own secrets is in the environment of its agent.
#[tokio::test]
async fn an_agent_is_not_given_the_secrets() {
    let house = House::start().await;
    let mut agent = Agent::seat(house.directory()).await;
    let from_relay = house.directory().at("from-relay");
    let names = ["SECRET", "DELIVERY_KEY", "ENROLL_TOKEN", "IDP_CLIENT_SECRET"];
    let say = names.map(|name| format!("${{GATEWAY_RELAY_{name}-none}}")).join(",");
    let exec = format!("exec:echo \"{{\\\"has\\\":\\\"{say}\\\"}}\" > '{from_relay}'; exec cat > /dev/null");
    let mut command = house.run(&["--agent", &exec]);
    for name in names {
        command.env(format!("GATEWAY_RELAY_{name}"), "s3cret");
    }
    let _running = Running::start(command);
    assert_eq!(agent.hears().await, json!({"has": "none,none,none,none"}));
}
