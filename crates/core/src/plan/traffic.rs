//! The traffic level: pool order, and the exclusion of a region from every list of every load balancer.

use super::{Sight, contested, moved, sending, shift};
use crate::Text;
use crate::actual::Read;
use crate::decision::{BalancerPatch, Effect, LevelState, Step};
use crate::diagnosis::Diagnosis;
use crate::evidence::is_out;
use crate::facts::{EdgeVote, Facts, ProbeVote, RegionFacts};
use crate::journal::{Journal, MoveKind, ObligationKind, Phase, SavedList, SteeringMap};
use crate::places;
use crate::reading::{BalancerView, Seen};
use crate::request::Override;
use crate::shop::Mode;
use crate::side::Side;
use std::collections::BTreeMap;
use std::time::Duration;

/// At most this many lists are remembered for putting back, and none that is longer than this many pools or bytes: the
/// journal has to fit into an object, which has 1.5 MiB for all of it. An id of a pool has 32 characters.
const SAVED_AT_MOST: usize = 64;
const LIST_AT_MOST: usize = 64;
const BYTES_AT_MOST: usize = 40 * LIST_AT_MOST;

/// A document read longer ago than this is no look before a call. At rest it is read every 5 min; where many shops share a
/// quota it may be hours old, and Cloudflare has no version that would refuse a change of what others changed since.
const COMPARED_FOR: Duration = Duration::from_secs(330);

/// A change of what should hold: front to the other region, front back, the end of an exclusion.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if !sight.may_order() || moved::stops_everything(sight) {
        return None;
    }
    let facts = sight.facts.as_ref()?;
    if !sight.may_touch() {
        return order(sight, facts);
    }
    let journal = sight.input.journal;
    sight.side(journal.active_region.as_ref())?;
    if let Some(saved) = saved_later(sight) {
        return Some(saved);
    }
    if excluding(journal) {
        return None;
    }
    if exclusion_ends(sight, facts) {
        let mut ended = journal.clone();
        ended.excluded = None;
        // Where an earlier life excluded it nobody remembers the lists: it comes last in the default order.
        remember_as_left(sight, &mut ended, |saved, now| {
            let both = Side::BOTH.map(|side| now.contains(&sight.input.shop.regions[side].pool));
            !saved && both != [true, true]
        });
        return Some(ended);
    }
    if journal.excluded.is_none() && !journal.saved_steering.is_empty() && holds(sight) {
        return Some(Journal {
            saved_steering: Vec::new(),
            ..journal.clone()
        });
    }
    order(sight, facts)
}

/// A change of the pool order: by a person's shift, or to the other region and back.
fn order(sight: &Sight<'_>, facts: &Facts) -> Option<Journal> {
    let journal = sight.input.journal;
    let active = sight.side(journal.active_region.as_ref())?;
    let front = sight.side(journal.front.as_ref())?;
    if let Some(shift) = journal.holding() {
        return shift::front(sight, facts, shift, front);
    }
    if shift::is_enforced(journal) && front == active && holds(sight) {
        return Some(shift::followed(journal));
    }
    if front != active && places::comes_back(journal) && sight.input.shop.edit_waits {
        // A load balancer that the edit drops gets its order back now, or never.
        let mut back = journal.clone();
        order_returns(sight, &mut back, sight.region(active));
        return Some(back);
    }
    if front == active && order_should_change(sight, facts) {
        return Some(Journal {
            front: Some(sight.region(active.other()).clone()),
            ..journal.clone()
        });
    }
    if front != active && journal.excluded.as_ref() != Some(sight.region(active)) && came_back(sight, facts) {
        let mut back = journal.clone();
        order_returns(sight, &mut back, sight.region(active));
        return Some(back);
    }
    None
}

/// This region comes first again. Where the order is not ours to hold any more (the switch was turned off, the mode is
/// Observe, or an edit waits that may drop a load balancer), the lists as they are now are remembered as what we left, so
/// that they are put back once.
pub(super) fn order_returns(sight: &Sight<'_>, journal: &mut Journal, to: &Text) {
    let changes = journal.front.as_ref() != Some(to);
    journal.front = Some(to.clone());
    if !changes || (held_at_rest(sight) && !sight.input.shop.edit_waits) {
        return;
    }
    let regions = &sight.input.shop.regions;
    remember_as_left(sight, journal, |_, now| {
        Side::BOTH.iter().all(|side| now.contains(&regions[*side].pool))
    });
}

