//! Evidence: what readings have shown, kept as votes and windows. It is pure memory: it starts empty, and a
//! restart means quarantine.

mod link;
mod probes;
mod proofs;

use crate::Text;
use crate::facts::{EdgeVote, Facts, InstanceVote, LinkVote, ProbeVote, RegionFacts, SelfVote, SuspectWhy, Vote};
use crate::journal::Journal;
use crate::reading::{InstanceView, ObjectKey, ProbeSeen, Reading, Seen, Value};
use crate::shop::{Scope, Shop};
use crate::side::{PerSide, Side};
use crate::time::Now;
use crate::window::{FRESH_CLOUD, Track};
use jiff::Timestamp;
use link::LinkEvidence;
use probes::RegionProbes;
use proofs::Proofs;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What has been seen of one shop.
#[derive(Clone, Debug)]
pub struct Evidence {
    probes: PerSide<RegionProbes>,
    edge: PerSide<EdgeEvidence>,
    instance: PerSide<InstanceEvidence>,
    links: PerSide<LinkEvidence>,
    proofs: Proofs,
    references: References,
    ever_up: BTreeSet<Text>,
    new_up_since: Option<Duration>,
    trouble: PerSide<Option<Timestamp>>,
    /// When somebody last looked at each region and nothing about it was Down: its trouble may have begun right after.
    calm: PerSide<Option<Timestamp>>,
    /// When the trouble began as an earlier process journalled it; good until something says Up.
    journalled_trouble: PerSide<Option<Timestamp>>,
    /// Links into other replicas that are looked at, by region and identifier: standbys in the making.
    others: BTreeMap<(Text, Text), LinkEvidence>,
}

#[derive(Clone, Debug)]
struct EdgeEvidence {
    vote: Track<EdgeVote>,
    /// The same without the readings in which no city spoke.
    spoken: Track<EdgeVote>,
    up_since: Option<Duration>,
    up_seen: Duration,
    /// The first Down of readings that all said Down. Where many shops share a quota they lie far apart.
    down_since: Option<Timestamp>,
    asked: Option<Now>,
    disabled: bool,
}

#[derive(Clone, Debug)]
struct InstanceEvidence {
    vote: Track<InstanceVote>,
    resource_id: Option<Text>,
    routine_read: Option<Timestamp>,
    /// Authenticated 404s in a row: one alone says nothing.
    not_found: u32,
    asked: Option<Now>,
}

#[derive(Clone, Copy, Debug, Default)]
struct References {
    answered: Option<Duration>,
    first_read: Option<Duration>,
}

/// What `facts` needs to know from the journal.
#[derive(Clone, Copy, Debug)]
pub struct Standpoint<'a> {
    /// The active side.
    pub active: Side,
    /// A fence of ours is on the active side's writer: a refused write is then a sign of life.
    pub fence_is_ours: bool,
    /// The active side is excluded within a move: an Unknown edge keeps its last value.
    pub excluded_in_move: bool,
    /// The journal, for the identities of instances.
    pub journal: &'a Journal,
}

/// Addresses of earlier specs are remembered up to this many: the journal has to fit into the status of an object. One
/// spec has at most 68 (32 services, a pool and an instance in each region).
const EVER_UP_REMEMBERED: usize = 136;

/// All addresses of this spec whose first Up is remembered.
fn addresses(shop: &Shop) -> BTreeSet<Text> {
    let of = |side: Side| {
        let region = &shop.regions[side];
        let urls = region.services.iter().map(|service| service.url.clone());
        urls.chain([
            pool_address(&region.pool),
            instance_address(&region.name, &region.instance),
        ])
    };
    Side::BOTH.into_iter().flat_map(of).collect()
}

fn pool_address(pool: &str) -> Text {
    format!("pool:{pool}").into()
}

fn instance_address(region: &str, instance: &str) -> Text {
    format!("instance:{region}/{instance}").into()
}

