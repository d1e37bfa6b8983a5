//! How a gateway reaches a connector: addresses that are dead (L9), TLS, and what it says when it cannot.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use relay_driver::gateway::{Gateway, LinkStatus};
use relay_driver::proto::gateway::Status;
use relay_driver::race::HEAD_START;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::{Certificate, End, Stack, StandIn, becomes, descriptor, redials_quickly, within};

on_both! {
    a_dead_address_costs_a_head_start,
    dead_addresses_are_tried_side_by_side,
    a_name_is_dialed,
    what_cannot_be_reached_is_named,
    a_dial_that_hangs_is_given_up,
    an_address_that_never_answers_is_given_up,
    a_trusted_certificate_is_accepted,
    any_other_certificate_is_refused,
    plain_and_secure_do_not_mix,
}

/// An address that takes no connection and refuses none: its queue is full.
struct Dead {
    listener: TcpListener,
    _filling: (Vec<TcpStream>, JoinSet<std::io::Result<TcpStream>>),
}

impl Dead {
    /// One on this address, or nothing where the machine does not have the address.
    async fn on(ip: IpAddr) -> Option<Self> {
        let socket = if ip.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.ok()?;
        socket.bind(SocketAddr::new(ip, 0)).ok()?;
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // A queue holds a little more than what was asked for. These fill it, and most of them go on waiting.
        let mut filling: JoinSet<_> = (0..8).map(|_| TcpStream::connect(address)).collect();
        let mut filled = Vec::new();
        while let Ok(Some(stream)) = tokio::time::timeout(HEAD_START, filling.join_next()).await {
            filled.push(stream.unwrap().unwrap());
        }
        assert!(filled.len() < 8, "the queue takes whatever comes");
        Some(Self { listener, _filling: (filled, filling) })
    }