/// Remembers default lists, as they are now, as what we left. `which` is told whether something is remembered of the load
/// balancer's default list, and the list.
fn remember_as_left(sight: &Sight<'_>, journal: &mut Journal, which: impl Fn(bool, &[Text]) -> bool) {
    let balancers = sight.input.shop.balancers.iter().zip(&sight.input.actual.balancers);
    for (id, read) in balancers {
        let Some(now) = view(read).map(|document| &document.default_pools) else {
            continue;
        };
        let saved = || {
            journal
                .saved_steering
                .iter()
                .filter(|list| list.balancer == *id && list.map.is_none())
        };
        let known = saved().any(|list| list.left == *now);
        let wanted = which(saved().next().is_some(), now);
        if wanted && !known && fits("", now) && journal.saved_steering.len() < SAVED_AT_MOST {
            journal.saved_steering.push(SavedList {
                balancer: id.clone(),
                map: None,
                key: "".into(),
                before: now.clone(),
                left: now.clone(),
            });
        }
    }
}

/// Whether the pool order is held at rest: it has a switch of its own, which has no effect in Observe, nor once the object
/// goes.
fn held_at_rest(sight: &Sight<'_>) -> bool {
    let (shop, policy) = (sight.input.shop, &sight.input.shop.policy);
    policy.automatic_traffic && policy.mode != Mode::Observe && !shop.deleting
}

/// Whether it is held now: else within a move alone.
fn holds_order(sight: &Sight<'_>) -> bool {
    let moves = sight.input.journal.in_flight().is_some();
    held_at_rest(sight) || (sight.input.shop.policy.automatic_traffic && moves)
}

/// What a load balancer says that could not be read when the exclusion began: remembered before it is changed.
fn saved_later(sight: &Sight<'_>) -> Option<Journal> {
    let journal = sight.input.journal;
    let side = sight.side(journal.excluded.as_ref())?;
    let is_saved = |list: &SavedList| {
        journal
            .saved_steering
            .iter()
            .any(|old| old.balancer == list.balancer && old.map == list.map && old.key == list.key)
    };
    let mut more = to_save(sight, side);
    more.retain(|list| !is_saved(list));
    more.truncate(SAVED_AT_MOST.saturating_sub(journal.saved_steering.len()));
    (!more.is_empty()).then(|| {
        let mut due = journal.clone();
        due.saved_steering.append(&mut more);
        due
    })
}

/// From Excluding until the promotion shows, the move alone decides about traffic; so does an adoption until its end.
fn excluding(journal: &Journal) -> bool {
    journal.in_flight().is_some_and(|m| match m.phase {
        _ if m.kind == MoveKind::Adopt => true,
        Phase::Excluding | Phase::Promoting => true,
        Phase::Preparing => journal.excluded.is_some(),
        Phase::Requested | Phase::Repointing | Phase::Verifying | Phase::Holding => false,
    })
}

/// Services out, held for `shiftAfter`, and the other region fit to take the users.
fn order_should_change(sight: &Sight<'_>, facts: &Facts) -> bool {
    let policy = &sight.input.shop.policy;
    let held =
        crate::diagnose::services_out(facts) && facts.a.out.held >= policy.shift_after && !facts.a.edge.held.is_zero();
    let bars = matches!(
        sight.diagnosis,
        Diagnosis::ObserverSuspect | Diagnosis::ServicesDownEverywhere
    );
    let excluded = sight.input.journal.excluded.as_ref() == Some(sight.region(facts.active.other()));
    held_at_rest(sight)
        && held
        && !bars
        && !excluded
        && could_take_users(facts)
        && pool_is_there(sight, facts.active.other())
}

/// A pool that is missing or disabled takes no users: then the order is left alone.
pub(super) fn pool_is_there(sight: &Sight<'_>, side: Side) -> bool {
    let pool = sight.input.actual.pools[side].as_ref().and_then(Read::present);
    pool.is_some_and(|pool| pool.enabled)
}

/// Whether the standby's services could take the users.
pub(crate) fn could_take_users(facts: &Facts) -> bool {
    is_fit(&facts.b)
}