impl Evidence {
    /// Empty evidence; only what was ever Up is taken over from the journal. Where that has grown long over many edits
    /// of the spec, the addresses of this spec alone.
    #[must_use]
    pub fn new(shop: &Shop, mut ever_up: BTreeSet<Text>) -> Self {
        if ever_up.len() > EVER_UP_REMEMBERED {
            let named = addresses(shop);
            ever_up.retain(|address| named.contains(address));
        }
        let probes = |side: Side| RegionProbes::new(shop.regions[side].services.len());
        Evidence {
            probes: PerSide {
                primary: probes(Side::Primary),
                secondary: probes(Side::Secondary),
            },
            edge: PerSide {
                primary: EdgeEvidence::new(),
                secondary: EdgeEvidence::new(),
            },
            instance: PerSide {
                primary: InstanceEvidence::new(),
                secondary: InstanceEvidence::new(),
            },
            links: PerSide {
                primary: LinkEvidence::new(),
                secondary: LinkEvidence::new(),
            },
            proofs: Proofs::default(),
            references: References::default(),
            ever_up,
            new_up_since: None,
            trouble: PerSide::default(),
            calm: PerSide::default(),
            journalled_trouble: PerSide::default(),
            others: BTreeMap::new(),
        }
    }

    /// Takes over the instants that an earlier process journalled: windows start empty, but a restart makes neither the
    /// trouble nor the break of the link any younger.
    pub fn remember(&mut self, shop: &Shop, journal: &Journal) {
        let Some(active) = journal.active_region.as_ref().and_then(|region| shop.side(region)) else {
            return;
        };
        self.journalled_trouble[active] = journal.trouble_since;
        self.links[active.other()].remember(journal.link_broken_since);
    }

    /// The spec lists the same regions the other way round: what was seen of each stays its own.
    pub fn swap_sides(&mut self) {
        self.probes.swap();
        self.edge.swap();
        self.instance.swap();
        self.links.swap();
        self.proofs.swap_sides();
        self.trouble.swap();
        self.journalled_trouble.swap();
    }

    /// Services or proof URLs were edited: those of a region whose list changed begin with empty windows.
    pub fn relist(&mut self, old: &Shop, new: &Shop) {
        for side in Side::BOTH {
            if old.regions[side].services != new.regions[side].services {
                self.probes[side] = RegionProbes::new(new.regions[side].services.len());
            }
        }
        if Side::BOTH
            .into_iter()
            .any(|side| old.regions[side].proof != new.regions[side].proof)
        {
            self.proofs = Proofs::default();
        }
    }

    /// Takes one reading; one that is not about this shop changes nothing.
    pub fn absorb(&mut self, reading: &Reading, shop: &Shop) {
        match (&reading.key, &reading.value) {
            (ObjectKey::Probe(url), Value::Probe(seen)) => self.absorb_probe(reading, shop, url, seen),
            (ObjectKey::Reference(_), Value::Probe(seen)) => self.references.absorb(reading.at, seen),
            (ObjectKey::Proof(url), Value::Proof(seen)) => self.proofs.absorb(reading, shop, url, seen),
            (ObjectKey::PoolHealth(_, pool), Value::PoolHealth(seen)) => self.absorb_edge(reading, shop, pool, seen),
            (ObjectKey::Pool(_, pool), Value::Pool(seen)) => {
                for side in Side::BOTH.into_iter().filter(|side| shop.regions[*side].pool == *pool) {
                    if let Some(view) = seen.present() {
                        self.edge[side].disabled = !view.enabled;
                    }
                }
            }
            (ObjectKey::Instance(scope, id), Value::Instance(seen)) => match listed(shop, scope, id) {
                Some(side) => self.absorb_instance(reading, side, seen),
                None => self.other_link(scope, id).absorb_instance(reading, seen),
            },
            (ObjectKey::Lag(scope, id), Value::Lag(seen)) => match listed(shop, scope, id) {
                Some(side) => self.links[side].absorb_lag(reading, seen),
                None => self.other_link(scope, id).absorb_lag(reading, seen),
            },
            // Documents that say how the world is, not whether it is well: see `actual`.
            (
                ObjectKey::Probe(_)
                | ObjectKey::Reference(_)
                | ObjectKey::Proof(_)
                | ObjectKey::PoolHealth(..)
                | ObjectKey::Pool(..)
                | ObjectKey::Instance(..)
                | ObjectKey::Lag(..)
                | ObjectKey::Parameters(..)
                | ObjectKey::Monitor(..)
                | ObjectKey::Balancer(..)
                | ObjectKey::Names(..)
                | ObjectKey::Change(..),
                _,
            ) => {}
        }
        self.note_trouble(reading.at, shop);
    }

