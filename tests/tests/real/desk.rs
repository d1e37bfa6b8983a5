//! A platform that notes what it is asked, and answers as the test says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use relay_tokio::proto::action::{Action, ActionResult};
use relay_tokio::proto::event::Descriptor;
use relay_tokio::{BoxFuture, Outbound, Owner, Platform};
use tokio::sync::Notify;

/// What becomes of an action.
#[derive(Clone, Debug, Default)]
pub(crate) enum Answer {
    /// It is done.
    #[default]
    Done,
    /// The destination is not the tenant's.
    Declined,
    /// This text, whatever it is.
    Text(String),
    /// Nothing, ever.
    Never,
}

/// The platform.
#[derive(Default)]
pub(crate) struct Desk {
    answer: Mutex<Answer>,
    asked: Mutex<Vec<(Owner, String, String)>>,
    news: Notify,
    /// How many interrupts wait to be over. They never are while the answer is [`Answer::Never`].
    pub(crate) interrupting: AtomicUsize,
}

impl Desk {
    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// What was asked so far: by whom, as which bot, and the action.
    pub(crate) fn asked(&self) -> Vec<(Owner, String, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until so many actions were asked for.
    pub(crate) async fn was_asked(&self, times: usize) {
        let asking = async {
            loop {
                let mut news = std::pin::pin!(self.news.notified());
                news.as_mut().enable();
                if self.asked.lock().unwrap().len() >= times {
                    return;
                }
                news.await;
            }
        };
        super::within("an action", asking).await;
    }

    fn answer(&self) -> Answer {
        self.answer.lock().unwrap().clone()
    }
}

impl Platform for Desk {
    fn describe(&self, _: &Owner, platform: &str, _: &str) -> BoxFuture<Descriptor> {
        let descriptor = Descriptor::builtin(platform);
        Box::pin(async move { descriptor })
    }

    fn perform(&self, outbound: Outbound) -> BoxFuture<String> {
        let action = String::from_utf8(outbound.action.to_vec()).unwrap();
        let name = Action::from_json(&action).map(|action| action.name().to_owned());
        let bot = format!("{}:{}", outbound.platform, outbound.bot_id);
        self.asked.lock().unwrap().push((outbound.owner, bot, action));
        self.news.notify_waiters();
        let answer = self.answer();
        Box::pin(async move {
            match answer {
                Answer::Done => ActionResult::done(format!("done-{}", name.unwrap_or_default())).to_json(),
                Answer::Declined => ActionResult::declined(&outbound.platform).to_json(),
                Answer::Text(text) => text,
                Answer::Never => std::future::pending().await,
            }
        })
    }

    fn interrupt(&self, _: &Owner, _: &str, _: Option<&str>) -> BoxFuture<()> {
        if !matches!(self.answer(), Answer::Never) {
            return Box::pin(async {});
        }
        self.interrupting.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }

    fn wake(&self, _: &str) -> BoxFuture<()> {
        Box::pin(async {})
    }
}