/// Whether users may be sent to the front's pool: one that is missing or disabled serves nobody, and then every load
/// balancer is better left as it is, whichever region should be excluded. A former writer that is not fenced gets no
/// users all the same, unless a person has accepted that or named W. A move has asked before; else what cannot be read
/// now may have been disabled meanwhile.
fn front_is_fit(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    let Some(front) = sight.side(journal.front.as_ref()) else {
        return false;
    };
    let moves = journal.in_flight().is_some_and(|m| m.kind != MoveKind::Adopt);
    let fit = match sight.input.actual.pools[front].as_ref().map(|read| &read.seen) {
        Some(Seen::Present(pool)) => pool.enabled,
        Some(Seen::Absent) => false,
        Some(Seen::Silent | Seen::Unknown(_)) | None => moves,
    };
    fit || keeps_users_away(journal)
}

fn keeps_users_away(journal: &Journal) -> bool {
    journal.obligations.iter().any(|owed| {
        let accepted = journal
            .current
            .as_ref()
            .filter(|m| m.number == owed.number)
            .is_some_and(|m| {
                let request = m.request.as_ref();
                m.kind == MoveKind::Adopt || request.is_some_and(|r| r.overrides.contains(&Override::TrafficNotMoved))
            });
        owed.kind == ObligationKind::FenceFormerWriter && journal.excluded.as_ref() == Some(&owed.region) && !accepted
    })
}

/// Up in one view, and neither Down nor Impaired in the other.
pub(super) fn is_fit(region: &RegionFacts) -> bool {
    let (probe, edge) = (region.probe.value, region.edge.value);
    let up = probe == ProbeVote::Up || edge == EdgeVote::Up;
    up && !is_out(probe) && edge != EdgeVote::Down
}

/// Both views of the active region have been Up for `returnAfter`.
fn came_back(sight: &Sight<'_>, facts: &Facts) -> bool {
    let patience = sight.input.shop.policy.return_after;
    facts.a.probe_up_for >= patience && facts.a.edge_up_for >= patience
}

/// The fence has been observed, the region's probes have been Up for `returnAfter`, and its edge is not Down.
fn exclusion_ends(sight: &Sight<'_>, facts: &Facts) -> bool {
    let input = sight.input;
    let Some(side) = sight.side(input.journal.excluded.as_ref()) else {
        return false;
    };
    let region = sight.region(side);
    let fenced = !input
        .journal
        .obligations
        .iter()
        .any(|o| o.kind == ObligationKind::FenceFormerWriter && o.region == *region);
    let edge = if side == facts.active {
        facts.a.edge.value
    } else {
        facts.b.edge.value
    };
    // A region that a person left by an adoption may be the only writer while the adopted one was not seen to write.
    let unverified = input
        .journal
        .current
        .as_ref()
        .is_some_and(|m| m.kind == MoveKind::Adopt && m.from == *region && m.verified_at.is_none());
    fenced
        && !unverified
        && input.evidence.up_for(side, input.now, input.shop) >= input.shop.policy.return_after
        && edge != EdgeVote::Down
}

/// One PATCH for each load balancer that is not as it should be.
pub(super) fn steps(sight: &Sight<'_>) -> Vec<Step> {
    let input = sight.input;
    differences(sight)
        .filter(|_| front_is_fit(sight))
        .filter(|(index, _)| !contested::is_left_alone(sight, &input.shop.balancers[*index]))
        .filter(|(index, _)| too_old_to_compare(sight, *index).is_none())
        .map(|(index, patch)| {
            Step::Effect(Effect::PatchBalancer {
                class: input.shop.class.clone(),
                zone: input.shop.zone.clone(),
                id: input.shop.balancers[index].clone(),
                patch,
            })
        })
        .collect()
}

/// Since when (monotonic) a document that a call would change has been too old to compare with: it is read again first.
pub(super) fn too_old_to_compare(sight: &Sight<'_>, index: usize) -> Option<Duration> {
    let read = sight.input.actual.balancers.get(index)?.as_ref()?;
    let until = read.asked.mono.saturating_add(COMPARED_FOR);
    (until < sight.input.now.mono && differs(sight, index)).then_some(until)
}

/// Whether the level holds.
pub(super) fn state(sight: &Sight<'_>) -> LevelState {
    if !is_known(sight) {
        return LevelState::Unknown;
    }
    let balancers = &sight.input.shop.balancers;
    let index = |what: &Text| balancers.iter().position(|id| id == what);
    contested::level_state(sight, balancers, |what| {
        index(what).is_some_and(|index| differs(sight, index)) || !is_settled(sight, what)
    })
}

fn is_known(sight: &Sight<'_>) -> bool {
    sight.input.journal.front.is_some() && sight.input.actual.balancers.iter().all(|read| view(read).is_some())
}

