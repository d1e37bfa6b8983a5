//! A platform that notes what it is asked, and answers as the test says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use relay_driver::BoxFuture;
use relay_driver::connector::{Outbound, Owner, Platform};
use relay_driver::proto::action::{Action, ActionResult, Op};
use relay_driver::proto::event::Descriptor;
use tokio::sync::Notify;

/// What becomes of an action.
#[derive(Clone, Debug, Default)]
pub(crate) enum Answer {
    /// It is done: the result names the chat or the session.
    #[default]
    Done,
    /// The destination is not the tenant's.
    Declined,
    /// This text, whatever it is.
    Text(String),
    /// Nothing, ever.
    Never,
    /// A panic.
    Panic,
}

/// The platform.
#[derive(Default)]
pub(crate) struct Desk {
    answer: Mutex<Answer>,
    asked: Mutex<Vec<(Owner, String, String)>>,
    interrupts: Mutex<Vec<(String, Option<String>)>>,
    pokes: Mutex<Vec<String>>,
    /// What is done whenever something is asked of it.
    curiosity: Mutex<Option<Box<dyn Fn() + Send>>>,
    news: Notify,
    /// How many interrupts wait to be over. They never are while the answer is [`Answer::Never`].
    pub(crate) interrupting: AtomicUsize,
}

impl Desk {
    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// From now on it does this first, whenever something is asked of it.
    pub(crate) fn looks(&self, curiosity: impl Fn() + Send + 'static) {
        *self.curiosity.lock().unwrap() = Some(Box::new(curiosity));
    }

    fn look(&self) {
        if let Some(curiosity) = &*self.curiosity.lock().unwrap() {
            curiosity();
        }
    }

    /// What was asked so far: by whom, as which bot, and the action.
    pub(crate) fn asked(&self) -> Vec<(Owner, String, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until so many actions were asked for.
    pub(crate) async fn was_asked(&self, times: usize) {
        self.comes("an action", || (self.asked.lock().unwrap().len() >= times).then_some(())).await;
    }

    /// Waits until something was interrupted: the sessions so far, with the reasons.
    pub(crate) async fn interrupted(&self, times: usize) -> Vec<(String, Option<String>)> {
        let enough = || Some(self.interrupts.lock().unwrap().clone()).filter(|so_far| so_far.len() >= times);
        self.comes("an interrupt", enough).await
    }

    /// Waits until a host was poked so often: the wake URLs so far.
    pub(crate) async fn poked(&self, times: usize) -> Vec<String> {
        let enough = || Some(self.pokes()).filter(|so_far| so_far.len() >= times);
        self.comes("a poke", enough).await
    }

    /// The wake URLs that were poked so far.
    pub(crate) fn pokes(&self) -> Vec<String> {
        self.pokes.lock().unwrap().clone()
    }

    async fn comes<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let coming = async {
            loop {
                let mut news = std::pin::pin!(self.news.notified());
                news.as_mut().enable();
                if let Some(found) = look() {
                    return found;
                }
                news.await;
            }
        };
        super::within(what, coming).await
    }

    fn answer(&self) -> Answer {
        self.answer.lock().unwrap().clone()
    }
}

impl Platform for Desk {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        self.look();
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        self.look();
        let action = String::from_utf8(outbound.action.to_vec()).unwrap();
        let about = Action::from_json(&action).ok().map(|action| match &action.op {
            Op::FollowUp { session_key, .. } => session_key.clone(),
            _ => action.chat_id().unwrap_or_default().to_owned(),
        });
        let bot = format!("{}:{}", outbound.platform, outbound.bot_id);
        self.asked.lock().unwrap().push((outbound.owner, bot, action));
        self.news.notify_waiters();
        let answer = self.answer();
        Box::pin(async move {
            match answer {
                Answer::Done => ActionResult::done(about.unwrap_or_default()).to_json(),
                Answer::Declined => ActionResult::declined(&outbound.platform).to_json(),
                Answer::Text(text) => text,
                Answer::Never => std::future::pending().await,
                Answer::Panic => panic!("a platform may have faults of its own"),
            }
        })
    }

    fn interrupt(&self, _: &Owner, session_key: &str, reason: Option<&str>) -> BoxFuture<()> {
        self.look();
        self.interrupts.lock().unwrap().push((session_key.to_owned(), reason.map(str::to_owned)));
        self.news.notify_waiters();
        if !matches!(self.answer(), Answer::Never) {
            return Box::pin(async {});
        }
        self.interrupting.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }

    fn wake(&self, wake_url: &str) -> BoxFuture<()> {
        self.look();
        self.pokes.lock().unwrap().push(wake_url.to_owned());
        self.news.notify_waiters();
        Box::pin(async {})
    }
}
