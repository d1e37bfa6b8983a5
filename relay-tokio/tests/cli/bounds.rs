//! What waits is bounded: for an agent that does not read, and for a platform that does not answer.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::agent::Agent;
use super::house::House;
use super::program::{Running, relay};
use super::stand_in::{Link, StandIn};

/// An agent that asks for so much, and does not read what becomes of it.
struct Deaf {
    agent: Agent,
    running: Running,
    asked: usize,
    asking: JoinHandle<()>,
}

impl Deaf {
    /// It asks until it is not heard any more. Each answer has about `length` bytes.
    async fn asks(house: &House, asked: usize, length: usize) -> Self {
        let mut agent = Agent::seat(house.directory()).await;
        let mut running = Running::start(house.run(&["--agent", &agent.exec()]));
        agent.hears_status("linked").await;
        let reference = "r".repeat(length);
        let mut mouth = agent.mouth();
        let asking = tokio::spawn(async move {
            for number in 0..asked {
                mouth.says(&json!({"type": "action", "ref": [number, reference], "action": {}})).await;
            }
            mouth.says(&json!({"type": "reply", "delivery": "the last word", "content": "x"})).await;
        });
        running.logs("does not read its input").await;
        Self { agent, running, asked, asking }
    }

    /// It reads, and is heard again and told everything.
    async fn reads(mut self) {
        let reading = async {
            for number in 0..self.asked {
                let told = self.agent.hears_of_work().await;
                assert_eq!(
                    (&told["ref"][0], &told["result"]["code"]),
                    (&json!(number), &json!("bad_action"))
                );
            }
        };
        tokio::join!(reading, self.running.logs("the last word"));
        self.asking.await.unwrap();
    }
}

/// An agent that leaves many answers unread is not heard, until it reads. The pipes do not hold what it asks then.
#[tokio::test]
async fn an_agent_that_does_not_read_is_not_heard() {
    let house = House::start().await;
    let deaf = Deaf::asks(&house, 1500, 4096).await;
    assert!(!deaf.asking.is_finished(), "somebody holds all that it has asked");
    deaf.reads().await;
}

/// The same by the bytes of few answers.
#[tokio::test]
async fn an_agent_that_does_not_read_long_lines_is_not_heard() {
    Deaf::asks(&House::start().await, 22, 900_000).await.reads().await;
}

/// What an agent has not read when it dies keeps nobody from hearing the next one.
#[tokio::test]
async fn an_agent_dies_with_everything_unread() {
    let mut house = House::start().await;
    let mark = house.directory().at("mark");
    // The relay hears no more of this than its answers allow, and the pipes take the rest.
    let ask =
        format!(r#"yes '{{"type":"action","ref":"{}","action":{{}}}}' | head -n 1100"#, "r".repeat(4096));
    let agent = format!(
        "exec:if [ -e '{mark}' ]; then \
             while read -r line; do case $line in *message*) echo '{{\"type\":\"interrupt\",\"session_key\":\"s\"}}';; esac; done; \
             exit; fi; {ask}; until [ -e '{mark}' ]; do sleep 0.01; done; exit 3"
    );
    let mut running = Running::start(house.run(&["--agent", &agent]));
    running.logs("does not read its input").await;
    std::fs::write(mark, "").unwrap();
    running.logs("exit status: 3").await;
    house.say("go");
    assert_eq!(house.sees().await["interrupt"], "s");
}

/// An echo takes no more than `most` deliveries whose replies are not out, each of which is sent in so many pieces; and
/// so many more when it can.
async fn echo_waits(text: &str, most: usize, pieces: usize, more: usize) {
    let stand_in = StandIn::bind().await;
    let _running = Running::start(relay(&["run", "--url", &stand_in.url(), "--request-timeout", "1h"]));
    let (mut link, _) = stand_in.greet(1).await;
    for number in 0..most + 16 {
        let source = json!({"platform": "relay", "chat_id": "c", "chat_type": "dm", "user_id": "u"});
        let event = json!({"text": text, "message_id": number.to_string(), "source": source});
        link.send(&json!({"type": "inbound", "event": event, "bufferId": number.to_string()})).await;
    }
    let (mut acked, mut answered) = (0, 0);
    let mut waiting = None;
    while acked < most + more {
        let frame = link.next().await;
        match frame["type"].as_str() {
            Some("inbound_ack") => acked += 1,
            Some("outbound") => waiting = Some(frame),
            _ => panic!("{frame}"),
        }
        assert!(acked <= most + answered / pieces, "{acked} are acked, and {answered} pieces are answered");
        if let Some(request) = waiting.take_if(|_| acked >= most) {
            answer(&mut link, &request).await;
            answered += 1;
        }
    }
}

async fn answer(link: &mut Link, request: &Value) {
    let result = json!({"success": true, "message_id": "m"});
    link.send(&json!({"type": "outbound_result", "requestId": request["requestId"], "result": result})).await;
}

/// An echo takes deliveries for as long as there is room for its replies.
#[tokio::test]
async fn an_echo_waits_for_its_platform() {
    echo_waits("x", 1024, 1, 8).await;
}

/// The same by the bytes of its replies. The stand-in's texts have at most 4,096 characters.
#[tokio::test]
async fn an_echo_of_long_texts_waits_for_its_platform() {
    echo_waits(&"x".repeat(1 << 20), 32, 256, 1).await;
}