    async fn on_loopback() -> Self {
        Self::on(Ipv4Addr::LOCALHOST.into()).await.unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}

/// Why the last dial failed, in words.
async fn failure(gateway: &Gateway) -> String {
    let failed = |status: &LinkStatus| status.cause.is_some();
    let status = within("the failure of a dial", gateway.watch().wait_for(failed)).await;
    status.cause.unwrap().to_string()
}

/// L9: a dead IPv6 address costs its head start and not a timeout: the IPv4 address is connected to meanwhile.
async fn a_dead_address_costs_a_head_start<S: Stack>() {
    // Where there is no IPv6, another dead address goes first.
    let dead = match Dead::on(Ipv6Addr::LOCALHOST.into()).await {
        Some(dead) => dead,
        None => Dead::on_loopback().await,
    };
    let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [dead.address(), alive.local_addr().unwrap()];
    let began = Instant::now();
    let connected = within("a connection", S::race(addresses.to_vec())).await.unwrap();
    let took = began.elapsed();
    assert_eq!(connected, addresses[1]);
    assert!(took >= HEAD_START, "{took:?}: the dead address was not tried first");
    // A connection attempt that is given up by the system takes two minutes, and by the dial ten seconds.
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// L9: several dead addresses cost a head start each, and one that refuses costs nothing.
async fn dead_addresses_are_tried_side_by_side<S: Stack>() {
    let (first, second) = (Dead::on_loopback().await, Dead::on_loopback().await);
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [refusing, first.address(), second.address(), alive.local_addr().unwrap()];
    let began = Instant::now();
    let connected = within("a connection", S::race(addresses.to_vec())).await.unwrap();
    let took = began.elapsed();
    assert_eq!(connected, addresses[3]);
    assert!(took >= 2 * HEAD_START, "{took:?}: the dead addresses were not tried first");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// L9: a name is resolved at each dial, and each of its addresses is tried: `localhost` has an IPv6 one here and
/// there, at which nobody listens.
async fn a_name_is_dialed<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let url = format!("http://localhost:{}", stand_in.port());
    let (gateway, _deliveries) = S::connect(redials_quickly(&url));
    let _link = stand_in.link().await;
    becomes(&gateway, |status| status == Status::Linked).await;
}

/// What cannot be reached is named, with its port, and tried again.
async fn what_cannot_be_reached_is_named<S: Stack>() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let (gateway, _deliveries) = S::connect(redials_quickly(&format!("http://127.0.0.1:{port}")));
    let why = failure(&gateway).await;
    assert!(why.starts_with(&format!("cannot reach 127.0.0.1:{port}: ")), "{why}");

    let (gateway, _deliveries) = S::connect(redials_quickly("http://nowhere.invalid:1"));
    let why = failure(&gateway).await;
    assert!(why.starts_with("cannot reach nowhere.invalid:1: "), "{why}");
}

/// A dial that hangs is given up in time: at the connection, in the TLS handshake and in the upgrade.
async fn a_dial_that_hangs_is_given_up<S: Stack>() {
    let silent = StandIn::bind().await;
    for scheme in ["http", "https"] {
        let mut config = redials_quickly(&format!("{scheme}://127.0.0.1:{}", silent.port()));
        config.link.dial_timeout = Duration::from_millis(50);
        let (gateway, _deliveries) = S::connect(config);
        let held = silent.connection().await;
        assert_eq!(failure(&gateway).await, "the dial took longer than 50ms");
        drop((silent.connection().await, held));
        within("the shutdown", gateway.shut_down()).await;
    }
}

/// L9, L2: so is one to an address that takes no connection, however long it was the only one; and the next dial follows.
async fn an_address_that_never_answers_is_given_up<S: Stack>() {
    let dead = Dead::on_loopback().await;
    let mut config = redials_quickly(&format!("http://{}", dead.address()));
    config.link.dial_timeout = 2 * HEAD_START;
    let (gateway, _deliveries) = S::connect(config);
    assert_eq!(failure(&gateway).await, "the dial took longer than 500ms");
    becomes(&gateway, |status| matches!(status, Status::Reconnecting { failures: 2, .. })).await;
    within("the shutdown", gateway.shut_down()).await;
}

/// `wss://`: a certificate whose root is given is accepted, by name and by address.
async fn a_trusted_certificate_is_accepted<S: Stack>() {
    for name in ["localhost", "127.0.0.1"] {
        let stand_in = StandIn::bind().await;
        let certificate = Certificate::of(name);
        let config = redials_quickly(&format!("https://{name}:{}", stand_in.port()));
        let (gateway, _deliveries) = S::connect_on(config, S::trusting(certificate.root()));
        let secured = certificate.secure(stand_in.connection().await).await.unwrap();
        let mut end = End::accept(secured).await;
        end.next_of("hello").await;
        end.send(&descriptor("relay")).await;
        becomes(&gateway, |status| status == Status::Linked).await;
    }
}

/// `wss://`: any other certificate is refused, in words that say whose it was and what is wrong; and no token goes
/// out.
async fn any_other_certificate_is_refused<S: Stack>() {
    let (right, wrong_name, wrong_root) =
        (Certificate::of("localhost"), Certificate::of("elsewhere.example"), Certificate::of("localhost"));
    for (served, runtime, why) in [
        (&wrong_root, S::trusting(right.root()), "invalid peer certificate: "),
        (&wrong_name, S::trusting(wrong_name.root()), "not valid for name \"localhost\""),
        (&right, S::Runtime::default(), "invalid peer certificate: "),
    ] {
        let stand_in = StandIn::bind().await;
        let config = redials_quickly(&format!("https://localhost:{}", stand_in.port()));
        let (gateway, _deliveries) = S::connect_on(config, runtime);
        assert!(served.secure(stand_in.connection().await).await.is_none());
        let shown = failure(&gateway).await;
        assert!(shown.starts_with("TLS with localhost failed: ") && shown.contains(why), "{shown}");
    }
}

/// `wss://` to a port that speaks no TLS, and the other way about: each says so.
async fn plain_and_secure_do_not_mix<S: Stack>() {
    let stand_in = StandIn::bind().await;
    let certificate = Certificate::of("localhost");
    let config = redials_quickly(&format!("https://localhost:{}", stand_in.port()));
    let (gateway, _deliveries) = S::connect_on(config, S::trusting(certificate.root()));
    let mut plain = stand_in.connection().await;
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let why = failure(&gateway).await;
    assert!(why.starts_with("TLS with localhost failed: "), "{why}");

    let stand_in = StandIn::bind().await;
    let (gateway, _deliveries) = S::connect(redials_quickly(&stand_in.url()));
    assert!(certificate.secure(stand_in.connection().await).await.is_none());
    let why = failure(&gateway).await;
    assert!(why.starts_with("the upgrade failed: "), "{why}");
}