    fn other_link(&mut self, scope: &Scope, id: &Text) -> &mut LinkEvidence {
        let key = (scope.region.clone(), id.clone());
        self.others.entry(key).or_insert_with(LinkEvidence::new)
    }

    /// The link into another replica than the shop's.
    #[must_use]
    pub fn link_of(&self, region: &Text, instance: &Text, now: Now) -> LinkVote {
        let link = self.others.get(&(region.clone(), instance.clone()));
        link.map_or(LinkVote::Unknown, |link| link.vote(now, None).value)
    }

    /// How far another replica than the shop's is behind, if a fresh sample says so.
    #[must_use]
    pub fn lag_of(&self, region: &Text, instance: &Text, now: Now) -> Option<Duration> {
        self.others.get(&(region.clone(), instance.clone()))?.lag(now)
    }

    /// The shop works with another instance on this side from now on: of that alone the windows begin anew, and what was
    /// seen of the link into it goes with it.
    pub fn succeed(&mut self, side: Side, shop: &Shop) {
        let region = &shop.regions[side];
        let link = self.others.remove(&(region.name.clone(), region.instance.clone()));
        self.links[side] = link.unwrap_or_else(LinkEvidence::new);
        self.instance[side] = InstanceEvidence::new();
    }

    fn absorb_probe(&mut self, reading: &Reading, shop: &Shop, url: &Text, seen: &ProbeSeen) {
        for side in Side::BOTH {
            let outside = self.outside_answered(side.other());
            let window = shop.policy.interval + shop.policy.timeout + shop.policy.timeout;
            let believed = outside.is_some_and(|at| reading.at.mono.saturating_sub(at) <= window);
            // Two services may be asked at one URL.
            let services = shop.regions[side].services.iter().enumerate();
            for (index, _) in services.filter(|(_, service)| service.url == *url) {
                if self.probes[side].absorb(reading, index, seen, self.ever_up.contains(url), believed, shop, side) {
                    self.note_up(url, reading.at);
                }
            }
        }
    }

    fn absorb_edge(
        &mut self,
        reading: &Reading,
        shop: &Shop,
        pool: &Text,
        seen: &Seen<crate::reading::PoolHealthView>,
    ) {
        let address = pool_address(pool);
        for side in Side::BOTH.into_iter().filter(|side| shop.regions[*side].pool == *pool) {
            let mut vote = edge_vote(seen);
            if vote == EdgeVote::Up {
                self.note_up(&address, reading.at);
            } else if vote == EdgeVote::Down && !self.ever_up.contains(&address) {
                vote = EdgeVote::Unknown;
            }
            self.edge[side].absorb(reading, vote);
        }
    }

