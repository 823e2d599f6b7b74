//! The world: its clock, its queue of things to come, its faults, and the one door through which it is asked.

use crate::cloudflare::{Balancer, Pool, Quota};
use crate::database::{Database, DatabaseId};
use crate::dice::Dice;
use crate::edge::PoolId;
use crate::faults::{Blow, Fault, FaultId};
use crate::ledger::{Effect, Ending, Ledger, Name};
use crate::probes::{Cached, Got, Place};
use crate::quotas::{Bucket, Tally};
use crate::rds::{PowerStep, PromotionStep};
use crate::request::{Answer, Delivery, Meta, Millis, Reply, Request, Route53Op, Vantage};
use crate::route53::Zone;
use crate::setup::Setup;
use crate::shoppers::Totals;
use crate::turns::Course;
use crate::ways::{Way, spoilt};
use std::collections::{BTreeMap, HashMap};

/// The region of Route 53's control plane.
pub(crate) const ROUTE53_HOME: &str = "us-east-1";

/// A world: what `facts` say of the providers, in virtual time.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) setup: Setup,
    pub(crate) now: Millis,
    pub(crate) ledger: Ledger,
    pub(crate) regions: Vec<Region>,
    pub(crate) shops: Vec<Shop>,
    pub(crate) databases: Vec<Database>,
    /// Parameters by region and group.
    pub(crate) groups: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// What copied groups are copies of.
    pub(crate) copies: BTreeMap<(String, String), String>,
    pub(crate) parameter_changes: u64,
    pub(crate) zone: Zone,
    pub(crate) pools: Vec<Pool>,
    pub(crate) pool_ids: HashMap<Name, PoolId>,
    pub(crate) balancers: Vec<Balancer>,
    pub(crate) quotas: BTreeMap<String, Quota>,
    /// Token buckets of AWS, by region and action.
    pub(crate) buckets: BTreeMap<(String, &'static str), Bucket>,
    pub(crate) tallies: BTreeMap<(&'static str, &'static str), Tally>,
    pub(crate) urls: HashMap<String, Place>,
    pub(crate) faults: BTreeMap<FaultId, Fault>,
    /// Where the faults stand that have turns.
    pub(crate) courses: BTreeMap<FaultId, Course>,
    pub(crate) route53_unreachable: bool,
    /// So far behind are Cloudflare's reads.
    pub(crate) readback_lag: Millis,
    /// What faults leave to chance: a world without faults never throws them.
    pub(crate) fault_dice: Dice,
    pub(crate) dice: Dice,
    pub(crate) monitor_dice: Dice,
    pub(crate) latency_dice: Dice,
    queue: BTreeMap<(Millis, u64), Happening>,
    queued: u64,
    pub(crate) last_fault: u64,
    last_number: u64,
}

/// A region.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub name: Name,
    /// How many faults hold it down.
    pub down: u32,
    /// How many faults cut it off.
    pub cut: u32,
    pub names_vanish: bool,
    /// Its databases run from then on.
    pub databases_at: Millis,
    /// Its services run from then on.
    pub services_at: Millis,
}

/// A shop.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub name: Name,
    pub sides: [Side; 2],
    pub databases: [DatabaseId; 2],
    /// Its other instances: replicas in the making, and those whose place another took.
    pub beside: Vec<DatabaseId>,
    pub balancers: Vec<usize>,
    /// The instance that was a writer at the start, or was promoted last.
    pub writer: DatabaseId,
    pub writer_record: String,
    pub owner_record: String,
    /// Host and path that its public URLs begin with.
    pub public: String,
    /// Per side: the service that takes orders, and the one that the monitor asks.
    pub checkout: [usize; 2],
    pub monitored_service: [usize; 2],
    pub link_lost: bool,
    /// The link broke with a bang, and this is what the replica says.
    pub link_break: Option<LinkBreak>,
    pub bad_release: bool,
    pub deep_checks: bool,
    pub orders: u64,
    pub totals: Totals,
    pub dice: Dice,
    pub job_dice: Dice,
}

/// A shop's part in one region.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub region: Name,
    pub region_index: usize,
    pub pool: PoolId,
    pub services_down: bool,
    pub browned_out: bool,
    pub database_down: bool,
    /// What this region's application remembers of the writer's name.
    pub cache: Option<Cached>,
}

