//! The ledger: what truly happened, kept by the world itself. The invariants are judged from this
//! document and from the controller's journal history, and from nothing else, so every field says
//! exactly what it means.
//!
//! # The document
//!
//! One JSON object, [`Ledger`]. Every time is virtual: milliseconds since the Unix epoch. Fields that
//! end in `_micros` are real time, microseconds since the Unix epoch, and are absent where the run has
//! no real time (in the rig). Enum values and event names are kebab-case, field names are snake_case.
//! Optional fields are `null` when they have no value.
//!
//! * `events` is one list in the order in which things happened; two events of the same `at` happened
//!   in list order. Entries are only ever appended; the stamps of a `call` (`answered_at`, ...) are filled in later.
//! * `reads` are requests that change nothing, in the order of their arrival.
//! * `writable` are spans of time; a span that is still open has `to: null`.
//! * `meetings` are counters per second; the ones of the current second may still grow.
//! * `absent` are the orders that were acknowledged and that the shop's writer does not hold.
//!
//! Requests (calls and reads) share one sequence of `number`s, given by the world. `asked` is the
//! asker's own number, and `because` names the `asked` of an earlier request.

use crate::faults::{Fault, FaultId};
use crate::request::{Millis, Vantage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A shared name (of a shop, region, instance, pool): names repeat a lot in counters.
pub type Name = Arc<str>;

/// The version of this document's shape.
pub const FORMAT: u32 = 1;

/// The whole ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ledger {
    /// [`FORMAT`].
    pub format: u32,
    /// Seed of the world.
    pub seed: u64,
    /// When the world began.
    pub start: Millis,
    /// The world's clock when this copy was taken: nothing later is known.
    pub until: Millis,
    /// What there is: shops, their regions, instances, pools, balancers and names, as set up.
    pub shops: Vec<ShopEntry>,
    /// What happened.
    pub events: Vec<Event>,
    /// Requests that change nothing (not kept when the setup says so).
    pub reads: Vec<Read>,
    /// When each instance took writes.
    pub writable: Vec<WritableSpan>,
    /// Which regions the shoppers met.
    pub meetings: Vec<Meeting>,
    /// Orders acknowledged and absent afterwards.
    pub absent: Vec<AbsentOrder>,
    #[serde(skip)]
    places: HashMap<u64, Place>,
    #[serde(skip)]
    current: HashMap<MeetingKey, usize>,
    #[serde(skip)]
    current_second: Millis,
}

/// A shop as it was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShopEntry {
    /// Name of the shop.
    pub name: Name,
    /// Public hostname.
    pub hostname: String,
    /// Its two regions, the preferred one first.
    pub regions: Vec<ShopRegionEntry>,
    /// Ids of its load balancers.
    pub balancers: Vec<String>,
    /// The writer's name, lower case with a final dot.
    pub writer_record: String,
    /// Name of the owner's TXT record: `_breakwater.` and the writer's name.
    pub owner_record: String,
}

/// A shop's part in one region, as it was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShopRegionEntry {
    /// AWS region.
    pub region: Name,
    /// Cloudflare pool of this region.
    pub pool: Name,
    /// RDS instance of this region.
    pub instance: Name,
    /// Host name of the instance, as a CNAME value has it (no final dot).
    pub endpoint: String,
    /// `writer` or `replica`, at the start.
    pub role: String,
    /// Whether the shop has a proof URL here.
    pub proof: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Millis,
    /// What; the JSON object carries the fields of the variant beside `at` and `event`.
    #[serde(flatten)]
    pub what: What,
}

