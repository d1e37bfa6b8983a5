//! How the program ends: asked to, revoked, idle, or with nothing to do.

use tokio::process::Command;
use tokio::time::Instant;

use super::agent::Agent;
use super::house::{GATEWAY, House};
use super::http::get;
use super::program::{Running, relay, said, within};
use super::stand_in::StandIn;
use relay_tokio::proto::connector::Status;

/// Asked to end, nothing takes longer than this. The link's own budget at a shutdown is seven seconds.
const PROMPTLY: std::time::Duration = std::time::Duration::from_secs(10);

/// Sends the signal: the program ends by itself with 0, soon, and says nothing of an error.
async fn ends_on(signal: &str, running: Running) {
    let began = Instant::now();
    running.signal(signal).await;
    let (status, log) = running.ends().await;
    assert_eq!(status.code(), Some(0), "{signal}: {log:#?}");
    assert!(began.elapsed() < PROMPTLY, "{signal}: {:?}", began.elapsed());
    assert!(!log.iter().any(|line| line.starts_with("relay: ") || line.contains("too long")), "{log:#?}");
}

/// SIGTERM and SIGINT end a gateway that is linked, and the connector is told.
#[tokio::test]
async fn a_linked_gateway_ends() {
    for signal in ["TERM", "INT"] {
        let house = House::start().await;
        let mut agent = Agent::seat(house.directory()).await;
        let running = Running::start(house.run(&["--agent", &agent.exec()]));
        agent.hears_status("linked").await;
        ends_on(signal, running).await;
        house.becomes(Status::Offline).await;
    }
}