/// What will happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    Shopper {
        shop: usize,
    },
    Job {
        shop: usize,
        side: usize,
    },
    Minute,
    Check {
        pool: PoolId,
        city: usize,
    },
    TimedOut {
        pool: PoolId,
        city: usize,
        check: u64,
    },
    Promotion {
        database: DatabaseId,
        step: PromotionStep,
    },
    Power {
        database: DatabaseId,
        serial: u64,
        step: PowerStep,
    },
    ParameterArrives {
        database: DatabaseId,
        serial: u64,
    },
    ReplicaMade {
        database: DatabaseId,
    },
    ForgetReplica {
        source: DatabaseId,
        replica: DatabaseId,
    },
    LinkResumes {
        replica: DatabaseId,
    },
    RecordsVisible {
        change: usize,
        call: u64,
    },
    Returned {
        region: usize,
        part: Part,
    },
    Turn {
        fault: FaultId,
    },
}

/// A link that broke with a bang: what `StatusInfos` says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkBreak {
    pub status: String,
    pub message: Option<String>,
    /// What was received goes on being applied.
    pub applies: bool,
}

impl LinkBreak {
    /// The connection was cut; only an error has a message.
    pub(crate) fn cut(status: &str) -> LinkBreak {
        let message = "Read Replica Replication Error - IOError: 2003, reason: error connecting to source - \
                       retry-time: 60 retries: 1";
        LinkBreak {
            status: status.to_owned(),
            message: (status == "error").then(|| message.to_owned()),
            applies: status == "error",
        }
    }

    /// The replica stumbled over a statement.
    pub(crate) fn sql_error() -> LinkBreak {
        let message = "Read Replica Replication Error - SQLError: 1062, reason: Error 'Duplicate entry '4711' for key \
                       'orders.PRIMARY'' on query. Default database: 'shop'";
        LinkBreak {
            status: "error".into(),
            message: Some(message.into()),
            applies: false,
        }
    }
}

/// What comes back of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Databases,
    Services,
}

impl World {
    /// The clock.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// What the world is made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// What has truly happened so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Lets everything happen that happens up to `to` (included), and sets the clock there. Going back does nothing.
    pub fn advance(&mut self, to: Millis) {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > to {
                break;
            }
            let happening = entry.remove();
            self.now = self.now.max(at);
            self.happen(happening);
        }
        self.now = self.now.max(to);
        self.ledger.until = self.now;
    }

    pub(crate) fn schedule(&mut self, at: Millis, happening: Happening) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Shopper { shop } => self.shopper(shop),
            Happening::Job { shop, side } => self.job(shop, side),
            Happening::Minute => self.minute(),
            Happening::Check { pool, city } => self.check(pool, city),
            Happening::TimedOut { pool, city, check } => self.timed_out(pool, city, check),
            Happening::Promotion { database, step } => self.promotion_step(database, step),
            Happening::Power { database, serial, step } => self.power_step(database, serial, step),
            Happening::ParameterArrives { database, serial } => {
                self.parameter_arrives(database, serial);
            }
            Happening::ReplicaMade { database } => self.replica_made(database),
            Happening::ForgetReplica { source, replica } => self.forget_replica(source, replica),
            Happening::LinkResumes { replica } => self.link_resumes(replica),
            Happening::RecordsVisible { change, call } => {
                let changes = self.zone.becomes_visible(change);
                self.note_records(&changes, "visible", Some(call));
            }
            Happening::Returned { region, part } => self.returned(region, part),
            Happening::Turn { fault } => self.turn(fault),
        }
    }

    /// Asks the world. The effect takes place now; the reply says whether, how and when the answer arrives.
    pub fn ask(&mut self, from: Vantage, meta: Meta, request: Request) -> Reply {
        self.last_number += 1;
        let number = self.last_number;
        self.ledger.until = self.now;
        let entry = if request.changes() {
            self.note_call(number, from, &meta, &request)
        } else {
            None
        };
        let (mut copies, mut done) = (1, false);
        let (mut answer, mut delivery) = match self.way(from, &meta, &request) {
            Way::Silent => (Answer::Done, Delivery::Never),
            Way::Refused(answer) => (answer, self.delivery(from, &request, 0)),
            Way::Open => {
                if entry.is_some() && self.uses_up(from, &request, &Blow::Duplicate) {
                    copies = 2;
                    let first = self.perform(from, &meta, &request, number);
                    done = !matches!(first, Got::Answer(Answer::Error { .. }));
                }
                match self.perform(from, &meta, &request, number) {
                    Got::Answer(answer) => (answer, self.delivery(from, &request, 0)),
                    Got::Slow(answer, slow) => (answer, self.delivery(from, &request, slow)),
                    Got::Silent => (Answer::Done, Delivery::Never),
                    Got::NoSuchHost => (Answer::Done, Delivery::NoSuchHost),
                }
            }
        };
        let arrived = delivery != Delivery::Never;
        done |= !matches!(answer, Answer::Error { .. });
        if arrived && let Some(status) = self.spoilt(from, &request) {
            answer = spoilt(request.api(), status);
        }
        if arrived && self.uses_up(from, &request, &Blow::LoseReply) {
            delivery = Delivery::Never;
        }
        self.count(from, &request, &answer, arrived);
        match entry {
            Some(index) => {
                let effect = match (arrived, done) {
                    (false, _) => Effect::Lost,
                    (true, true) => Effect::Applied,
                    (true, false) => Effect::Refused,
                };
                self.finish_call(index, effect, copies, &answer, &delivery);
            }
            None => self.note_read(number, from, meta, &request, &answer, &delivery),
        }
        Reply {
            number,
            delivery,
            answer,
        }
    }

    /// The answer of a request left for the asker.
    pub fn answered(&mut self, number: u64, real_micros: Option<i64>) {
        self.ledger.ended(number, self.now, real_micros, Ending::Answered);
    }

    /// The asker of a request gave up waiting.
    pub fn gave_up(&mut self, number: u64, real_micros: Option<i64>) {
        self.ledger.ended(number, self.now, real_micros, Ending::GaveUp);
    }

    fn perform(&mut self, from: Vantage, meta: &Meta, request: &Request, number: u64) -> Got {
        if let Some(refusal) = self.over_quota(request) {
            return Got::Answer(refusal);
        }
        Got::Answer(match request {
            Request::Rds { region, op } => self.rds(region, op, number),
            Request::CloudWatch { region, op } => self.cloudwatch(region, op),
            Request::Route53 { op } => self.route53(op, request.op(), number),
            Request::Sts { op, .. } => self.sts(op, &meta.actor, number),
            Request::Cloudflare { op } => self.cloudflare(op, user(from, meta), number),
            Request::Http { url } => return self.http(from, url),
        })
    }

    fn route53(&mut self, op: &Route53Op, name: &'static str, number: u64) -> Answer {
        let timing = &self.setup.timing;
        let throttled = self
            .zone
            .throttled(name, self.now, timing.dns_burst, timing.dns_per_second);
        if let Some(refusal) = throttled {
            return refusal;
        }
        let (answer, accepted) = self.zone.ask(op, self.now, &mut self.dice, timing.dns_insync);
        if let Some(accepted) = accepted {
            self.note_records(&accepted.changes, "submitted", Some(number));
            let visible = Happening::RecordsVisible {
                change: accepted.index,
                call: number,
            };
            self.schedule(accepted.visible, visible);
        }
        answer
    }
}

