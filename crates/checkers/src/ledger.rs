//! The ledger, as far as the rules need it: what truly happened.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The whole ledger.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ledger {
    pub format: u32,
    pub until: i64,
    pub shops: Vec<ShopEntry>,
    pub events: Vec<Event>,
    pub reads: Vec<Read>,
    pub writable: Vec<WritableSpan>,
    pub meetings: Vec<Meeting>,
    pub absent: Vec<AbsentOrder>,
}

/// A shop as it was set up.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ShopEntry {
    pub name: String,
    pub regions: Vec<Region>,
    pub writer_record: String,
    pub owner_record: String,
}

/// A shop's part in one region.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Region {
    pub region: String,
    pub pool: String,
    pub instance: String,
    pub endpoint: String,
    pub proof: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    pub at: i64,
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum What {
    Call(Box<Call>),
    FaultInjected {
        id: u64,
        fault: Fault,
    },
    FaultCleared {
        id: u64,
    },
    Returned {
        region: String,
        part: String,
    },
    Instance {
        instance: String,
        region: Option<String>,
        status: String,
        source: Option<String>,
    },
    PromotionAccepted {
        shop: String,
        call: u64,
    },
    Promoted {
        shop: String,
        instance: String,
        call: u64,
        held_until: i64,
        source_wrote_until: i64,
    },
    Link {
        shop: String,
        flowing: bool,
    },
    Record {
        name: String,
        kind: String,
        stage: String,
        values: Vec<String>,
        call: Option<u64>,
        instance: Option<String>,
        writer: Option<bool>,
    },
    Balancer {
        balancer: String,
        first: String,
        fallback: String,
        lists: BTreeMap<String, Vec<String>>,
        call: Option<u64>,
    },
    Pool {
        pool: String,
        enabled: bool,
        call: Option<u64>,
    },
    #[serde(other)]
    Other,
}

/// A fault; which of its fields say something depends on its kind.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    pub region: Option<String>,
    pub shop: Option<String>,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FaultKind {
    RegionDown,
    Partition,
    LinkLost,
    ServicesDown,
    DatabaseDown,
    DatabaseRecovers,
    Brownout,
    BadRelease,
    DeepChecks,
    Flapping,
    InstanceStatus,
    InstanceGone,
    InstanceReplaced,
    SqlError,
    LinkCut,
    ApiSilent,
    ApiError,
    ApiThrottling,
    ApiDenied,
    ControllerCutOff,
    ClockRefused,
    LagSamples,
    #[serde(rename = "route53-unreachable")]
    Route53Unreachable,
    Terraform,
    /// Lost or late answers, and whatever may come: trouble on the way, not the loss of sight.
    #[serde(other)]
    Other,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Vantage {
    Controller,
    Internet,
    Person,
}

/// A request that changes something.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub number: u64,
    pub asked: Option<u64>,
    pub because: Option<u64>,
    pub vantage: Vantage,
    pub actor: String,
    pub api: String,
    pub region: Option<String>,
    pub op: String,
    pub target: String,
    pub shop: Option<String>,
    pub detail: Value,
    pub arrived_micros: Option<i64>,
    pub answered_at: Option<i64>,
    pub answered_micros: Option<i64>,
    pub gave_up_at: Option<i64>,
    pub gave_up_micros: Option<i64>,
    /// When it was sent, where the run knows: a request may be held up on its way.
    pub sent_at: Option<i64>,
}

/// A request that changes nothing.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Read {
    pub number: u64,
    pub asked: Option<u64>,
    pub at: i64,
    pub vantage: Vantage,
    pub target: String,
    pub result: String,
    pub arrived_micros: Option<i64>,
    pub answered_at: Option<i64>,
    pub answered_micros: Option<i64>,
    pub gave_up_at: Option<i64>,
    pub gave_up_micros: Option<i64>,
}

/// A time during which an instance took writes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WritableSpan {
    pub shop: String,
    pub instance: String,
    pub region: Option<String>,
    pub from: i64,
    pub to: Option<i64>,
}

/// Shoppers of one second.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Meeting {
    pub at: i64,
    pub shop: String,
    pub region: Option<String>,
    pub routed: u64,
    #[serde(default)]
    pub mapped: bool,
    pub acknowledged: BTreeMap<String, u64>,
}

/// An order that was acknowledged and that the newest writer does not hold.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AbsentOrder {
    pub shop: String,
    pub at: i64,
    pub instance: String,
    pub writer: String,
}