/// An agent that replies to the last delivery when its input is closed. It starts nothing, which could take its time.
const SAYS_BYE: &str = r#"exec:while read -r line; do case $line in *'"delivery":"'*)
    rest=${line#*'"delivery":"'}; last=${rest%%'"'*};; esac; done;
    printf '{"type":"reply","delivery":"%s","content":"bye"}\n' "$last""#;

/// I4: the reply that an agent writes as it ends still goes out.
#[tokio::test]
async fn last_words_go_out() {
    let mut house = House::start().await;
    let running = Running::start(house.run(&["--agent", SAYS_BYE]));
    house.say("hello");
    house.is_drained().await;
    ends_on("TERM", running).await;
    assert_eq!(house.sees().await["content"], "bye");
}

/// I4: also from a gateway that sleeps, or that ends because it would.
#[tokio::test]
async fn last_words_wake_the_gateway() {
    for on_idle in ["dormant", "exit"] {
        let mut house = House::start().await;
        let mut command = house.run(&["--idle-after", "50ms", "--on-idle", on_idle, "--agent", SAYS_BYE]);
        command.env("GATEWAY_RELAY_WAKE_URL", "http://wake.example/");
        house.say("hello");
        let mut running = Running::start(command);
        running.logs("going to sleep").await;
        if on_idle == "dormant" {
            house.becomes(Status::Offline).await;
            ends_on("TERM", running).await;
        } else {
            let (status, log) = running.ends().await;
            assert_eq!(status.code(), Some(0), "{log:#?}");
        }
        assert_eq!(house.sees().await["content"], "bye", "--on-idle {on_idle}");
    }
}

/// I4: also from a gateway that has lost its link and waits to dial.
#[tokio::test]
async fn last_words_do_not_wait_for_the_backoff() {
    let mut house = House::start().await;
    let mut running = Running::start(house.run(&["--backoff-base", "1h", "--agent", SAYS_BYE]));
    house.say("hello");
    house.is_drained().await;
    house.session().disconnect();
    running.logs("no link").await;
    ends_on("TERM", running).await;
    assert_eq!(house.sees().await["content"], "bye");
}

/// A gateway that is not linked ends as well: while it waits to dial, and while it dials.
#[tokio::test]
async fn a_gateway_without_a_link_ends() {
    for signal in ["TERM", "INT"] {
        let stand_in = StandIn::bind().await;
        let mut running = Running::start(relay(&["run", "--url", &stand_in.url(), "--backoff-base", "1h"]));
        stand_in.answer("503 Service Unavailable").await;
        running.logs("no link").await;
        ends_on(signal, running).await;
        let mut running = Running::start(relay(&["run", "--url", &stand_in.url(), "--dial-timeout", "1h"]));
        running.logs("dialing").await;
        let held = stand_in.open().await;
        ends_on(signal, running).await;
        drop(held);
    }
}

/// A connector and the demonstration end on both signals.
#[tokio::test]
async fn servers_end() {
    for signal in ["TERM", "INT"] {
        let mut running = Running::start(relay(&["connector", "--listen", "127.0.0.1:0"]));
        let line = running.logs("listening on http://").await;
        let (_, address) = line.split_once("http://").unwrap();
        // Whoever answers has its handlers of signals set up.
        assert_eq!(get(address, "/healthz").await.0, 200);
        ends_on(signal, running).await;

        let mut running = Running::start(relay(&["demo"]));
        let mut output = running.take_output();
        let line = within("the page's address", output.next_line()).await.unwrap().unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        assert_eq!(get(rest.split('/').next().unwrap(), "/").await.0, 200);
        ends_on(signal, running).await;
    }
}

/// `relay demo --once TEXT` prints the answer to TEXT and nothing else.
#[tokio::test]
async fn the_demonstration_answers_once() {
    for text in ["hello", "é😀 \"quoted\" \\ {}", "two\nlines"] {
        let said = said(relay(&["demo", "--once", text])).await;
        assert_eq!((said.code, &*said.out), (Some(0), &*format!("{text}\n")), "{said:?}");
        assert_eq!(said.err, "");
    }
}

/// A4: a revoked gateway ends with 77 and one line that says what to do, on its live link and on the next one.
#[tokio::test]
async fn revocation_is_77() {
    let house = House::start().await;
    let mut running = Running::start(house.run(&[]));
    running.logs("linked").await;
    assert!(house.connector.revoke(GATEWAY));
    let (status, log) = running.ends().await;
    assert_eq!(status.code(), Some(77), "{log:#?}");
    let lines: Vec<&String> = log.iter().filter(|line| line.starts_with("relay: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("disabled") && lines[0].contains("enroll"), "{log:#?}");

    let stand_in = StandIn::bind().await;
    let secret = house.directory().at("secret");
    let arguments =
        ["run", "--url", &stand_in.url(), "--id", GATEWAY, "--secret-file", &secret, "--backoff-base", "1ms"];
    let mut running = Running::start(relay(&arguments));
    let (link, _) = stand_in.greet(1).await;
    running.logs("linked").await;
    link.close(1001, "").await;
    stand_in.open().await.close(4401, "unauthorized").await;
    assert_eq!(running.ends().await.0.code(), Some(77));
    assert!(stand_in.was_left_alone());
}

/// A1: refused before it ever was linked, it goes on trying, and says so.
#[tokio::test]
async fn a_first_refusal_is_not_the_end() {
    let stand_in = StandIn::bind().await;
    let house = House::start().await;
    let secret = house.directory().at("secret");
    let mut running = Running::start(relay(&[
        "run",
        "--url",
        &stand_in.url(),
        "--id",
        GATEWAY,
        "--secret-file",
        &secret,
        "--backoff-base",
        "200ms",
    ]));
    stand_in.open().await.close(4401, "unauthorized").await;
    assert!(running.logs("no link").await.contains("close 4401 (unauthorized)"));
    stand_in.answer("401 Unauthorized").await;
    assert!(running.logs("no link").await.contains("refused with HTTP 401"));
    let _link = stand_in.greet(1).await;
    running.logs("linked").await;
}

/// I6: idle with `--on-idle exit` it ends with 0, once the connector has agreed.
#[tokio::test]
async fn idle_is_a_clean_end() {
    let house = House::start().await;
    let mut command = house.run(&["--idle-after", "50ms", "--on-idle", "exit"]);
    command.env("GATEWAY_RELAY_WAKE_URL", "http://wake.example/");
    let (status, log) = Running::start(command).ends().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert!(
        log.iter().any(|line| line.contains("going to sleep"))
            && !log.iter().any(|line| line.contains("WARN")),
        "{log:#?}"
    );
}

/// Switched off in the file, it neither dials nor fails.
#[tokio::test]
async fn switched_off_is_a_clean_end() {
    let stand_in = StandIn::bind().await;
    let house = House::start().await;
    for (name, text) in [
        ("off.toml", "[platforms.relay]\nenabled = false\n"),
        ("off.yaml", "platforms:\n  relay:\n    enabled: false\n"),
    ] {
        let file = house.directory().file(name, text);
        let said = said(relay(&["run", "--url", &stand_in.url(), "--config", &file])).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.err.contains("platforms.relay.enabled"), "{said:?}");
    }
    assert!(stand_in.was_left_alone());
}

/// An agent that does not end when it is to is killed, and all that it has started with it.
#[tokio::test]
async fn an_agent_that_does_not_end_is_killed() {
    let house = House::start().await;
    let held = house.directory().at("held");
    assert!(Command::new("mkfifo").arg(&held).status().await.unwrap().success());
    let agent = format!("exec:trap '' HUP INT TERM; exec 3> '{held}'; sleep 90 & sleep 90");
    let mut running = Running::start(house.run(&["--agent", &agent]));
    running.logs("linked").await;
    // The pipe ends when nobody holds it any more.
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || ended.send(std::fs::read_to_string(held)));
    ends_on("TERM", running).await;
    within("the end of the agent's own processes", end).await.unwrap().unwrap();
}