/// Whether lists that a move has changed are still to be put back, where that can be done: not in a load balancer that is
/// gone, nor where somebody else keeps putting them otherwise.
pub(super) fn owes_lists(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    if journal.excluded.is_some() || journal.saved_steering.is_empty() {
        return false;
    }
    let (shop, actual) = (sight.input.shop, sight.input.actual);
    shop.balancers
        .iter()
        .zip(&actual.balancers)
        .enumerate()
        .any(|(index, (id, read))| {
            let gone = read.as_ref().is_some_and(|read| matches!(read.seen, Seen::Absent));
            let put_back = view(read).is_some() && !differs(sight, index) && is_settled(sight, id);
            !gone && !put_back && !contested::is_left_alone(sight, id)
        })
}

/// Whether every load balancer says what it should, whoever contests it.
fn holds(sight: &Sight<'_>) -> bool {
    let settled = || sight.input.shop.balancers.iter().all(|id| is_settled(sight, id));
    is_known(sight) && differences(sight).next().is_none() && settled()
}

/// Whether the newest reading of this load balancer shows something else than it should say.
pub(super) fn differs(sight: &Sight<'_>, index: usize) -> bool {
    let seen = sight.input.actual.balancers.get(index).and_then(view);
    seen.is_some_and(|seen| !as_wanted(sight, index, seen))
}

/// Whether this view of a load balancer says what it should.
pub(super) fn as_wanted(sight: &Sight<'_>, index: usize, seen: &BalancerView) -> bool {
    let id = &sight.input.shop.balancers[index];
    Want::of(sight).is_none_or(|want| want.patch(id, seen).is_empty())
}

/// What a differing load balancer should say, and what it says.
pub(super) fn wanted_and_seen(sight: &Sight<'_>, index: usize) -> Option<(Text, Text)> {
    let seen = view(&sight.input.actual.balancers[index])?;
    let patch = Want::of(sight)?.patch(&sight.input.shop.balancers[index], seen);
    if let Some(pools) = &patch.default_pools {
        return Some((list(sight, pools), list(sight, &seen.default_pools)));
    }
    if let Some(pool) = &patch.fallback_pool {
        let one = |pool: &Text| Text::from(format!("the fallback pool of {}", region_of(sight, pool)));
        return Some((one(pool), one(&seen.fallback_pool)));
    }
    let (map, _) = patch.maps.first_key_value()?;
    let (name, says) = match map {
        SteeringMap::Region => ("region_pools", "its region_pools name it"),
        SteeringMap::Country => ("country_pools", "its country_pools name it"),
        SteeringMap::Pop => ("pop_pools", "its pop_pools name it"),
    };
    Some((format!("{name} without the excluded region's pool").into(), says.into()))
}

/// An order of pools, by the regions that they are of.
fn list(sight: &Sight<'_>, pools: &[Text]) -> Text {
    let pools: Vec<&str> = pools.iter().map(|pool| region_of(sight, pool)).take(4).collect();
    format!("the order {}", pools.join(", ")).into()
}

/// The region whose pool this is; of a pool of others its id.
fn region_of<'a>(sight: &Sight<'a>, pool: &'a Text) -> &'a str {
    let mut regions = Side::BOTH.into_iter().map(|side| &sight.input.shop.regions[side]);
    regions
        .find(|region| region.pool == *pool)
        .map_or(pool, |region| &region.name)
}

/// Whether this load balancer was read back after its last PATCH.
fn is_settled(sight: &Sight<'_>, id: &Text) -> bool {
    let shop = sight.input.shop;
    let patched = Effect::PatchBalancer {
        class: shop.class.clone(),
        zone: shop.zone.clone(),
        id: id.clone(),
        patch: BalancerPatch::default(),
    };
    sending::is_settled(sight, &patched)
}

/// The load balancers that differ, and how.
fn differences<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = (usize, BalancerPatch)> + 'a {
    let want = Want::of(sight);
    sight
        .input
        .actual
        .balancers
        .iter()
        .enumerate()
        .filter_map(move |(index, read)| {
            let patch = want.as_ref()?.patch(&sight.input.shop.balancers[index], view(read)?);
            (!patch.is_empty()).then_some((index, patch))
        })
}

fn view(read: &Option<Read<BalancerView>>) -> Option<&BalancerView> {
    read.as_ref().and_then(Read::present)
}

