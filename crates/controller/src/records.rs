//! What stands on RegionSwitches: projections of the journal, and answers to requests. Their writing is tried until it is
//! done, and never delays a move.

mod showing;
#[cfg(test)]
mod tests;

use crate::people::People;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use breakwater_core::Text;
use breakwater_core::journal::{Move, Shift};
use breakwater_core::report::Answered;
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_engine::port::{Event, StoreError};
use kube::Client;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Pauses between tries begin with this and double (real time).
const PAUSE_LEAST: Duration = Duration::from_millis(500);
/// They grow to this: an API server that is back is found soon, one that refuses is not asked hotly.
const PAUSE_MOST: Duration = Duration::from_secs(30);

/// What to show on a RegionSwitch.
pub(crate) enum Show {
    /// How far a move has come.
    Move(Box<Shop>, Box<Move>),
    /// How a traffic shift stands.
    Shift(ShopKey, Box<Shift>),
    /// What is said to a request that did not begin.
    Answer(ShopKey, Box<Answered>),
}

/// What the writer of RegionSwitches is told.
pub(crate) enum Told {
    /// Show this.
    Show(Show),
    /// The lease is ours until then. Who lost it shows nothing any more: another process decides now, and what we would
    /// say may not be what it says. The engine says all of it again when the lease is back.
    Lease(Option<std::time::Instant>),
    /// A Storefront is gone, and with it what its moves would still show.
    Gone(ShopKey),
}

/// What a RegionSwitch is about: of several that wait about the same, only the newest is shown.
type About = (ShopKey, Text);

impl Show {
    fn about(&self) -> About {
        match self {
            Show::Move(shop, current) => {
                let request = current.request.as_ref().map(|request| request.uid.clone());
                let about = request.unwrap_or_else(|| format!("e{}", current.number).into());
                (shop.key.clone(), about)
            }
            Show::Shift(key, shift) => (key.clone(), shift.request.uid.clone()),
            Show::Answer(key, answered) => (key.clone(), answered.uid.clone()),
        }
    }
}

/// Why a record could not be shown.
#[derive(Debug, thiserror::Error)]
enum NotShown {
    #[error("the API server: {0:?}; it is tried again")]
    Store(StoreError),
    #[error("the lease ended in between; who holds it now shows it")]
    LeaseEnded,
    #[error("other objects have this name and `-2`, and say something else; they are left alone")]
    Taken,
}

impl NotShown {
    /// Whether another try may end better.
    fn may_pass(&self) -> bool {
        match self {
            NotShown::Store(_) | NotShown::LeaseEnded => true,
            NotShown::Taken => false,
        }
    }
}

impl From<StoreError> for NotShown {
    fn from(error: StoreError) -> Self {
        NotShown::Store(error)
    }
}

/// One that has not been shown yet.
struct Waiting {
    show: Show,
    due: Instant,
    pauses: ExponentialBackoff,
}

/// All that has not been shown yet.
#[derive(Default)]
struct Unshown {
    waiting: BTreeMap<About, Waiting>,
}

impl Unshown {
    /// Takes one that is to be shown at once, in the place of an older one about the same.
    fn put(&mut self, show: Show, now: Instant) {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSE_LEAST)
            .with_max_delay(PAUSE_MOST)
            .with_jitter()
            .without_max_times()
            .build();
        let waiting = Waiting { show, due: now, pauses };
        self.waiting.insert(waiting.show.about(), waiting);
    }

    fn next_due(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.due).min()
    }

    fn take_due(&mut self, now: Instant) -> Option<Waiting> {
        let due = |(about, waiting): (&About, &Waiting)| (waiting.due <= now).then(|| about.clone());
        let about = self.waiting.iter().find_map(due)?;
        self.waiting.remove(&about)
    }

    /// Puts one back that could not be shown: nobody else comes back to it, and a request must not stay open for ever.
    fn put_back(&mut self, mut waiting: Waiting, now: Instant) {
        waiting.due = now + waiting.pauses.next().unwrap_or(PAUSE_MOST);
        self.waiting.entry(waiting.show.about()).or_insert(waiting);
    }

    /// What moves of this shop would show is of no use any more; requests by people are answered all the same.
    fn forget_moves(&mut self, key: &ShopKey) {
        self.waiting.retain(|about, waiting| match waiting.show {
            Show::Move(..) => about.0 != *key,
            Show::Shift(..) | Show::Answer(..) => true,
        });
    }
}

/// Shows one after another, each until it is done. What cannot be written stands in nobody's way.
pub(crate) async fn show_all(client: Client, people: People, mut told: mpsc::UnboundedReceiver<Told>) {
    let mut unshown = Unshown::default();
    let mut lease: Option<Instant> = None;
    loop {
        let due = unshown.next_due();
        tokio::select! {
            biased;
            heard = told.recv() => match heard {
                Some(Told::Show(show)) => unshown.put(show, Instant::now()),
                Some(Told::Lease(until)) => lease = until.map(Instant::from_std),
                Some(Told::Gone(key)) => unshown.forget_moves(&key),
                None => return,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                match lease.filter(|until| *until > Instant::now()) {
                    Some(until) => show_next(&client, &people, &mut unshown, until).await,
                    None => unshown = Unshown::default(),
                }
            }
        }
    }
}

async fn show_next(client: &Client, people: &People, unshown: &mut Unshown, until: Instant) {
    let Some(waiting) = unshown.take_due(Instant::now()) else {
        return;
    };
    let shown = timeout_at(until, showing::show_one(client, &waiting.show)).await;
    let Err(error) = shown.unwrap_or(Err(NotShown::LeaseEnded)) else {
        return;
    };
    let (key, about) = waiting.show.about();
    tracing::warn!(shop = %key, %about, %error, "RegionSwitch not written; the journal has it all");
    if error.may_pass() {
        unshown.put_back(waiting, Instant::now());
    } else {
        let message = format!(
            "The record of move {about} cannot be shown: {error}. The journal in the Storefront's status has it all. Find \
             out who creates RegionSwitches under names of the controller."
        );
        let event = Event {
            key,
            warning: true,
            reason: "RecordTaken",
            message: message.into(),
        };
        people.tell(&event, None);
    }
}
