//! Connecting to a name that has several addresses, some of which may be dead.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long an address has for itself before the next one is tried beside it (rule L9; RFC 8305 recommends it).
pub const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to whichever address answers first. The families take turns, IPv6 first; each address gets a head start
/// over the next one, which is cut short when it fails.
///
/// # Errors
/// The first error, when every address failed; `None` when there was no address.
pub async fn race<C, T, E, W>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> C,
    wait: impl Fn(Duration) -> W,
) -> Result<T, Option<E>>
where
    C: Future<Output = Result<T, E>>,
    W: Future<Output = ()>,
{
    let mut untried = take_turns(addresses);
    let mut running: Vec<Pin<Box<C>>> = Vec::new();
    let mut head_start: Option<Pin<Box<W>>> = None;
    let mut first_error = None;
    poll_fn(|cx| {
        loop {
            let before = running.len();
            if let Poll::Ready(winner) = poll_all(&mut running, &mut first_error, cx) {
                return Poll::Ready(Ok(winner));
            }
            let failed = running.len() < before;
            // A future that is over must not be polled again.
            head_start.take_if(|wait| wait.as_mut().poll(cx).is_ready());
            if !failed && head_start.is_some() {
                return Poll::Pending;
            }
            match untried.pop_front() {
                Some(address) => {
                    running.push(Box::pin(connect(address)));
                    head_start = Some(Box::pin(wait(HEAD_START)));
                }
                None if running.is_empty() => return Poll::Ready(Err(first_error.take())),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

/// Polls every attempt; those that failed are gone afterwards. Pending does not mean that any is left.
fn poll_all<C, T, E>(
    running: &mut Vec<Pin<Box<C>>>,
    first_error: &mut Option<E>,
    cx: &mut Context<'_>,
) -> Poll<T>
where
    C: Future<Output = Result<T, E>>,
{
    let mut index = 0;
    while let Some(attempt) = running.get_mut(index) {
        match attempt.as_mut().poll(cx) {
            Poll::Ready(Ok(winner)) => return Poll::Ready(winner),
            Poll::Ready(Err(error)) => {
                first_error.get_or_insert(error);
                drop(running.remove(index));
            }
            Poll::Pending => index += 1,
        }
    }
    Poll::Pending
}

/// The addresses with the families in turn, each family in its own order.
fn take_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let (mut six, mut four): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(SocketAddr::is_ipv6);
    let mut turns = VecDeque::new();
    while !(six.is_empty() && four.is_empty()) {
        turns.extend(six.pop_front());
        turns.extend(four.pop_front());
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::future::{pending, ready};
    use std::task::Waker;

    /// A world in which time passes by hand: which addresses were tried, and what they do.
    #[derive(Default)]
    struct World {
        tried: RefCell<Vec<String>>,
        dead: Vec<&'static str>,
        refusing: Vec<&'static str>,
        head_start_over: RefCell<bool>,
    }

    impl World {
        fn race(&self, addresses: &[&str]) -> Vec<Poll<Result<String, Option<&'static str>>>> {
            let addresses: Vec<SocketAddr> =
                addresses.iter().map(|address| address.parse().unwrap()).collect();
            let connect = |address: SocketAddr| {
                let name = address.to_string();
                self.tried.borrow_mut().push(name.clone());
                poll_fn(move |_| match () {
                    () if self.dead.contains(&&*name) => Poll::Pending,
                    () if self.refusing.contains(&&*name) => Poll::Ready(Err("refused")),
                    () => Poll::Ready(Ok(name.clone())),
                })
            };
            let wait =
                |_| poll_fn(|_| if self.head_start_over.take() { Poll::Ready(()) } else { Poll::Pending });
            let mut race = Box::pin(race(addresses, connect, wait));
            let mut cx = Context::from_waker(Waker::noop());
            let mut polls = Vec::new();
            while polls.len() < 8 && polls.last().is_none_or(Poll::is_pending) {
                polls.push(race.as_mut().poll(&mut cx));
                self.head_start_over.replace(true);
            }
            polls
        }
    }

    const SIX: &str = "[2001:db8::1]:1";
    const FOUR: &str = "192.0.2.1:1";

    /// L9: a dead IPv6 address costs its head start, and no more.
    #[test]
    fn a_dead_address_costs_its_head_start() {
        let world = World { dead: vec![SIX], ..World::default() };
        assert_eq!(world.race(&[FOUR, SIX]), [Poll::Pending, Poll::Ready(Ok(FOUR.into()))]);
        assert_eq!(*world.tried.borrow(), [SIX, FOUR]);
    }

    #[test]
    fn a_refusing_address_costs_nothing() {
        let world = World { refusing: vec![SIX], ..World::default() };
        assert_eq!(world.race(&[SIX, FOUR]), [Poll::Ready(Ok(FOUR.into()))]);
    }

    #[test]
    fn a_good_address_is_the_only_one_tried() {
        let world = World::default();
        assert_eq!(world.race(&[FOUR, SIX]), [Poll::Ready(Ok(SIX.into()))]);
        assert_eq!(*world.tried.borrow(), [SIX]);
    }

    #[test]
    fn without_any_answer_the_first_error_counts() {
        let world = World { refusing: vec![SIX, FOUR], ..World::default() };
        assert_eq!(world.race(&[SIX, FOUR]), [Poll::Ready(Err(Some("refused")))]);
        assert_eq!(World::default().race(&[]), [Poll::Ready(Err(None))]);
        let world = World { refusing: vec![FOUR], dead: vec![SIX], ..World::default() };
        assert!(world.race(&[SIX, FOUR]).iter().all(Poll::is_pending), "the dead one may still answer");
    }

    /// L9: while the only address says nothing, the race can be polled as often as the task is woken. `Ready` panics when
    /// it is polled once more, as the waits of some runtimes do.
    #[test]
    fn a_wait_that_is_over_is_left_alone() {
        let connect = |_| pending::<Result<(), ()>>();
        for addresses in [&[SIX][..], &[SIX, FOUR]] {
            let addresses = addresses.iter().map(|address| address.parse().unwrap());
            let mut race = Box::pin(race(addresses, connect, |_| ready(())));
            let mut cx = Context::from_waker(Waker::noop());
            assert!((0..4).all(|_| race.as_mut().poll(&mut cx).is_pending()));
        }
    }

    #[test]
    fn families_take_turns() {
        let four = |last: u8| SocketAddr::from(([192, 0, 2, last], 1));
        let six: SocketAddr = SIX.parse().unwrap();
        assert_eq!(take_turns([four(1), four(2), six]), [six, four(1), four(2)]);
    }
}
