//! What persons do, what befalls the controller, and what befalls its deeds.

use breakwater_rig::{Aim, Rig, Twist};
use breakwater_sim::{Answer, Api, Fault, RecordAction, RecordChange, RecordSet, Reply, Request, Route53Op, World};
use serde::Deserialize;
use serde_json::Value;

/// What a person (or a tool of theirs) does with a console. Where no shop is named it is the script's first one.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Person {
    /// Promotes the shop's replica.
    Promote {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// Whether backups stay off, as a replica has them.
        #[serde(default)]
        without_backups: bool,
    },
    /// Makes a replica of the shop's writer in the other region.
    MakeReplica {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// Its identifier.
        id: String,
    },
    /// Starts the instance in a region.
    Start {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
    },
    /// Stops the instance in a region.
    Stop {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
    },
    /// Sets `read_only` in the parameter group of the instance in a region.
    ReadOnly {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
        /// `1`, `0`, `{TrueIfReplica}`.
        value: String,
    },
    /// Points the writer's name at the instance in a region.
    PointWriter {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
    },
    /// Replaces the writer's name by a weighted record that leads to the instance in a region.
    WeighWriter {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
    },
    /// Writes a record over whatever stands there.
    PutRecord {
        /// Name with a final dot.
        name: String,
        /// `CNAME`, `TXT`, ...
        kind: String,
        /// Seconds.
        ttl: i64,
        /// Values.
        values: Vec<String>,
        /// For a weighted record.
        #[serde(default)]
        set_identifier: Option<String>,
    },
    /// Deletes the records of a name.
    DeleteRecord {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// `CNAME` or `TXT`.
        kind: String,
    },
    /// Enables or disables the pool of a region.
    EnablePool {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
        /// Whether it is enabled.
        enabled: bool,
    },
    /// Takes the pool of a region out of every list and deletes it.
    DeletePool {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The region.
        region: String,
    },
    /// Changes fields of the shop's first load balancer.
    PatchBalancer {
        /// The shop.
        #[serde(default)]
        shop: Option<String>,
        /// The fields.
        patch: Value,
    },
}

/// Who the ledger says it was.
const ACTOR: &str = "person:on-call";

impl Person {
    /// Does it.
    ///
    /// # Errors
    /// When there is nothing to do it to, or the provider refuses.
    pub fn play(&self, rig: &mut Rig, first: &str) -> Result<(), String> {
        let shop = |named: &Option<String>| named.clone().unwrap_or_else(|| first.to_owned());
        let reply = match self {
            Person::Promote {
                shop: named,
                without_backups,
            } => {
                let days = (!without_backups).then_some(7);
                rig.world.promote_with_backups(ACTOR, &shop(named), days)
            }
            Person::MakeReplica { shop: named, id } => rig.world.make_replica(ACTOR, &shop(named), id),
            Person::Start { shop: named, region } => rig.world.start_instance(ACTOR, &shop(named), region),
            Person::Stop { shop: named, region } => rig.world.stop_instance(ACTOR, &shop(named), region),
            Person::ReadOnly {
                shop: named,
                region,
                value,
            } => rig.world.set_read_only(ACTOR, &shop(named), region, value),
            Person::PointWriter { shop: named, region } => rig.world.point_writer(ACTOR, &shop(named), region),
            Person::WeighWriter { shop: named, region } => weigh(rig, &shop(named), region)?,
            Person::PutRecord {
                name,
                kind,
                ttl,
                values,
                set_identifier,
            } => {
                let record = RecordSet {
                    name: name.clone(),
                    kind: kind.clone(),
                    ttl: *ttl,
                    values: values.clone(),
                    set_identifier: set_identifier.clone(),
                };
                change(rig, RecordAction::Upsert, vec![record])
            }
            Person::DeleteRecord { shop: named, kind } => {
                let mut records = rig.world.names_of(&shop(named));
                records.retain(|record| record.kind == *kind);
                change(rig, RecordAction::Delete, records)
            }
            Person::EnablePool {
                shop: named,
                region,
                enabled,
            } => {
                let pool = pool(rig, &shop(named), region)?;
                Some(rig.world.set_pool_enabled(ACTOR, &pool, *enabled))
            }
            Person::DeletePool { shop: named, region } => {
                let pool = pool(rig, &shop(named), region)?;
                Some(rig.world.delete_pool(ACTOR, &pool))
            }
            Person::PatchBalancer { shop: named, patch } => {
                let balancer = balancer(rig, &shop(named))?;
                Some(rig.world.patch_balancer_as(ACTOR, &balancer, patch.clone()))
            }
        };
        accepted(reply)
    }
}

fn accepted(reply: Option<Reply>) -> Result<(), String> {
    match reply {
        None => Err("there is nothing that this could be done to".into()),
        Some(reply) => match reply.answer {
            Answer::Error { code, message, .. } => Err(format!("the provider refused it: {code}: {message}")),
            _ => Ok(()),
        },
    }
}