/// What happened. `event` names the variant in kebab-case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// `call`: a request that changes something arrived, or would have arrived: see its `effect`.
    Call(Call),
    /// `fault-injected`: from now on this fault is in force.
    FaultInjected {
        /// Id of the fault.
        id: FaultId,
        /// The fault; `kind` names it.
        fault: Fault,
    },
    /// `fault-cleared`: the fault is no longer in force (what it broke may take time to come back: see `returned`).
    FaultCleared {
        /// Id of the fault.
        id: FaultId,
        /// The fault; `kind` names it.
        fault: Fault,
    },
    /// `returned`: after a region was down, a part of it works again.
    Returned {
        /// The region.
        region: Name,
        /// `databases`: its instances run again, with the roles they had. `services`: its services run again.
        part: String,
    },
    /// `flapped`: a fault of kind `flapping` turned; at its injection the services are down.
    Flapped {
        /// Shop.
        shop: Name,
        /// Region.
        region: Name,
        /// Whether its services are up from now on.
        up: bool,
    },
    /// `instance`: what RDS would show of an instance changed, by its own course or by a fault (`instance-status`).
    Instance {
        /// Shop.
        shop: Name,
        /// `DBInstanceIdentifier`.
        instance: Name,
        /// Region.
        region: Name,
        /// `DBInstanceStatus`.
        status: String,
        /// Identifier of the source that RDS shows, if it shows one.
        source: Option<Name>,
    },
    /// `promotion-accepted`: RDS accepted `PromoteReadReplica`; from here on it will happen. This is the promotion
    /// of which at most one for each number may take effect.
    PromotionAccepted {
        /// Shop.
        shop: Name,
        /// The replica that is promoted.
        instance: Name,
        /// Its region.
        region: Name,
        /// `number` of the call.
        call: u64,
    },
    /// `promoted`: the promoted instance has rebooted and is no replica any more; unless its `read_only`
    /// parameter forbids it, it takes writes from now on.
    Promoted {
        /// Shop.
        shop: Name,
        /// The promoted instance.
        instance: Name,
        /// Its region.
        region: Name,
        /// Its former source.
        source: Name,
        /// `number` of the call that caused it.
        call: u64,
        /// The promoted instance holds everything that its source committed up to this time.
        held_until: Millis,
        /// The last moment up to now at which the former source took writes. True loss = this - `held_until`, if positive.
        source_wrote_until: Millis,
        /// How many acknowledged orders the promoted instance lacks now (each one is in `absent`).
        orders_absent: u64,
    },
    /// `parameter`: a changed parameter reached an instance (its `ParameterApplyStatus` is `in-sync` again).
    Parameter {
        /// Shop.
        shop: Name,
        /// Instance.
        instance: Name,
        /// Region.
        region: Name,
        /// `read_only`, for one.
        name: String,
        /// The value in force from now on.
        value: String,
    },
    /// `link`: the stream from a source to its replica began or ceased to flow (truth, not what anybody sees of it).
    Link {
        /// Shop.
        shop: Name,
        /// The replica.
        instance: Name,
        /// Its source.
        source: Name,
        /// Whether rows flow from now on.
        flowing: bool,
    },
    /// `record`: a DNS record set of the hosted zone changed.
    Record {
        /// The shop whose writer's name or owner's record this is, if it is one.
        shop: Option<Name>,
        /// `set-up`: at the start. `submitted`: Route 53 accepted the batch (what its API lists changes now).
        /// `visible`: resolvers see it from now on (caches keep the old value up to its TTL).
        stage: String,
        /// Name, lower case with a final dot.
        name: String,
        /// `CNAME`, `TXT`, ...
        kind: String,
        /// The values now; an empty list when the set was deleted.
        values: Vec<String>,
        /// TTL in seconds.
        ttl: i64,
        /// `number` of the call.
        call: Option<u64>,
        /// For a CNAME that names one of our instances: the instance.
        instance: Option<Name>,
        /// For a CNAME that names one of our instances: whether at this moment it is a writer, which means that it
        /// is no replica (a promotion that has not finished its reboot leaves it a replica) and is not stopped.
        writer: Option<bool>,
    },
    /// `balancer`: the state of a load balancer, at the start and after every change.
    Balancer {
        /// Shop.
        shop: Name,
        /// Id.
        balancer: Name,
        /// `enabled`.
        enabled: bool,
        /// `steering_policy`.
        steering: String,
        /// The first of `default_pools`.
        first: Name,
        /// `default_pools`, in order.
        default_pools: Vec<Name>,
        /// `fallback_pool`.
        fallback: Name,
        /// For each pool that stands anywhere in the document: where. Places: `default_pools`, `fallback_pool`,
        /// `region_pools.WNAM`, `country_pools.CA`, `pop_pools.YYZ`, `random_steering.pool_weights`, `rules`.
        lists: BTreeMap<Name, Vec<String>>,
        /// `number` of the call that changed it; `null` at the start.
        call: Option<u64>,
    },
    /// `pool`: the state of a pool, at the start, after every change, and when its health turns.
    Pool {
        /// Shop.
        shop: Name,
        /// Id.
        pool: Name,
        /// Region that it leads to.
        region: Name,
        /// `enabled`; `false` for a deleted one.
        enabled: bool,
        /// Whether it was deleted.
        #[serde(default)]
        deleted: bool,
        /// More than half of the cities that say something say healthy; `null` while none says anything.
        healthy: Option<bool>,
        /// `number` of the call that changed it, if a call did.
        call: Option<u64>,
    },
}