    fn absorb_instance(&mut self, reading: &Reading, side: Side, seen: &Seen<InstanceView>) {
        let ObjectKey::Instance(scope, id) = &reading.key else {
            return;
        };
        let address = instance_address(&scope.region, id);
        let known = &mut self.instance[side];
        if is_overtaken(known.asked, reading) {
            return;
        }
        match seen {
            Seen::Present(_) => known.not_found = 0,
            Seen::Absent => known.not_found = known.not_found.saturating_add(1),
            Seen::Silent | Seen::Unknown(_) => {}
        }
        let mut vote = instance_vote(seen, known.not_found);
        match vote {
            InstanceVote::Available | InstanceVote::Routine => self.note_up(&address, reading.at),
            InstanceVote::Failed | InstanceVote::Absent | InstanceVote::Silent => {
                if !self.ever_up.contains(&address) {
                    vote = InstanceVote::Unknown;
                }
            }
            InstanceVote::Unknown => {}
        }
        if vote == InstanceVote::Routine {
            self.instance[side].routine_read = Some(reading.at.wall);
        }
        self.instance[side].vote.feed(reading.at, vote);
        self.instance[side].asked = Some(reading.asked);
        if let Some(view) = seen.present() {
            self.instance[side].resource_id = Some(view.resource_id.clone());
        }
        self.links[side].absorb_instance(reading, seen);
    }

    fn note_up(&mut self, address: &Text, at: Now) {
        if !self.ever_up.contains(address) {
            self.ever_up.insert(address.clone());
            self.new_up_since.get_or_insert(at.mono);
        }
    }

    /// The newest time at which something outside the other region answered HTTP: `side` itself, or a reference URL.
    fn outside_answered(&self, side: Side) -> Option<Duration> {
        self.probes[side].answered().max(self.references.answered)
    }

    fn note_trouble(&mut self, at: Now, shop: &Shop) {
        for side in Side::BOTH {
            let down = self.probes[side].any_down(at, shop.policy.interval)
                || self.edge[side].vote.fresh(at) == Some(EdgeVote::Down)
                || self.proofs.down(side, at, shop.policy.interval)
                || matches!(
                    self.instance[side].vote.fresh(at),
                    Some(InstanceVote::Silent | InstanceVote::Failed | InstanceVote::Absent)
                );
            if !down {
                self.trouble[side] = None;
                let probe = self.probes[side].vote(at, shop.policy.interval).value;
                let edge = self.edge[side].vote.fresh(at).unwrap_or(EdgeVote::Unknown);
                if probe != ProbeVote::Unknown || edge != EdgeVote::Unknown {
                    self.calm[side] = Some(at.wall);
                }
                if probe == ProbeVote::Up || edge == EdgeVote::Up {
                    self.journalled_trouble[side] = None;
                }
            } else if self.trouble[side].is_none() {
                let journalled = self.journalled_trouble[side].take();
                self.trouble[side] = Some(journalled.map_or(at.wall, |began| began.min(at.wall)));
            }
        }
    }

    /// Addresses that have been Up, those of the journal included.
    #[must_use]
    pub fn ever_up(&self) -> &BTreeSet<Text> {
        &self.ever_up
    }

    /// How long an address has been known to have been Up that the journal may not have.
    #[must_use]
    pub fn new_up_for(&self, now: Now, journal: &Journal) -> Option<Duration> {
        let since = self.new_up_since?;
        self.ever_up
            .iter()
            .any(|address| !journal.ever_up.contains(address))
            .then(|| now.mono.saturating_sub(since))
    }

    /// The facts of one instant.
    #[must_use]
    pub fn facts(&self, now: Now, shop: &Shop, from: Standpoint<'_>) -> Facts {
        let (a, b) = (from.active, from.active.other());
        let trouble = self.trouble[a];
        // Whoever has not looked for a while (no lease, no cluster) sees the first Down late: a link that broke meanwhile
        // did not break long before the trouble.
        let earliest = trouble.map(|seen| self.calm[a].map_or(seen, |calm| calm.min(seen)));
        let link = self.links[b].vote(now, earliest);
        let proof = self.proofs.vote(now, shop, a, from.fence_is_ours);
        let region_a = self.region(now, shop, a, from, trouble);
        let region_b = self.region(now, shop, b, from, trouble);
        let (caught_up_to, caught_up_sharp) = self.caught_up(b);
        Facts {
            active: a,
            proof,
            link,
            link_agreed: self.links[b].agreed(),
            link_reason: self.links[b].reason(),
            myself: self.references.vote(now, shop),
            trouble,
            round: self.round(shop, a),
            caught_up_to,
            caught_up_sharp,
            writes_stopped: crate::loss::writes_stopped(&region_a, &proof, &link),
            lag: self.links[b].lag(now),
            a: region_a,
            b: region_b,
        }
    }