/// Since when (monotonic) each load balancer has been read without this pool; `None` while one still names it, or
/// was not read since its last call.
pub(super) fn excluded_since(sight: &Sight<'_>, side: Side) -> Option<Duration> {
    let pool = &sight.input.shop.regions[side].pool;
    sight
        .input
        .actual
        .balancers
        .iter()
        .enumerate()
        .try_fold(Duration::ZERO, |latest, (index, read)| {
            let read = read.as_ref()?;
            let document = read
                .present()
                .filter(|document| document.enabled && !names(document, pool))?;
            let last = sight.input.calls.iter().rev().find(|call| match &call.step {
                Step::Effect(Effect::PatchBalancer { id, .. }) => *id == sight.input.shop.balancers[index],
                Step::Effect(_) | Step::Promote(_) => false,
            });
            let called = match last {
                Some(call) => call.ended.as_ref()?.0.mono,
                None => Duration::ZERO,
            };
            (read.asked.mono >= called).then_some(())?;
            let ttl = document.dns_ttl.unwrap_or(Duration::ZERO);
            Some(latest.max(read.since.mono.saturating_add(ttl)))
        })
}

/// Whether any list of the document names the pool.
pub(super) fn names(document: &BalancerView, pool: &Text) -> bool {
    let in_map = |map: &BTreeMap<Text, Vec<Text>>| map.values().any(|pools| pools.contains(pool));
    document.default_pools.contains(pool)
        || document.fallback_pool == *pool
        || in_map(&document.region_pools)
        || in_map(&document.country_pools)
        || in_map(&document.pop_pools)
        || document.named_elsewhere.contains(pool)
}

/// What the load balancers should say.
struct Want<'a> {
    front: &'a Text,
    other: &'a Text,
    excluded: Option<&'a Text>,
    order: bool,
    saved: &'a [SavedList],
}

impl<'a> Want<'a> {
    /// `None` while nothing is adopted, or nothing should be enforced.
    fn of(sight: &'a Sight<'_>) -> Option<Want<'a>> {
        let (shop, journal) = (sight.input.shop, sight.input.journal);
        let front = sight.side(journal.front.as_ref())?;
        let excluded = sight.side(journal.excluded.as_ref());
        let by_a_person = shift::is_enforced(journal);
        // Observe is asked here too, so that a level that only watches never counts as different.
        (!sight.only_observes() || by_a_person).then_some(Want {
            front: &shop.regions[front].pool,
            other: &shop.regions[front.other()].pool,
            excluded: excluded.map(|side| &shop.regions[side].pool),
            order: holds_order(sight) || by_a_person,
            saved: &journal.saved_steering,
        })
    }

    fn patch(&self, balancer: &Text, now: &BalancerView) -> BalancerPatch {
        let mut patch = BalancerPatch::default();
        // With one of the two pools missing the order is left alone: there is nothing to order.
        let both = [self.front, self.other]
            .into_iter()
            .all(|pool| now.default_pools.contains(pool));
        let returns = self.excluded.is_none() && self.as_we_left(balancer, None, "", &now.default_pools).is_some();
        if (self.order && both) || self.excluded.is_some() || returns {
            let default_pools = self.default_pools(now);
            if default_pools != now.default_pools {
                patch.default_pools = Some(default_pools);
            }
            if now.fallback_pool != *self.front {
                patch.fallback_pool = Some(self.front.clone());
            }
        }
        // At rest the maps are whatever people made of them.
        if self.excluded.is_none() && self.saved.is_empty() {
            return patch;
        }
        for (map, lists) in [
            (SteeringMap::Region, &now.region_pools),
            (SteeringMap::Country, &now.country_pools),
            (SteeringMap::Pop, &now.pop_pools),
        ] {
            let wanted: BTreeMap<Text, Vec<Text>> = lists
                .iter()
                .map(|(key, pools)| (key.clone(), self.list(balancer, map, key, pools)))
                .collect();
            if wanted != *lists {
                patch.maps.insert(map, wanted);
            }
        }
        patch
    }

    /// The saved list that still is as an exclusion left it.
    fn as_we_left(&self, balancer: &Text, map: Option<SteeringMap>, key: &str, now: &[Text]) -> Option<&SavedList> {
        self.saved
            .iter()
            .find(|saved| saved.balancer == *balancer && saved.map == map && *saved.key == *key && saved.left == now)
    }

    fn default_pools(&self, now: &BalancerView) -> Vec<Text> {
        let mut pools = vec![self.front.clone()];
        if self.excluded != Some(self.other) {
            pools.push(self.other.clone());
        }
        let foreign = now
            .default_pools
            .iter()
            .filter(|pool| *pool != self.front && *pool != self.other);
        pools.extend(foreign.cloned());
        pools
    }

    /// One list of a map: without the excluded pool, or as it was before where it still is as we left it.
    fn list(&self, balancer: &Text, map: SteeringMap, key: &Text, now: &[Text]) -> Vec<Text> {
        match self.excluded {
            Some(excluded) => without(now, excluded, self.front),
            None => self
                .as_we_left(balancer, Some(map), key, now)
                .map_or_else(|| now.to_vec(), |saved| saved.before.clone()),
        }
    }
}