/// A request that changes something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Number given by the world.
    pub number: u64,
    /// The asker's own number of this request.
    pub asked: Option<u64>,
    /// The asker's number of the request whose answer (or missing answer) made this one possible.
    pub because: Option<u64>,
    /// From where.
    pub vantage: Vantage,
    /// Who.
    pub actor: String,
    /// `rds`, `route53`, `cloudflare`.
    pub api: String,
    /// AWS region asked, where the API is a regional one.
    pub region: Option<Name>,
    /// `promote-read-replica`, `modify-parameter`, `stop-instance`, `start-instance`, `add-tags`, `remove-tags`,
    /// `copy-parameter-group`, `create-read-replica`, `change-records`, `patch-pool`, `delete-pool`, `patch-balancer`.
    pub op: String,
    /// What it is about: instance, parameter group, zone, pool or balancer id (for tags: the instance's id).
    pub target: String,
    /// The shop that the target belongs to, if to one.
    pub shop: Option<Name>,
    /// The request's own content (patch, changes, tags, parameter), as data.
    pub detail: serde_json::Value,
    /// What it did.
    pub effect: Effect,
    /// How often it arrived: 2 when something on the way sent it again (fault `duplicate-effects`). It is `applied`
    /// if either copy was; the asker got the answer to the second.
    #[serde(default = "once")]
    pub copies: u32,
    /// Error code of the answer, when it was an error. With `applied` it is that of a second copy, or of something
    /// on the way that answered in the provider's stead (fault `spoil-replies`).
    pub code: Option<String>,
    /// Whether the world sent a whole answer (one cut off is none). `false` with `effect: applied` is the ambiguous case.
    pub reply: bool,
    /// Real time of arrival.
    pub arrived_micros: Option<i64>,
    /// When the answer left for the asker.
    pub answered_at: Option<Millis>,
    /// When the answer left for the asker, real time.
    pub answered_micros: Option<i64>,
    /// When the asker gave up waiting.
    pub gave_up_at: Option<Millis>,
    /// When the asker gave up waiting, real time.
    pub gave_up_micros: Option<i64>,
}

fn once() -> u32 {
    1
}

/// What a call did to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The provider accepted it: the world changed, or will.
    Applied,
    /// The provider refused it (`code`): nothing changed.
    Refused,
    /// It never reached the provider: nothing changed.
    Lost,
}

/// A request that changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Number given by the world.
    pub number: u64,
    /// The asker's own number of this request.
    pub asked: Option<u64>,
    /// The asker's number of the request that made this one possible, if it says so.
    pub because: Option<u64>,
    /// When it arrived.
    pub at: Millis,
    /// From where.
    pub vantage: Vantage,
    /// `rds`, `cloud-watch`, `route53`, `sts`, `cloudflare`, `http`.
    pub api: String,
    /// AWS region asked, where the API is a regional one.
    pub region: Option<Name>,
    /// `describe-instances`, `get-metric-data`, `pool-health`, `get`, ...
    pub op: String,
    /// Instance, pool, balancer, zone, change or URL; empty where the request names none.
    pub target: String,
    /// `ok`, `silent` (no byte comes back), `truncated` (the body was cut off), `no-such-host`, or the error's code or HTTP status.
    pub result: String,
    /// Real time of arrival.
    pub arrived_micros: Option<i64>,
    /// When the answer left for the asker.
    pub answered_at: Option<Millis>,
    /// When the answer left for the asker, real time.
    pub answered_micros: Option<i64>,
    /// When the asker gave up waiting.
    pub gave_up_at: Option<Millis>,
    /// When the asker gave up waiting, real time.
    pub gave_up_micros: Option<i64>,
}

/// A time during which an instance took writes: it ran, was reachable in its own region, and was not read-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WritableSpan {
    /// Shop.
    pub shop: Name,
    /// Instance.
    pub instance: Name,
    /// Region.
    pub region: Name,
    /// Since when.
    pub from: Millis,
    /// Until when; `null` while it lasts.
    pub to: Option<Millis>,
    /// Orders of shoppers that it acknowledged in this span.
    pub orders_of_shoppers: u64,
    /// Orders of region-local jobs that it acknowledged in this span.
    pub orders_of_jobs: u64,
    /// When it acknowledged the last one.
    pub last_order_at: Option<Millis>,
}

/// Shoppers of one second, one balancer and one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// The second (its first millisecond).
    pub at: Millis,
    /// Shop.
    pub shop: Name,
    /// Balancer they came through.
    pub balancer: Name,
    /// The region that the edge sent them to; `null` when it sent them to none (error page of the edge).
    pub region: Option<Name>,
    /// Whether a geographic list (region, country or PoP map) sent them there, rather than the default order or the fallback.
    pub mapped: bool,
    /// Whether the fallback pool was used, because no pool of the list was healthy.
    pub fallback: bool,
    /// How many were sent there.
    pub routed: u32,
    /// How many of them got any answer from the region (a 5xx of its services too).
    pub reached: u32,
    /// How many orders were acknowledged, by the instance that holds the row.
    pub acknowledged: BTreeMap<Name, u32>,
    /// How many orders were not acknowledged.
    pub refused: u32,
}