    fn region(
        &self,
        now: Now,
        shop: &Shop,
        side: Side,
        from: Standpoint<'_>,
        trouble: Option<Timestamp>,
    ) -> RegionFacts {
        let probes = &self.probes[side];
        let interval = shop.policy.interval;
        let known = from.journal.resource_ids.get(&shop.regions[side].name);
        let seen = self.instance[side].resource_id.as_ref();
        let replaced = known.is_some() && seen.is_some() && known != seen;
        // Only readings of the instance that the journal knows count.
        let instance = self.instance[side].vote.fresh(now).filter(|_| !replaced);
        RegionFacts {
            probe: probes.vote(now, interval),
            critical_up: probes.critical_up(now, interval, &shop.regions[side].services),
            out: probes.out(now, interval),
            probe_up_for: probes.up_for(now, interval),
            writer_services_down: probes.writer_services(now, interval),
            edge: self.edge[side].vote(now, side == from.active && from.excluded_in_move),
            edge_read: self.edge[side].last_read(),
            edge_down_since: self.edge[side].down_since,
            edge_up_for: self.edge[side].up_for(now),
            // While there is no trouble it could begin now.
            critical_down_before_trouble: probes.critical_down_before(trouble.or(Some(now.wall))),
            instance: Vote {
                value: instance.unwrap_or(InstanceVote::Unknown),
                since: instance.and(self.instance[side].vote.since()).map(|at| at.wall),
                held: self.instance[side].vote.held(),
                read: self.instance[side].asked.map(|asked| asked.wall),
            },
            routine_read: self.instance[side].routine_read,
            replaced,
        }
    }

    /// The oldest of the newest readings of every source, by when they were asked for.
    fn round(&self, shop: &Shop, a: Side) -> Option<Timestamp> {
        let both = Side::BOTH.into_iter();
        let read = both.flat_map(|side| {
            let wall = |asked: Option<Now>| asked.map(|asked| asked.wall);
            [
                self.probes[side].round(),
                wall(self.edge[side].asked),
                wall(self.instance[side].asked),
            ]
        });
        let with_proof = Side::BOTH
            .into_iter()
            .filter(|side| shop.regions[*side].proof.is_some());
        read.chain(with_proof.map(|side| self.proofs.asked(side)))
            .chain([self.links[a.other()].lag_asked()])
            .try_fold(Timestamp::MAX, |oldest, asked| asked.map(|asked| oldest.min(asked)))
    }

    fn caught_up(&self, replica: Side) -> (Option<Timestamp>, bool) {
        match self.proofs.applied_until(replica) {
            Some(applied) => (Some(applied), true),
            None => (self.links[replica].caught_up_to(), false),
        }
    }

    /// Whether a proof of this side says that its own database takes writes: what shows a promotion early.
    #[must_use]
    pub fn proof_of_promotion(&self, side: Side, now: Now, shop: &Shop) -> bool {
        self.proofs.local_writable(side, now, shop.policy.interval)
    }

    /// Whether a fresh proof of either side says that the shop writes to this side's database.
    #[must_use]
    pub fn proof_of_writes(&self, side: Side, now: Now, shop: &Shop) -> bool {
        self.proofs.written_to(side, now, shop.policy.interval)
    }

    /// Whether a fresh proof of this side reports that the application's write to its own database was refused.
    #[must_use]
    pub fn proof_of_fence(&self, side: Side, now: Now, shop: &Shop) -> bool {
        self.proofs.local_write_refused(side, now, shop.policy.interval)
    }

