//! A gateway and a connector on smol, over a real socket: what [`runtime`] is for smol, it is for any other executor.
//!
//! Run it with `cargo run -p relay-driver --example smol`.

mod runtime;

use std::error::Error;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::{Request, Response};
use async_tungstenite::tungstenite::http::HeaderMap;
use async_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::Inspect;
use relay_driver::connector::{
    Connector, ConnectorConfig, GatewayRecord, Outbound, Owner, Platform, Session,
};
use relay_driver::gateway::{Credentials, Deliveries, Gateway, GatewayConfig, Inbound, LinkStatus, connect};
use relay_driver::proto::DeliveryKind;
use relay_driver::proto::action::{Action, ActionResult};
use relay_driver::proto::auth::Secret;
use relay_driver::proto::connector::Status as SessionStatus;
use relay_driver::proto::endpoint::Endpoint;
use relay_driver::proto::event::Descriptor;
use relay_driver::proto::gateway::{Outcome, Status};
use relay_driver::{BoxFuture, Runtime, WebSocket, upgrade, websocket_config};
use runtime::{Smol, Timer, discard};
use smol::net::{TcpListener, TcpStream};

/// How long a step may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// A platform on which every action succeeds, and what it shows.
#[derive(Default)]
struct Screen(Mutex<Vec<String>>);

impl Screen {
    fn shown(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics here").clone()
    }
}

impl Platform for Screen {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let action = str::from_utf8(&outbound.action).ok().and_then(|action| Action::from_json(action).ok());
        let text = action.and_then(|action| action.content().map(str::to_owned)).unwrap_or_default();
        println!("platform   shows {text:?}");
        self.0.lock().expect("nobody panics here").push(text);
        Box::pin(async { ActionResult::done("m9").to_json() })
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        Box::pin(async {})
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

/// What the connector's sockets are seen to do, and the present one, to break it.
#[derive(Clone, Default)]
struct Network {
    lines: Arc<Mutex<Vec<String>>>,
    socket: Arc<Mutex<Option<TcpStream>>>,
}

impl Network {
    fn cut(&self) -> Result<(), Box<dyn Error>> {
        let socket = self.socket.lock().expect("nobody panics here").take().ok_or("there is no socket")?;
        println!("network    breaks");
        Ok(socket.shutdown(std::net::Shutdown::Both)?)
    }

    fn let_go(&self) {
        *self.socket.lock().expect("nobody panics here") = None;
    }

    fn see(&self, message: &Message) {
        let line = match message {
            Message::Text(line) => line.trim_end().to_owned(),
            Message::Close(Some(close)) => format!("close {}", u16::from(close.code)),
            other => format!("{other:?}"),
        };
        self.lines.lock().expect("nobody panics here").push(line);
    }

    /// The last lines that came from the gateway.
    fn last(&self, count: usize) -> Vec<String> {
        let lines = self.lines.lock().expect("nobody panics here");
        lines[lines.len().saturating_sub(count)..].to_vec()
    }
}

/// Accepts gateways for as long as the connector's tasks do.
async fn serve(listener: TcpListener, connector: Connector<Smol>, network: Network) {
    while let Ok((stream, _)) = listener.accept().await {
        *network.socket.lock().expect("nobody panics here") = Some(stream.clone());
        if let Err(error) = accept(stream, &connector, network.clone()).await {
            println!("connector  refuses an upgrade: {error}");
        }
    }
}

#[expect(clippy::result_large_err, reason = "the type is that of the WebSocket library's callback")]
async fn accept(
    stream: TcpStream,
    connector: &Connector<Smol>,
    network: Network,
) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let mut headers = HeaderMap::new();
    let answer = |request: &Request, response: Response| upgrade::answer(request, response, &mut headers);
    let config = Some(websocket_config(1 << 20));
    let socket = accept_hdr_async_with_config(stream, answer, config).await?;
    let socket = socket.inspect(move |message| {
        if let Ok(message) = message {
            network.see(message);
        }
    });
    let admission = connector.authenticate(upgrade::authorization(&headers));
    connector.attach(admission, upgrade::features(&headers), WebSocket::new(socket, discard_inspected));
    Ok(())
}

fn discard_inspected<F: FnMut(&<WebSocketStream<TcpStream> as futures_util::Stream>::Item)>(
    socket: &mut Inspect<WebSocketStream<TcpStream>, F>,
    cx: &mut std::task::Context<'_>,
) -> std::task::Poll<()> {
    discard(socket.get_mut().get_mut(), cx)
}

