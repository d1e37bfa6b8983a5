//! The `relay` program on two hosts of their own, with a cable between them: what no loopback shows.
//!
//! The hosts are network namespaces. Where they cannot be made, the tests say what they did not check, and pass.

mod interop;
#[path = "network_hosts/mod.rs"]
mod network_hosts;

use std::time::Duration;

use interop::{Connector, Hook};
use network_hosts::{
    Cable, DEAD, Faults, GatewayHost, LIVE, between_hosts, not_checked, over_a_bad_cable, since_midnight,
};

/// W1: a message goes from the connector's host to the agent's, and the answer comes back.
#[test]
fn a_message_is_answered() {
    between_hosts("a message between two hosts", async |cable| {
        let mut site = Site::start(cable).await;
        site.is_answered("hello").await;
        site.is_drained().await;
    });
}

/// W1, W2, L2, K1: while the cable is cut, both ends wait. What comes meanwhile is delivered once, after the cable is
/// back.
#[test]
fn a_cut_cable_loses_and_doubles_nothing() {
    between_hosts("a cut cable", async |cable| {
        let mut site = Site::start(cable).await;
        site.is_answered("before").await;
        cable.cut();
        site.gateway.program.logs("no link").await;
        site.connector.deliver_text("meanwhile").await;
        assert_eq!(site.connector.backlog().await, 1);
        cable.mend();
        site.gateway.program.logs("linked").await;
        site.answers("meanwhile").await;
        // A second answer to it would come before this one.
        site.is_answered("after").await;
        site.is_drained().await;
    });
}

/// W1 to W3: over a slow and lossy cable, everything is delivered once and in order.
#[test]
fn a_bad_cable_keeps_the_order() {
    let faults = Faults { delay: Duration::from_millis(200), loss: 0.05, seed: 7 };
    over_a_bad_cable(&faults, "a cable with 200 ms of delay and 5 % of loss", async |cable| {
        let mut site = Site::start(cable).await;
        let texts: Vec<String> = (0..40).map(|number| format!("m{number}")).collect();
        for text in &texts {
            site.connector.deliver_text(text).await;
        }
        for text in &texts {
            site.answers(text).await;
        }
        site.is_answered("the end").await;
        site.is_drained().await;
    });
}

/// L9: of a name with a dead IPv6 address and a live IPv4 one, the dead address costs its head start of 250 ms, and
/// not the time-out of the dial.
#[test]
fn a_dead_address_costs_its_head_start() {
    const UNCHECKED: &str = "a name with a dead IPv6 address";
    between_hosts(UNCHECKED, async |cable| {
        let names = format!("{DEAD} two-addresses.test\n{LIVE} two-addresses.test\n127.0.0.1 localhost\n");
        let _hosts = match cable.gateway.hosts_file(&names) {
            Ok(file) => file,
            Err(why) => return not_checked(UNCHECKED, &why),
        };
        let mut site = Site::start_with(cable, "two-addresses.test").await;
        let [dialing, linked] =
            [&site.gateway.dialing, &site.gateway.linked].map(|line| since_midnight(line));
        // Midnight may lie between.
        let took = (linked + Duration::from_hours(24)).saturating_sub(dialing);
        let took = took.checked_sub(Duration::from_hours(24)).unwrap_or(took);
        let expected = Duration::from_millis(250)..Duration::from_secs(5);
        assert!(
            expected.contains(&took),
            "L9: the dial took {took:?}, and may take 60 s\n{}",
            cable.sockets()
        );
        site.is_answered("hello").await;
    });
}

/// `relay connector` on one host, `relay run` on the other, and the platform's hook beside the connector.
struct Site {
    connector: Connector,
    hook: Hook,
    gateway: GatewayHost,
}

impl Site {
    async fn start(cable: &Cable) -> Self {
        Self::start_with(cable, LIVE).await
    }

    /// The gateway knows the connector's host by this name.
    async fn start_with(cable: &Cable, name: &str) -> Self {
        let hook = Hook::start().await;
        let pings = ["--ping-interval", "1s", "--pong-timeout", "5s"];
        let connector = Connector::start_at("0.0.0.0:0", &hook, &pings).await;
        let url = format!("http://{name}:{}", connector.address().port());
        let gateway = GatewayHost::start(cable, &url, &pings).await;
        Self { connector, hook, gateway }
    }

    /// The platform delivers this, and the agent's echo comes back.
    async fn is_answered(&mut self, text: &str) {
        self.connector.deliver_text(text).await;
        self.answers(text).await;
    }

    /// The next thing that the platform is asked for is to send this.
    async fn answers(&mut self, text: &str) {
        let called = self.hook.does().await;
        assert_eq!(called["action"]["content"], text, "{called}");
    }

    async fn is_drained(&self) {
        self.connector.backlog_becomes(0).await;
    }
}