    /// Whether both regions' processes tell which transactions their databases have executed.
    #[must_use]
    pub fn tells_executed(&self) -> bool {
        self.proofs.tell_executed()
    }

    /// Whether the other side's database has executed all that this one had at an instant, not before `then`, when the
    /// application's writes to it were refused.
    #[must_use]
    pub fn is_drained(&self, side: Side, then: Timestamp) -> bool {
        self.proofs.is_drained(side, then)
    }

    /// How many of the newest lag samples of this side's replica in a row, stamped after that instant, show no lag.
    #[must_use]
    pub fn zero_lags_after(&self, replica: Side, then: Timestamp) -> usize {
        self.links[replica].zeros_after(then)
    }

    /// Since when (monotonic) probes of this side, seen whoever is active, have been Up without a break.
    #[must_use]
    pub fn up_for(&self, side: Side, now: Now, shop: &Shop) -> Duration {
        self.probes[side].up_for(now, shop.policy.interval)
    }

    /// Whether a service of this side has been read and never been Up at its address.
    #[must_use]
    pub fn never_up(&self, shop: &Shop) -> bool {
        Side::BOTH.into_iter().any(|side| {
            shop.regions[side]
                .services
                .iter()
                .enumerate()
                .any(|(i, service)| self.probes[side].was_read(i) && !self.ever_up.contains(&service.url))
        })
    }
}

impl EdgeEvidence {
    fn new() -> Self {
        EdgeEvidence {
            vote: Track::new(EdgeVote::Unknown),
            spoken: Track::new(EdgeVote::Unknown),
            up_since: None,
            up_seen: Duration::ZERO,
            down_since: None,
            asked: None,
            disabled: false,
        }
    }

    fn absorb(&mut self, reading: &Reading, vote: EdgeVote) {
        if is_overtaken(self.asked, reading) {
            return;
        }
        self.asked = Some(reading.asked);
        match vote {
            EdgeVote::Up => {
                // Nobody saw the time between: it does not count as Up.
                if reading.at.mono.saturating_sub(self.up_seen) > FRESH_CLOUD {
                    self.up_since = None;
                }
                self.up_since.get_or_insert(reading.at.mono);
                self.up_seen = reading.at.mono;
            }
            EdgeVote::Partial | EdgeVote::Down => self.up_since = None,
            EdgeVote::Unknown => {}
        }
        self.down_since = match vote {
            EdgeVote::Down => self.down_since.or(Some(reading.at.wall)),
            // Whoever did not look saw nothing; whoever looked and got no answer neither.
            EdgeVote::Up | EdgeVote::Partial | EdgeVote::Unknown => None,
        };
        self.vote.feed(reading.at, vote);
        if vote != EdgeVote::Unknown {
            self.spoken.feed(reading.at, vote);
        }
    }

    fn vote(&self, now: Now, keep_last: bool) -> Vote<EdgeVote> {
        let value = match self.vote.fresh(now) {
            Some(_) if self.disabled => EdgeVote::Unknown,
            Some(value) => value,
            None => EdgeVote::Unknown,
        };
        // A pool in no list may not be monitored: within a move its last value goes on speaking.
        let (value, track) = if keep_last && value == EdgeVote::Unknown {
            (self.spoken.newest(), &self.spoken)
        } else {
            (value, &self.vote)
        };
        // An old reading, or one of a pool that is not monitored, says nothing of since when nothing is known.
        let tells = value == track.newest();
        Vote {
            value,
            since: track.since().filter(|_| tells).map(|at| at.wall),
            held: track.held(),
            read: self.asked.map(|asked| asked.wall),
        }
    }

    fn last_read(&self) -> EdgeVote {
        if self.disabled {
            EdgeVote::Unknown
        } else {
            self.vote.newest()
        }
    }

