//! `--wait`: follows a request to its end, a line for each step.

use crate::cluster::{Cluster, read};
use crate::exit::Exit;
use crate::screen;
use crate::show::progress::{self, Progress};
use crate::show::stand::name_of;
use crate::show::text::Tone;
use crate::trouble::Trouble;
use breakwater_api::{RegionSwitch, Storefront};
use breakwater_core::journal::MoveOutcome;
use futures::{Stream, StreamExt as _, stream};
use jiff::SignedDuration;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// A controller that runs has looked at a new request long before.
const NOBODY_LOOKS: Duration = Duration::from_secs(30);

/// What a watch saw.
pub(crate) enum Saw {
    /// The RegionSwitch; `None`: it is gone.
    Switch(Option<Box<RegionSwitch>>),
    /// The Storefront; `None`: it is gone, or does not read.
    Shop(Option<Box<Storefront>>),
    /// The connection is in trouble; it is tried again.
    Lost(String),
}

type Seen = Pin<Box<dyn Stream<Item = Saw> + Send>>;

/// The end of a request, or why it is not known.
pub(crate) async fn to_its_end(
    cluster: &Cluster,
    switch: &RegionSwitch,
    timeout: SignedDuration,
) -> Result<MoveOutcome, Trouble> {
    let name = name_of(switch);
    let object = format!("RegionSwitch {}/{name}", cluster.namespace);
    let mut seen = both(cluster, name, &switch.spec.request.storefront_name);
    let begun = Instant::now();
    let limit = begun + Duration::try_from(timeout).unwrap_or_default();
    let mut follower = Follower::new(switch.clone());
    loop {
        let patience = if follower.was_seen() {
            limit
        } else {
            limit.min(begun + NOBODY_LOOKS)
        };
        match tokio::time::timeout_at(patience, seen.next()).await {
            Ok(Some(saw)) => {
                if let Some(end) = follower
                    .take(saw, cluster)
                    .map_err(|Vanished| Trouble::Vanished(object.clone()))?
                {
                    return Ok(end);
                }
            }
            Ok(None) => return Err(Trouble::Vanished(object)),
            Err(_) if Instant::now() >= limit => return Err(Trouble::TimedOut(object)),
            Err(_) => follower.nobody_looks(),
        }
    }
}

/// The exit code of an end.
pub(crate) fn exit(end: MoveOutcome) -> Exit {
    Exit::of(end)
}

struct Vanished;

/// What was seen last, and what was said of it.
struct Follower {
    switch: RegionSwitch,
    shop: Option<Storefront>,
    said: Option<Progress>,
    lost: bool,
    complained: bool,
}

impl Follower {
    fn new(switch: RegionSwitch) -> Follower {
        Follower {
            switch,
            shop: None,
            said: None,
            lost: false,
            complained: false,
        }
    }

    fn was_seen(&self) -> bool {
        self.complained
            || self
                .switch
                .status
                .as_ref()
                .is_some_and(|status| status.observed_generation >= 0)
    }

    fn nobody_looks(&mut self) {
        self.complained = true;
        screen::tell(&Tone::Warn.of(&format!(
            "No controller has looked at it for {} s. Is one running? kubectl get deploy,pods -n breakwater",
            NOBODY_LOOKS.as_secs()
        )));
    }

    /// Says what is new; the end, when it has come.
    fn take(&mut self, saw: Saw, cluster: &Cluster) -> Result<Option<MoveOutcome>, Vanished> {
        match saw {
            Saw::Switch(Some(switch)) => self.switch = *switch,
            Saw::Switch(None) => return Err(Vanished),
            Saw::Shop(shop) => self.shop = shop.map(|shop| *shop),
            Saw::Lost(why) => {
                if !self.lost {
                    screen::tell(&Tone::Warn.of(&format!("The connection is lost and tried again: {why}")));
                }
                self.lost = true;
                return Ok(None);
            }
        }
        self.lost = false;
        let Some(progress) = progress::of(&self.switch, self.shop.as_ref()) else {
            return Ok(None);
        };
        if self.said.as_ref() != Some(&progress) {
            screen::tell(&progress.line(cluster.now()));
        }
        let (end, holds) = (progress.outcome, progress.holds);
        self.said = Some(progress);
        // A shift that holds has done what it was asked for; its end is hours away.
        Ok(end.or(holds.then_some(MoveOutcome::Completed)))
    }
}

fn both(cluster: &Cluster, switch: &str, shop: &str) -> Seen {
    let namespace = cluster.namespace.clone();
    let switches = watch_object(cluster.objects::<RegionSwitch>(), switch).default_backoff();
    let shops = watch_object(cluster.objects::<Storefront>(), shop).default_backoff();
    let of = namespace.clone();
    let switches = switches.map(move |saw| match saw {
        Ok(None) => Saw::Switch(None),
        Ok(Some(object)) => {
            typed::<RegionSwitch>(object, &of).map_or_else(Saw::Lost, |switch| Saw::Switch(Some(Box::new(switch))))
        }
        Err(error) => lost(&error),
    });
    let shops = shops.map(move |saw| match saw {
        Ok(None) => Saw::Shop(None),
        Ok(Some(object)) => Saw::Shop(typed::<Storefront>(object, &namespace).ok().map(Box::new)),
        Err(error) => lost(&error),
    });
    Box::pin(stream::select(switches, shops))
}

fn typed<T: serde::de::DeserializeOwned + crate::cluster::Kind>(
    object: DynamicObject,
    namespace: &str,
) -> Result<T, String> {
    read::<T>(object, namespace)
        .map(|found| found.typed)
        .map_err(|trouble| trouble.to_string())
}

fn lost(error: &watcher::Error) -> Saw {
    Saw::Lost(crate::show::text::plain(&crate::trouble::chain(error)).into_owned())
}
