//! `status --watch`: the tree, drawn anew in place when something changed, and each second for the ages.

use crate::cluster::{Cluster, read};
use crate::exit::Exit;
use crate::screen;
use crate::show::stand::is_open;
use crate::show::status::tree;
use crate::trouble::Trouble;
use breakwater_api::{RegionSwitch, Storefront};
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watch_object, watcher};
use std::collections::BTreeMap;
use std::time::Duration;

/// Home, and from there on line by line: what was longer before is cleared behind each line and below the last.
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";
/// A screen of its own, so that the lines before the command are there afterwards.
const OWN_SCREEN: &str = "\u{1b}[?1049h\u{1b}[?25l";
const BACK: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// What stands now.
#[derive(Default)]
struct Picture {
    shop: Option<Storefront>,
    requests: BTreeMap<String, RegionSwitch>,
    trouble: Option<String>,
}

/// Until Ctrl-C, or until the shop is gone.
pub(crate) async fn status(cluster: &Cluster, name: &str) -> Result<Exit, Trouble> {
    // What cannot be read at all is told at once, and not behind a screen of its own.
    let found = cluster.storefront(name).await?;
    let mut picture = Picture {
        shop: Some(found.typed),
        ..Picture::default()
    };
    let in_place = screen::shows();
    if in_place {
        screen::raw(OWN_SCREEN);
    }
    let ended = turn(cluster, name, &mut picture, in_place).await;
    if in_place {
        screen::raw(BACK);
        screen::print(&picture.drawn(cluster.now()));
    }
    ended
}

async fn turn(cluster: &Cluster, name: &str, picture: &mut Picture, in_place: bool) -> Result<Exit, Trouble> {
    let mut shops = std::pin::pin!(watch_object(cluster.objects::<Storefront>(), name).default_backoff());
    let of_it = watcher::Config::default().fields(&format!("spec.request.storefrontName={name}"));
    let switches: Api<DynamicObject> = cluster.objects::<RegionSwitch>();
    let mut switches = std::pin::pin!(watcher(switches, of_it).default_backoff());
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut shown = String::new();
    loop {
        let mut news = true;
        tokio::select! {
            saw = shops.next() => match saw {
                Some(Ok(None)) | None => return Err(Trouble::Vanished(format!("Storefront {}/{name}", cluster.namespace))),
                Some(Ok(Some(object))) => match read::<Storefront>(object, &cluster.namespace) {
                    Ok(found) => {
                        picture.shop = Some(found.typed);
                        picture.trouble = None;
                    }
                    Err(trouble) => picture.trouble = Some(trouble.to_string()),
                },
                Some(Err(error)) => picture.lost(&error),
            },
            saw = switches.next() => match saw {
                Some(Ok(event)) => picture.switch(event, &cluster.namespace),
                Some(Err(error)) => picture.lost(&error),
                None => {}
            },
            _ = ticks.tick() => news = false,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
        if in_place {
            let height = screen::height().unwrap_or(usize::MAX);
            screen::raw(&frame(&picture.drawn(cluster.now()), height));
        } else if news {
            // For a log: one tree for each change, and ages are no change.
            let steady = picture.drawn(Timestamp::UNIX_EPOCH);
            if steady != shown {
                screen::print(&picture.drawn(cluster.now()));
                shown = steady;
            }
        }
    }
}

/// One drawing in place: no flicker, and no line beyond the last one of the screen; what does not fit is counted.
fn frame(drawn: &str, height: usize) -> String {
    let mut frame = String::from(HOME);
    let mut put = |line: &str| frame.extend([line, CLEAR_LINE, "\r\n"]);
    let (room, all) = (height.saturating_sub(1), drawn.lines().count());
    if all <= room {
        drawn.lines().for_each(&mut put);
    } else {
        let shown = room.saturating_sub(1);
        drawn.lines().take(shown).for_each(&mut put);
        put(&format!("... {} lines more: the screen is too small", all - shown));
    }
    frame.push_str(CLEAR_BELOW);
    frame
}

impl Picture {
    fn drawn(&self, now: Timestamp) -> String {
        let requests: Vec<RegionSwitch> = self
            .requests
            .values()
            .filter(|switch| is_open(switch))
            .cloned()
            .collect();
        let mut drawn = self
            .shop
            .as_ref()
            .map(|shop| tree(shop, &requests, now, screen::width()))
            .unwrap_or_default();
        if let Some(trouble) = &self.trouble {
            drawn.push_str(trouble);
            drawn.push('\n');
        }
        drawn
    }

    fn lost(&mut self, error: &watcher::Error) {
        let why = crate::trouble::chain(error);
        self.trouble = Some(format!(
            "The connection is lost and tried again: {}",
            crate::show::text::plain(&why)
        ));
    }

    fn switch(&mut self, event: Event<DynamicObject>, namespace: &str) {
        match event {
            Event::Apply(object) | Event::InitApply(object) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                if let Ok(found) = read::<RegionSwitch>(object, namespace) {
                    self.requests.insert(name, found.typed);
                }
            }
            Event::Delete(object) => {
                self.requests
                    .remove(object.metadata.name.as_deref().unwrap_or_default());
            }
            Event::Init => self.requests.clear(),
            Event::InitDone => self.trouble = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_clears_what_was_there() {
        let frame = frame("one\ntwo\n", 3);
        assert_eq!(frame, "\u{1b}[Hone\u{1b}[K\r\ntwo\u{1b}[K\r\n\u{1b}[J");
    }

    #[test]
    fn a_frame_fits_the_screen_and_says_what_is_left_out() {
        let frame = frame("one\ntwo\nthree\nfour\n", 3);
        assert_eq!(frame.matches("\r\n").count(), 2, "{frame}");
        assert!(frame.contains("one") && frame.contains("... 3 lines more"), "{frame}");
    }
}