/// Does this, but does not wait for ever.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match select(pin!(future), Timer::after(PATIENCE)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => panic!("waited in vain until {what}"),
    }
}

/// A user writes.
fn write(session: &Session, message_id: &str, text: &str) -> Result<(), Box<dyn Error>> {
    println!("user       writes {text:?}");
    let event = serde_json::json!({
        "text": text, "message_id": message_id,
        "source": {"platform": "relay", "chat_id": "c1", "chat_type": "dm", "user_id": "u1"},
    });
    session.append(DeliveryKind::Message, &event.to_string())?;
    Ok(())
}

/// The agent hears the next message, and answers it.
async fn hear(gateway: &Gateway, deliveries: &mut Deliveries) -> Result<String, Box<dyn Error>> {
    let inbound = in_time("the agent hears something", deliveries.next()).await;
    let Some(Inbound::Delivery(delivery)) = inbound else { return Err("not a delivery".into()) };
    let event = delivery.event().ok_or("not a message")?;
    let (text, chat) = (event.text.clone().into_owned(), event.source.chat_id.clone().into_owned());
    println!("agent      hears {text:?}");
    // Durably kept, in a program of your own: from here on the connector may forget it.
    delivery.stored();
    let reply = Action::send(chat, format!("you said: {text}"));
    let outcome = in_time("the reply is done", gateway.send(reply)).await?;
    let Outcome::Answered(result) = outcome else { return Err(format!("{outcome:?}").into()) };
    assert!(ActionResult::parse(str::from_utf8(&result)?).success);
    Ok(text)
}

/// A connector on a port of its own, and a gateway that may connect.
async fn set_up(
    platform: Arc<Screen>,
    network: Network,
) -> Result<(Connector<Smol>, GatewayConfig), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let connector = Connector::new(ConnectorConfig::default(), platform, Smol);
    let owner = Owner { tenant: "home".into(), instance: "laptop".into() };
    let secrets = vec![Secret::new("change-me")];
    connector.register(GatewayRecord { id: "gw-1".into(), owner, secrets, wake_url: None })?;
    smol::spawn(serve(listener, connector.clone(), network)).detach();
    let credentials = Credentials { gateway_id: "gw-1".into(), secret: Secret::new("change-me") };
    Ok((connector, GatewayConfig::new(Endpoint::parse(&base)?, Some(credentials))))
}

async fn tell() -> Result<(), Box<dyn Error>> {
    let (screen, network) = (Arc::new(Screen::default()), Network::default());
    let (connector, config) = set_up(screen.clone(), network.clone()).await?;
    let session = connector.session("laptop").ok_or("the gateway was registered")?;
    let (gateway, mut deliveries, driver) = connect(config, Smol);
    Smol.spawn(driver);
    let mut watch = gateway.watch();
    in_time("the gateway is linked", watch.wait_for(|link| link.status == Status::Linked)).await;
    println!("gateway    is linked");
    write(&session, "m1", "hello")?;
    assert_eq!(hear(&gateway, &mut deliveries).await?, "hello");

    // Held, so that the gateway is away for certain when the user writes.
    gateway.hold();
    network.cut()?;
    let offline = |status| status == SessionStatus::Offline;
    in_time("the connector finds out", session.wait_for(offline)).await;
    let away = |link: &LinkStatus| matches!(link.status, Status::Reconnecting { .. });
    in_time("the gateway finds out", watch.wait_for(away)).await;
    write(&session, "m2", "are you there?")?;
    assert_eq!(session.backlog(), 1);
    gateway.wake();
    assert_eq!(hear(&gateway, &mut deliveries).await?, "are you there?");

    // A socket is closed when its last handle is gone.
    network.let_go();
    in_time("the gateway is shut down", gateway.shut_down()).await;
    println!("gateway    is shut down");
    assert!(in_time("the deliveries end", deliveries.next()).await.is_none(), "each came once");
    in_time("the connector knows", session.wait_for(offline)).await;
    assert_eq!(session.backlog(), 0, "all of it was acked");
    assert_eq!(network.last(2), [r#"{"type":"going_idle"}"#, "close 1000"]);
    assert_eq!(screen.shown(), ["you said: hello", "you said: are you there?"]);
    in_time("the connector is shut down", connector.shut_down()).await;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(tell())
}

#[test]
fn it_goes_as_told() -> Result<(), Box<dyn Error>> {
    main()
}