/// An order that was acknowledged and that the shop's newest writer does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbsentOrder {
    /// Shop.
    pub shop: Name,
    /// The order's number, unique in its shop.
    pub order: u64,
    /// When it was acknowledged.
    pub at: Millis,
    /// The instance that acknowledged it.
    pub instance: Name,
    /// `shopper` or `job`.
    pub by: OrderedBy,
    /// The promoted instance that lacks it.
    pub writer: Name,
    /// When that became true: the promotion, or the acknowledgement if that came later.
    pub since: Millis,
}

/// Who placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderedBy {
    /// A shopper, through the public hostname.
    Shopper,
    /// A job inside a region, which always writes to the instance of its own region.
    Job,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Call(usize),
    Read(usize),
}

/// What tells one meeting counter of a second from another: shop, balancer, region, mapped, fallback.
pub(crate) type MeetingKey = (usize, usize, Option<usize>, bool, bool);

/// When and how a request ended for its asker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Answered,
    GaveUp,
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(seed: u64, start: Millis, shops: Vec<ShopEntry>) -> Ledger {
        Ledger {
            format: FORMAT,
            seed,
            start,
            until: start,
            shops,
            events: Vec::new(),
            reads: Vec::new(),
            writable: Vec::new(),
            meetings: Vec::new(),
            absent: Vec::new(),
            places: HashMap::new(),
            current: HashMap::new(),
            current_second: Millis::MIN,
        }
    }

    /// The calls, in order.
    pub fn calls(&self) -> impl Iterator<Item = (Millis, &Call)> {
        self.events.iter().filter_map(|event| {
            if let What::Call(call) = &event.what {
                Some((event.at, call))
            } else {
                None
            }
        })
    }

    /// Events from this index on: for readers that follow the ledger as it grows.
    pub fn events_since(&self, index: usize) -> &[Event] {
        self.events.get(index..).unwrap_or(&[])
    }

    /// A number that two ledgers share only if (almost certainly) they are the same. Runs in real time differ
    /// in their stamps.
    pub fn hash(&self) -> u64 {
        let text = serde_json::to_string(self).unwrap_or_default();
        // FNV-1a: stable across processes, unlike the standard hasher.
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    pub(crate) fn push(&mut self, at: Millis, what: What) {
        if let What::Call(call) = &what {
            self.places.insert(call.number, Place::Call(self.events.len()));
        }
        self.events.push(Event { at, what });
    }

    pub(crate) fn push_read(&mut self, read: Read) {
        self.places.insert(read.number, Place::Read(self.reads.len()));
        self.reads.push(read);
    }

    /// Stamps the end of a request; the first stamp stays.
    pub(crate) fn ended(&mut self, number: u64, at: Millis, micros: Option<i64>, ending: Ending) {
        let Some(place) = self.places.remove(&number) else {
            return;
        };
        let stamps = match place {
            Place::Call(index) => match self.events.get_mut(index).map(|event| &mut event.what) {
                Some(What::Call(call)) => Some((
                    &mut call.answered_at,
                    &mut call.answered_micros,
                    &mut call.gave_up_at,
                    &mut call.gave_up_micros,
                )),
                _ => None,
            },
            Place::Read(index) => self.reads.get_mut(index).map(|read| {
                (
                    &mut read.answered_at,
                    &mut read.answered_micros,
                    &mut read.gave_up_at,
                    &mut read.gave_up_micros,
                )
            }),
        };
        let Some((answered_at, answered_micros, gave_up_at, gave_up_micros)) = stamps else {
            return;
        };
        match ending {
            Ending::Answered => (*answered_at, *answered_micros) = (Some(at), micros),
            Ending::GaveUp => (*gave_up_at, *gave_up_micros) = (Some(at), micros),
        }
    }

    /// The counters of the second that `at` lies in; `make` names them when they are new.
    pub(crate) fn meeting(
        &mut self,
        at: Millis,
        key: MeetingKey,
        make: impl FnOnce(Millis) -> Meeting,
    ) -> &mut Meeting {
        let second = at - at.rem_euclid(1000);
        if second != self.current_second {
            self.current.clear();
            self.current_second = second;
        }
        let meetings = &mut self.meetings;
        let index = *self.current.entry(key).or_insert_with(|| {
            meetings.push(make(second));
            meetings.len() - 1
        });
        &mut self.meetings[index]
    }
}