    fn up_for(&self, now: Now) -> Duration {
        match (self.vote.fresh(now), self.up_since) {
            (Some(EdgeVote::Up), Some(since)) => now.mono.saturating_sub(since),
            (Some(_) | None, _) => Duration::ZERO,
        }
    }
}

impl InstanceEvidence {
    fn new() -> Self {
        InstanceEvidence {
            vote: Track::new(InstanceVote::Unknown),
            resource_id: None,
            routine_read: None,
            not_found: 0,
            asked: None,
        }
    }
}

/// The side that lists this instance.
fn listed(shop: &Shop, scope: &Scope, id: &Text) -> Option<Side> {
    let side = shop.side(&scope.region)?;
    (shop.regions[side].instance == *id).then_some(side)
}

/// Whether a newer question about the same object has been answered already: then this answer says nothing new.
fn is_overtaken(newest_asked: Option<Now>, reading: &Reading) -> bool {
    newest_asked.is_some_and(|asked| asked.mono > reading.asked.mono)
}

impl References {
    fn absorb(&mut self, at: Now, seen: &ProbeSeen) {
        self.first_read.get_or_insert(at.mono);
        if seen.answered() {
            self.answered = Some(at.mono);
        }
    }

    /// Suspect when references were read and none has answered for three intervals.
    fn vote(&self, now: Now, shop: &Shop) -> SelfVote {
        let patience = 3 * shop.policy.interval;
        let silent_since = self.answered.or(self.first_read);
        match silent_since {
            Some(since) if now.mono.saturating_sub(since) > patience => SelfVote::Suspect(SuspectWhy::NoReference),
            Some(_) | None => SelfVote::Trusted,
        }
    }
}

fn edge_vote(seen: &Seen<crate::reading::PoolHealthView>) -> EdgeVote {
    let Some(view) = seen.present() else {
        return EdgeVote::Unknown;
    };
    let speaking = view.healthy + view.unhealthy;
    if speaking == 0 {
        EdgeVote::Unknown
    } else if view.unhealthy * 2 > speaking {
        EdgeVote::Down
    } else if view.healthy * 2 > speaking {
        EdgeVote::Up
    } else {
        EdgeVote::Partial
    }
}

/// An authenticated 404 counts when it comes twice.
fn instance_vote(seen: &Seen<InstanceView>, not_found: u32) -> InstanceVote {
    match seen {
        Seen::Present(view) => status_vote(&view.status),
        Seen::Absent if not_found >= 2 => InstanceVote::Absent,
        Seen::Absent => InstanceVote::Unknown,
        Seen::Silent => InstanceVote::Silent,
        Seen::Unknown(_) => InstanceVote::Unknown,
    }
}

/// RDS adds statuses without notice: what is not known says nothing.
#[must_use]
pub fn status_vote(status: &str) -> InstanceVote {
    match status {
        "available" | "backing-up" | "storage-optimization" => InstanceVote::Available,
        "modifying" | "rebooting" | "upgrading" | "maintenance" | "renaming" | "starting" => InstanceVote::Routine,
        "failed" | "storage-full" => InstanceVote::Failed,
        "stopped" | "deleting" | "delete-precheck" => InstanceVote::Absent,
        other if other.starts_with("configuring-") => InstanceVote::Available,
        other if other.starts_with("incompatible-") || other.starts_with("inaccessible-") => InstanceVote::Failed,
        _ => InstanceVote::Unknown,
    }
}

/// The value of a probe vote that means "services are out".
#[must_use]
pub fn is_out(vote: ProbeVote) -> bool {
    match vote {
        ProbeVote::Down | ProbeVote::Impaired => true,
        ProbeVote::Up | ProbeVote::Partial | ProbeVote::Unknown => false,
    }
}

/// Whether a link vote says that the replica does not follow, whoever is to blame.
#[must_use]
pub fn is_broken(vote: LinkVote) -> bool {
    match vote {
        LinkVote::Broken | LinkVote::BrokenOfOld => true,
        LinkVote::Flowing | LinkVote::Unknown => false,
    }
}