fn change(rig: &mut Rig, action: RecordAction, records: Vec<RecordSet>) -> Option<Reply> {
    if records.is_empty() {
        return None;
    }
    let zone = rig.world.setup().hosted_zone.clone();
    let changes = records
        .into_iter()
        .map(|record| RecordChange { action, record })
        .collect();
    let op = Route53Op::ChangeRecords { zone, changes };
    Some(rig.world.deed(ACTOR, Request::Route53 { op }))
}

/// First the simple record goes: a name has either simple or weighted records.
fn weigh(rig: &mut Rig, shop: &str, region: &str) -> Result<Option<Reply>, String> {
    let mut records = rig.world.names_of(shop);
    records.retain(|record| record.kind == "CNAME");
    let weighted = records.iter().map(|record| RecordSet {
        set_identifier: Some(region.to_owned()),
        ..record.clone()
    });
    let weighted: Vec<RecordSet> = weighted.collect();
    accepted(change(rig, RecordAction::Delete, records))?;
    Ok(change(rig, RecordAction::Create, weighted))
}

fn pool(rig: &Rig, shop: &str, region: &str) -> Result<String, String> {
    let shops = &rig.world.setup().shops;
    let sides = shops.iter().filter(|own| own.name == shop).flat_map(|own| own.sides());
    let found = sides.into_iter().find(|side| side.region == region);
    found
        .map(|side| side.pool_id.clone())
        .ok_or_else(|| format!("{shop} has no pool in {region}"))
}

fn balancer(rig: &Rig, shop: &str) -> Result<String, String> {
    let shops = &rig.world.setup().shops;
    let own = shops.iter().find(|own| own.name == shop);
    own.and_then(|own| own.balancers.first())
        .map(|balancer| balancer.id.clone())
        .ok_or_else(|| format!("{shop} has no load balancer"))
}

/// What befalls the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Controller {
    /// It dies, and another starts.
    Dies,
    /// Its cluster goes away: no lease, no API server.
    ClusterGone,
    /// Its cluster is back.
    ClusterBack,
    /// Its renewals of the lease fail, and nothing else.
    RenewalsFail,
    /// They succeed again.
    RenewalsWork,
    /// The status of every Storefront is put aside, as a backup of etcd does.
    BackUp,
    /// The status that was put aside is put back, and a new controller starts.
    Restore,
    /// The status of every Storefront is lost (a cluster rebuilt from Git), and a new controller starts.
    LoseStatus,
    /// A new version is rolled out without its CRDs: the API server drops what they do not know.
    CrdsOlder,
    /// Its CRDs are applied, and it is restarted.
    CrdsApplied,
}

/// What befalls a deed of the controller that is still to come.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwistOf {
    /// The next deed that contains this: `entry shop-ca Promoting`, `promote-read-replica`, `patch-balancer`.
    pub next: String,
    /// What befalls it.
    pub befalls: Befalls,
}

/// What befalls a deed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Befalls {
    /// The controller dies before it.
    DiesBefore,
    /// The controller dies after it, before it hears of it.
    DiesAfter,
    /// It is lost on its way.
    RequestLost,
    /// It takes effect, and its answer is lost.
    ReplyLost,
    /// A change of a load balancer takes effect, and a gateway on the way answers 502 in Cloudflare's stead.
    ReplySpoilt,
    /// It arrives 90 s late.
    ArrivesLate,
    /// Somebody else touches the object first.
    Conflict,
    /// The provider (or the API server) denies it.
    Denied,
    /// The provider throttles it.
    Throttled,
    /// It takes effect, and from then on the controller's cluster is away.
    ClusterGoneAfter,
}

impl TwistOf {
    /// Hands it to the rig.
    pub fn play(&self, rig: &mut Rig) {
        let twist = match self.befalls {
            Befalls::DiesBefore => Twist::DieBefore,
            Befalls::DiesAfter => Twist::DieAfter,
            Befalls::RequestLost => Twist::LoseRequest,
            Befalls::ReplyLost => Twist::LoseReply,
            Befalls::ReplySpoilt => Twist::Meanwhile(Box::new(|world: &mut World| {
                world.inject(Fault::SpoilReplies {
                    api: Api::Cloudflare,
                    op: None,
                    status: 502,
                    count: 1,
                });
            })),
            Befalls::ArrivesLate => Twist::ArriveLate(90_000),
            Befalls::Conflict => Twist::Conflict,
            Befalls::Denied => Twist::Refuse {
                status: 403,
                code: "AccessDenied",
            },
            Befalls::Throttled => Twist::Refuse {
                status: 400,
                code: "Throttling",
            },
            Befalls::ClusterGoneAfter => Twist::AwayAfter,
        };
        rig.twist(Aim::NextOf(self.next.clone()), twist);
    }
}