/// Whose quota at Cloudflare it is: every controller has the one token of its class, whatever process it is.
fn user(from: Vantage, meta: &Meta) -> &str {
    match from {
        Vantage::Controller => "controller",
        Vantage::Person | Vantage::Internet => &meta.actor,
    }
}

/// A world that is being put together.
pub(crate) struct Parts {
    pub regions: Vec<Region>,
    pub shops: Vec<Shop>,
    pub databases: Vec<Database>,
    pub groups: BTreeMap<(String, String), BTreeMap<String, String>>,
    pub zone: Zone,
    pub pools: Vec<Pool>,
    pub pool_ids: HashMap<Name, PoolId>,
    pub balancers: Vec<Balancer>,
    pub urls: HashMap<String, Place>,
    pub ledger: Ledger,
}

impl World {
    /// A world with everything in place and nothing moving yet.
    pub(crate) fn assemble(setup: Setup, seed: u64, parts: Parts) -> World {
        World {
            now: setup.start,
            setup,
            ledger: parts.ledger,
            regions: parts.regions,
            shops: parts.shops,
            databases: parts.databases,
            groups: parts.groups,
            copies: BTreeMap::new(),
            parameter_changes: 0,
            zone: parts.zone,
            pools: parts.pools,
            pool_ids: parts.pool_ids,
            balancers: parts.balancers,
            quotas: BTreeMap::new(),
            buckets: BTreeMap::new(),
            tallies: BTreeMap::new(),
            urls: parts.urls,
            faults: BTreeMap::new(),
            courses: BTreeMap::new(),
            route53_unreachable: false,
            readback_lag: 0,
            fault_dice: Dice::new(seed, "faults"),
            dice: Dice::new(seed, "providers"),
            monitor_dice: Dice::new(seed, "monitors"),
            latency_dice: Dice::new(seed, "latency"),
            queue: BTreeMap::new(),
            queued: 0,
            last_fault: 0,
            last_number: 0,
        }
    }
}
