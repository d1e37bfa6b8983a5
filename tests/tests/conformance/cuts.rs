//! A network that breaks again and again, between a gateway and a connector of either runtime each: nothing is lost,
//! nothing doubled, and the order kept (W1 to W3).

use std::collections::BTreeMap;
use std::time::Duration;

use relay_driver::proto::action::Action;
use relay_driver::proto::gateway::{Options, Outcome};

use crate::harness::{
    Break, House, Proxy, Stack, calm, delivered, delivery, redials_quickly, text_of, within,
};

crossed! {
    nothing_is_lost_or_doubled,
    what_is_given_back_comes_again,
    a_network_that_goes_silent,
}

/// How many messages a run delivers.
const MESSAGES: usize = 250;

/// How many connections a run breaks.
const BREAKS: usize = 20;

/// After how many bytes each connection breaks: the same for a seed on every run. Most carry a few lines, and break
/// in the middle of one; some do not even get through the upgrade.
fn breaks(seed: u64) -> Vec<(usize, Break)> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as usize
    };
    (0..BREAKS).map(|_| (200 + next() % 6_000, Break::Closed)).collect()
}

/// W1, W2, W3, C4, D2, D3, O1, O2: whatever a network cuts off, each message is handed out once, in the order of
/// appending; and each request is done once if it was answered, never if it failed, and at most once if nobody knows.
async fn nothing_is_lost_or_doubled<G: Stack, C: Stack>() {
    for seed in 1..=3 {
        let mut config = calm();
        // The network is to blame here, and no message.
        config.session.give_outs = u32::MAX;
        let house = House::<C>::with(config);
        let proxy = Proxy::before(house.address, breaks(seed)).await;
        let (gateway, mut deliveries) = G::connect(redials_quickly(&proxy.url()));
        let requests = tokio::spawn(async move {
            let mut outcomes = BTreeMap::new();
            for chat in 0..100 {
                let waits = Options { wait_for_link: true, ..Options::default() };
                let asking = gateway.send_with(Action::send(chat.to_string(), "x"), &waits);
                outcomes.insert(chat.to_string(), within("an outcome", asking).await.unwrap());
            }
            (gateway, outcomes)
        });
        for number in 0..MESSAGES / 2 {
            house.say(&number.to_string());
        }
        for number in 0..MESSAGES {
            if number < MESSAGES / 2 {
                house.say(&(number + MESSAGES / 2).to_string());
            }
            assert_eq!(delivered(&mut deliveries).await, number.to_string(), "seed {seed}");
        }
        let (_gateway, outcomes) = requests.await.unwrap();
        house.has_backlog(0).await;
        house.say("the last");
        assert_eq!(delivered(&mut deliveries).await, "the last", "seed {seed}: something came twice");
        assert!(proxy.broken() >= BREAKS / 2, "{} were cut", proxy.broken());
        judge(&house, &outcomes);
    }
}

/// Whether each request was done as often as its outcome says.
fn judge<C: Stack>(house: &House<C>, outcomes: &BTreeMap<String, Outcome>) {
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, action) in house.desk.asked() {
        let action = Action::from_json(&action).unwrap();
        *done.entry(action.chat_id().unwrap().to_owned()).or_default() += 1;
    }
    for (chat, outcome) in outcomes {
        let times = done.get(chat).copied().unwrap_or_default();
        let right = match outcome {
            Outcome::Answered(_) => times == 1,
            Outcome::Failed(_) => times == 0,
            Outcome::Ambiguous(_) => times <= 1,
        };
        assert!(right, "{outcome:?}, and done {times} times");
    }
}

/// D4, W1, W2: what the application gives back comes again on a later link, until it is stored, and never after that.
async fn what_is_given_back_comes_again<G: Stack, C: Stack>() {
    let mut config = calm();
    config.session.give_outs = u32::MAX;
    let house = House::<C>::with(config);
    let proxy = Proxy::before(house.address, breaks(4)).await;
    let (_gateway, mut deliveries) = G::connect(redials_quickly(&proxy.url()));
    for number in 0..60 {
        house.say(&number.to_string());
    }
    let mut stored = BTreeMap::new();
    let mut given_back = BTreeMap::new();
    while stored.len() < 60 {
        let one = delivery(&mut deliveries).await;
        let text = text_of(&one);
        assert!(!stored.contains_key(&text), "{text} was handed out after it was stored");
        let times = given_back.entry(text.clone()).or_insert(0);
        *times += 1;
        if text.ends_with('7') && *times == 1 {
            one.release();
            // It comes again on another link, of which there may be no other reason for one.
            house.session().disconnect();
        } else {
            stored.insert(text, ());
            one.stored();
        }
    }
    house.has_backlog(0).await;
    assert_eq!(given_back.values().filter(|times| **times == 2).count(), 6);
}

/// K1, W1, W2, W3: connections that go silent, without an end that anybody sees, are found dead by both ends, and cost
/// nothing but time.
async fn a_network_that_goes_silent<G: Stack, C: Stack>() {
    let (beat, patience) = (Duration::from_millis(100), Duration::from_secs(1));
    let mut config = calm();
    config.session.give_outs = u32::MAX;
    (config.session.ping_interval, config.session.pong_timeout) = (beat, patience);
    let house = House::<C>::with(config);
    let silent = [1_500, 2_500].map(|bytes| (bytes, Break::Silent)).to_vec();
    let proxy = Proxy::before(house.address, silent).await;
    let mut config = redials_quickly(&proxy.url());
    (config.link.ping_interval, config.link.pong_timeout) = (beat, patience);
    config.link.handshake_timeout = patience;
    config.link.dial_timeout = patience;
    let (_gateway, mut deliveries) = G::connect(config);
    for number in 0..60 {
        house.say(&number.to_string());
    }
    for number in 0..60 {
        assert_eq!(delivered(&mut deliveries).await, number.to_string());
    }
    house.has_backlog(0).await;
    assert_eq!(proxy.broken(), 2);
}
