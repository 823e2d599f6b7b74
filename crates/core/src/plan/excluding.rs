//! Excluding: the old region leaves every load balancer, and that is read back before anything irreversible.

use super::phases::{agrees, anew, round_after, with_phase};
use super::{Sight, promoting, sending, standpoint, switchover, traffic};
use crate::journal::{Journal, Move, Phase};
use crate::request::Override;
use crate::time::since;
use jiff::Timestamp;
use std::time::Duration;

/// An exclusion that is not read back in this time is given up: the move rolls back.
const EXCLUDING_AT_MOST: Duration = Duration::from_secs(300);
/// How long an exclusion is tried that a person has said may fail: a few tries of each provider.
const OVERRIDDEN_PATIENCE: Duration = Duration::from_secs(30);

/// The entry that begins it. What the lists were is written before they change.
pub(super) fn begin(sight: &Sight<'_>, current: &Move) -> Journal {
    let mut journal = with_phase(sight, &anew(sight, current), Phase::Excluding, EXCLUDING_AT_MOST);
    if let Some(side) = sight.input.shop.side(&current.from) {
        // After a promotion that did not happen the lists are already without it: keep what was saved first.
        if journal.excluded.as_ref() != Some(&current.from) {
            journal.saved_steering = traffic::to_save(sight, side);
        }
    }
    journal.excluded = Some(current.from.clone());
    journal.front = Some(current.to.clone());
    switchover::bound(sight, &mut journal);
    journal
}

/// Excluding ends when the exclusion has been read back and one fresh round after that still agrees: with the licence.
pub(super) fn entry(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let read_back = read_back(sight, current).or_else(|| overridden(sight, current))?;
    let facts = sight.facts.as_ref()?;
    let agreed = agrees(sight, current) && switchover::holds_everything(sight, current);
    let ready = round_after(facts, read_back) && agreed;
    (ready && sending::may_promote_again(sight, current.number)).then(|| promoting::begin(sight, &anew(sight, current)))
}

/// Where a person has accepted that an exclusion may not be read back, the move goes on without it after a while; the
/// level goes on trying.
fn overridden(sight: &Sight<'_>, current: &Move) -> Option<Timestamp> {
    let waited = since(current.since, sight.input.now.wall) >= OVERRIDDEN_PATIENCE;
    let overrides = &current.request.as_ref().filter(|_| waited)?.overrides;
    let side = sight.input.shop.side(&current.from)?;
    let traffic = traffic::excluded_since(sight, side).is_some() || overrides.contains(&Override::TrafficNotMoved);
    let name = told(sight, current) || overrides.contains(&Override::NameUnmovable);
    (traffic && name).then_some(current.since)
}

/// Whether our TXT names the old region as excluded.
fn told(sight: &Sight<'_>, current: &Move) -> bool {
    standpoint::owner_record(sight.input).is_some_and(|record| record.excluded.as_ref() == Some(&current.from))
}

/// When (wall time) the exclusion had been read back from every load balancer and from our TXT; `None` before, or while
/// a DNS-only balancer's TTL runs.
pub(super) fn read_back(sight: &Sight<'_>, current: &Move) -> Option<Timestamp> {
    let side = sight.input.shop.side(&current.from)?;
    let names = sight.input.actual.names.as_ref()?;
    let told = told(sight, current);
    let mono = traffic::excluded_since(sight, side)?.max(names.since.mono);
    let now = sight.input.now;
    if !told || mono > now.mono {
        return None;
    }
    Some(now.wall.checked_sub(now.mono.saturating_sub(mono)).unwrap_or(now.wall))
}