/// A list without the excluded pool; an emptied one gets front's pool, and no pool stands twice.
fn without(pools: &[Text], excluded: &Text, front: &Text) -> Vec<Text> {
    let mut kept: Vec<Text> = Vec::with_capacity(pools.len());
    for pool in pools.iter().filter(|pool| *pool != excluded) {
        if !kept.contains(pool) {
            kept.push(pool.clone());
        }
    }
    if kept.is_empty() { vec![front.clone()] } else { kept }
}

/// What is saved when this side is excluded while lists of an earlier exclusion are still to be put back: a list that
/// was saved keeps what it was before that.
pub(super) fn to_save_beside(sight: &Sight<'_>, side: Side, saved: &[SavedList]) -> Vec<SavedList> {
    let mut lists = to_save(sight, side);
    for list in &mut lists {
        let earlier = saved
            .iter()
            .find(|old| old.balancer == list.balancer && old.map == list.map && old.key == list.key);
        if let Some(earlier) = earlier.filter(|old| old.left == list.before) {
            list.before.clone_from(&earlier.before);
        }
    }
    lists
}

/// The lists that name this side's pool now, and what an exclusion will leave of them: as many as are remembered.
pub(super) fn to_save(sight: &Sight<'_>, side: Side) -> Vec<SavedList> {
    let mut saved = lists_naming(sight, side);
    saved.retain(|list| fits(&list.key, &list.before));
    saved.truncate(SAVED_AT_MOST);
    saved
}

/// Whether more lists name this side's pool than are remembered, or longer ones.
pub(super) fn too_many_to_save(sight: &Sight<'_>, side: Side) -> bool {
    let pool = &sight.input.shop.regions[side].pool;
    let documents = sight.input.actual.balancers.iter().filter_map(view);
    let lists = documents.flat_map(|document| {
        let maps = [&document.region_pools, &document.country_pools, &document.pop_pools];
        let lists = maps.into_iter().flat_map(BTreeMap::values);
        lists.chain([&document.default_pools])
    });
    let mut naming = lists.filter(|list| list.contains(pool));
    let mut count = 0;
    naming.any(|list| {
        count += 1;
        count > SAVED_AT_MOST || !fits("", list)
    })
}

fn fits(key: &str, list: &[Text]) -> bool {
    let bytes: usize = list.iter().map(|pool| pool.len()).sum();
    list.len() <= LIST_AT_MOST && key.len() + bytes <= BYTES_AT_MOST
}

fn lists_naming(sight: &Sight<'_>, side: Side) -> Vec<SavedList> {
    let shop = sight.input.shop;
    let (pool, front) = (&shop.regions[side].pool, &shop.regions[side.other()].pool);
    let mut saved = Vec::new();
    for (index, read) in sight.input.actual.balancers.iter().enumerate() {
        let Some(document) = view(read) else { continue };
        if document.default_pools.contains(pool) {
            let mut left = without(&document.default_pools, pool, front);
            left.retain(|kept| kept != front);
            left.insert(0, front.clone());
            let before = document.default_pools.clone();
            saved.push(SavedList {
                balancer: shop.balancers[index].clone(),
                map: None,
                key: "".into(),
                before,
                left,
            });
        }
        for (map, lists) in [
            (SteeringMap::Region, &document.region_pools),
            (SteeringMap::Country, &document.country_pools),
            (SteeringMap::Pop, &document.pop_pools),
        ] {
            for (key, before) in lists.iter().filter(|(_, pools)| pools.contains(pool)) {
                saved.push(SavedList {
                    balancer: shop.balancers[index].clone(),
                    map: Some(map),
                    key: key.clone(),
                    before: before.clone(),
                    left: without(before, pool, front),
                });
            }
        }
    }
    saved
}
