//! Blockers in words: what is so, and what to do about it.

use super::{length, owed, votes};
use crate::decision::Decision;
use crate::facts::{Facts, InstanceVote, LinkVote, Unverified};
use crate::plan::{Basis, Forecast, Input, STANDBY_DOWN_BEFORE, Verdict};
use crate::reading::{Seen, TroubleKind};
use crate::refusal::{Blocker, LongTtl, PoolAbsence};
use crate::report::NamedReason;
use crate::side::Side;

/// A blocker with its words.
pub(in crate::report) fn blocker(input: &Input<'_>, decision: &Decision, blocker: &Blocker) -> NamedReason {
    let about = About::of(input, decision);
    NamedReason {
        name: blocker.name(),
        message: about.words(blocker).into(),
        prevents: blocker.prevents(),
    }
}

/// What the sentences speak about.
struct About<'a> {
    input: &'a Input<'a>,
    decision: &'a Decision,
    /// The active region.
    a: &'a str,
    /// The standby.
    b: &'a str,
}

impl<'a> About<'a> {
    fn of(input: &'a Input<'a>, decision: &'a Decision) -> Self {
        let active = decision.facts.as_ref().map_or(Side::Primary, |facts| facts.active);
        About {
            input,
            decision,
            a: &input.shop.regions[active].name,
            b: &input.shop.regions[active.other()].name,
        }
    }

    fn facts(&self) -> Option<&Facts> {
        self.decision.facts.as_ref()
    }

    fn words(&self, blocker: &Blocker) -> String {
        let (a, b) = (self.a, self.b);
        match blocker {
            Blocker::LinkBroken => self.link_broken(),
            Blocker::LagHigh => format!("the lag of {b} is above maxLossSeconds. Find out what holds the replica up."),
            Blocker::LossBudgetTooSmall => self.loss_budget(),
            Blocker::StandbyMissing => format!(
                "the instance of {b} is stopped or not there. Where a move fenced it, leave it stopped: a new standby takes \
                 its place; else check dbInstance."
            ),
            Blocker::StandbyBusy(vote) => self.standby_instance(*vote),
            Blocker::StandbyServicesDown => self.standby_services(),
            Blocker::PoolMissing(PoolAbsence::Pool(pool)) => {
                format!("{} does not exist in the account. Check poolId.", self.pool(pool))
            }
            Blocker::PoolMissing(PoolAbsence::NotIn { balancer, pool }) => format!(
                "load balancer {balancer} does not name {}, so that users cannot be sent there. Add the pool to it, or correct \
                 poolId or loadBalancerIds.",
                self.pool(pool)
            ),
            Blocker::BalancerMissing(id) => {
                format!("load balancer {id} does not exist in the zone. Check loadBalancerIds and zoneId.")
            }
            Blocker::PoolDisabled(id) => format!("{} is disabled and therefore not monitored. Enable it.", self.pool(id)),
            Blocker::BalancerDisabled(id) => format!("load balancer {id} is disabled and serves nobody. Enable it."),
            Blocker::RecordMissing => format!(
                "{} does not exist. Create it as a CNAME of the writer's endpoint.",
                self.input.shop.writer.name
            ),
            Blocker::RecordForeign => format!(
                "{} does not point at the writer in {a}. Correct the record, or ask for an Adopt (RegionSwitch) if the \
                 writer is elsewhere.",
                self.input.shop.writer.name
            ),
            Blocker::RecordNotSimple => format!(
                "{} is no simple CNAME. Replace weighted and alias records by one CNAME.",
                self.input.shop.writer.name
            ),
            Blocker::OwnerRecordMissing => format!(
                "our TXT record _breakwater.{} is gone; it is created anew. Nothing to do.",
                self.input.shop.writer.name
            ),
            Blocker::InstanceReplaced => "an instance is not the one that was adopted (another DbiResourceId), and is never \
                                          promoted. Ask for an Adopt (RegionSwitch) if it is the right one."
                .into(),
            Blocker::CrdOutdated => self.crd_outdated(),
            Blocker::PermissionDenied(what) => format!("not allowed: {what}. Grant it to the class's role or token."),
            Blocker::TokenScope => "the Cloudflare token reads the zone's load balancers and not the account's pools, so that \
                                    nothing is known of what users see. Give it the account-level permission Load Balancing: \
                                    Monitors and Pools, Read."
                .into(),
            Blocker::NoEdgeView => self.no_edge_view(),
            Blocker::ObligationOpen => owed(self.input, Some(self.decision)),
            Blocker::ProbeNeverUp => "a service has never answered 2xx at its URL, so that it cannot vote Down. Check its url and \
                                      the firewall before it."
                .into(),
            Blocker::NoProof
            | Blocker::NameNeedsUsEast1
            | Blocker::BackupsOff
            | Blocker::DefaultParameterGroup
            | Blocker::ParameterGroupShared
            | Blocker::StandbyReadOnlyForced
            | Blocker::TtlLong(_)
            | Blocker::ObserverInRegion
            | Blocker::SteeringIgnoresOrder
            | Blocker::SteeringTooLarge
            | Blocker::PoolInNoList(_)
            | Blocker::MonitorSlow(_)
            | Blocker::ObjectiveMissed
            | Blocker::ApproverUnverified(_) => self.risk(blocker),
        }
    }

    /// A pool by the region that it is of, with its id for whoever looks for it.
    fn pool(&self, id: &str) -> String {
        let mut regions = Side::BOTH.into_iter().map(|side| &self.input.shop.regions[side]);
        match regions.find(|region| *region.pool == *id) {
            Some(region) => format!("the pool of {} ({id})", region.name),
            None => format!("pool {id}"),
        }
    }

    /// Why Cloudflare says nothing of the active region, as far as that is known.
    fn no_edge_view(&self) -> String {
        let a = self.a;
        let side = self.input.shop.side(a).unwrap_or(Side::Primary);
        let why = match self.input.actual.pools[side].as_ref().map(|read| &read.seen) {
            Some(Seen::Present(pool)) if !pool.enabled => "its pool is disabled. Enable it",
            Some(Seen::Present(pool)) if !pool.monitored => "its pool has no monitor. Give it one",
            Some(Seen::Absent) => "there is no such pool. Check poolId",
            Some(Seen::Unknown(trouble)) if trouble.kind == TroubleKind::Denied => {
                "the token may not read the account's pools. Grant it that"
            }
            Some(Seen::Unknown(_) | Seen::Silent) | None => {
                "Cloudflare's API does not answer. It is asked again by itself"
            }
            Some(Seen::Present(_)) => {
                "no city reports on its pool, or Cloudflare's API does not answer. Look at the pool's monitor if it stays"
            }
        };
        format!("what users see of {a} is not known: {why}. Without users' view nothing is promoted by itself.")
    }

    fn pool_in_no_list(&self, id: &str) -> String {
        let excluded = self.input.journal.excluded.as_ref();
        let region = excluded.and_then(|region| self.input.shop.side(region));
        let ours = region.is_some_and(|side| *self.input.shop.regions[side].pool == *id);
        let then = if ours {
            "It is excluded, and comes back by itself"
        } else {
            "Add it to one"
        };
        format!(
            "no list of the load balancers names {}: Cloudflare may not monitor it, and what users see of its region may stay \
             Unknown. {then}.",
            self.pool(id)
        )
    }

    fn risk(&self, blocker: &Blocker) -> String {
        let (a, b) = (self.a, self.b);
        match blocker {
            Blocker::NoProof => {
                "no proof URLs: the loss estimate is wide, and a dead database is seen later. Set proofUrl in both regions.".into()
            }
            Blocker::NameNeedsUsEast1 => {
                format!("{a} holds Route 53's control plane: if the region dies, the writer's name cannot move until it is back.")
            }
            Blocker::BackupsOff => format!(
                "the writer in {a} has no automated backups: no recovery to a point in time, and no replica can be made of it. \
                 Set BackupRetentionPeriod in a quiet hour: it takes an outage of the writer."
            ),
            Blocker::DefaultParameterGroup => "an instance uses a default parameter group, which cannot be made read-only: only \
                                               stopping fences it. Give it a group of its own."
                .into(),
            Blocker::ParameterGroupShared => "an instance shares its parameter group, which is therefore never changed: only \
                                              stopping fences it. Give it a group of its own."
                .into(),
            Blocker::StandbyReadOnlyForced => format!(
                "the parameter group of {b} pins read_only=1: promoted, it would take no writes. Set it to {{TrueIfReplica}}."
            ),
            Blocker::TtlLong(LongTtl::Writer) => format!(
                "{} is kept for more than 60 s: applications go on looking for the old writer that long. Lower its TTL and \
                 ttlSeconds.",
                self.input.shop.writer.name
            ),
            Blocker::TtlLong(LongTtl::Balancer(id)) => format!(
                "load balancer {id} is DNS-only and its answers are kept for more than 60 s: an exclusion, and with it the \
                 promotion, waits that long. Lower its TTL, or proxy it."
            ),
            Blocker::ObserverInRegion => format!(
                "this controller runs in {}, a region of this shop: it goes down with it. Run it in a third region.",
                self.input.fleet.region.as_deref().unwrap_or("?")
            ),
            Blocker::SteeringIgnoresOrder => "a load balancer has another steering policy than failover order (off): the early \
                                              change of the order moves none of its users, or with geo only those of no listed \
                                              place. They move when the region is excluded, minutes later."
                .into(),
            Blocker::SteeringTooLarge => format!(
                "more than 64 lists of the load balancers name the pool of {a}, or one of more than 64 pools: not all of them \
                 are put back after an exclusion. Keep a copy of them, or use fewer."
            ),
            Blocker::PoolInNoList(pool) => self.pool_in_no_list(pool),
            Blocker::MonitorSlow(pool) => format!(
                "the monitor of {} asks less than every 30 s: users' view decides when a region counts as dead, and comes \
                 late. Shorten its interval, where the plan allows it.",
                self.pool(pool)
            ),
            Blocker::ObjectiveMissed => self.objective_missed(),
            Blocker::ApproverUnverified(why) => self.approver_unverified(*why),
            Blocker::LinkBroken
            | Blocker::LagHigh
            | Blocker::LossBudgetTooSmall
            | Blocker::StandbyMissing
            | Blocker::StandbyBusy(_)
            | Blocker::StandbyServicesDown
            | Blocker::PoolMissing(_)
            | Blocker::BalancerMissing(_)
            | Blocker::PoolDisabled(_)
            | Blocker::BalancerDisabled(_)
            | Blocker::RecordMissing
            | Blocker::RecordForeign
            | Blocker::RecordNotSimple
            | Blocker::OwnerRecordMissing
            | Blocker::InstanceReplaced
            | Blocker::CrdOutdated
            | Blocker::PermissionDenied(_)
            | Blocker::TokenScope
            | Blocker::NoEdgeView
            | Blocker::ObligationOpen
            | Blocker::ProbeNeverUp => String::new(),
        }
    }

    /// What was seen missing is looked for again every minute; what an answer showed to be dropped stays so until a restart.
    fn crd_outdated(&self) -> String {
        let apply = "Apply the CRDs of this version (breakwater crds | kubectl apply --server-side -f -)";
        match &self.input.fleet.crds_lack {
            Some(lack) => format!(
                "the CRDs of the cluster are older than this controller and lack {lack}. No call is made. {apply}; it goes on \
                 by itself within a minute or two."
            ),
            None => format!(
                "the API server drops fields of status that this controller writes: its CRDs are older. No call is made. \
                 {apply}, then restart the controller."
            ),
        }
    }

    /// A link that broke with the trouble of the active region is its consequence, and evidence; else the standby's own.
    fn link_broken(&self) -> String {
        let (a, b) = (self.a, self.b);
        let facts = self.facts();
        if facts.is_some_and(|facts| facts.link.value == LinkVote::Broken) {
            return format!(
                "{b} lost its source when the trouble in {a} began, as it does when the writer is gone: that speaks for a \
                 failover and holds none up. If {a} recovers and this stays, repair replication."
            );
        }
        let why = facts.and_then(|facts| facts.link_reason.as_ref());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{b} does not follow {a}{why}: all orders since then are in {a} alone. Repair or rebuild replication.")
    }

    fn standby_instance(&self, vote: InstanceVote) -> String {
        let b = self.b;
        match vote {
            InstanceVote::Routine => format!(
                "the instance of {b} is in a routine state of RDS, which ends by itself; until then RDS may refuse to \
                 promote it."
            ),
            InstanceVote::Failed => format!("the instance of {b} has failed. Look at it in the RDS console."),
            InstanceVote::Silent => {
                format!(
                    "the RDS API of {b} does not answer: nothing could be promoted there. That ends with the trouble of {b}."
                )
            }
            InstanceVote::Available | InstanceVote::Absent | InstanceVote::Unknown => {
                format!(
                    "the instance of {b} is {}. Look at it in the RDS console.",
                    votes::instance(vote)
                )
            }
        }
    }

    /// Services that need the writer go down with it.
    fn standby_services(&self) -> String {
        let (a, b) = (self.a, self.b);
        let with_it = self.facts().is_some_and(|facts| {
            facts.trouble.is_some() && facts.b.critical_down_before_trouble <= STANDBY_DOWN_BEFORE
        });
        if with_it {
            format!(
                "services of {b} went down with {a}, as those do that need the writer: that holds no failover up. If they stay \
                 down with a writer, look at them."
            )
        } else {
            format!("services of {b} are out by themselves: it could not take the users. Repair them.")
        }
    }

    fn loss_budget(&self) -> String {
        let beyond = self.decision.forecast.map(|forecast| length(forecast.beyond_lag));
        format!(
            "a clean loss of {} would be estimated at more than maxLossSeconds ({}): the lag of {} and up to {} of not knowing. \
             No failover would follow by itself. Bring the lag down, raise maxLossSeconds, shorten the monitor's interval, or \
             let proofs tell appliedUntil.",
            self.a,
            length(self.input.shop.policy.max_loss),
            self.b,
            beyond.as_deref().unwrap_or("some time"),
        )
    }

    fn approver_unverified(&self, why: Unverified) -> String {
        let namespace = &self.input.shop.key.namespace;
        match why {
            Unverified::Admitted => format!(
                "the API server admits a RegionSwitch with a forged name in namespace {namespace}: whoever may write one can \
                 approve a move as somebody else. Apply the admission policies (docs/access.md); it is tried again every \
                 minute."
            ),
            Unverified::Unclear => format!(
                "it could not be tried whether the API server refuses a RegionSwitch with a forged name in namespace \
                 {namespace}: who approves a move may not be who is named. The controller's log says why; docs/access.md \
                 says what it needs."
            ),
        }
    }

    fn objective_missed(&self) -> String {
        let shop = self.input.shop;
        let Some(forecast) = &self.decision.forecast else {
            return String::new();
        };
        let mut parts = Vec::new();
        if let Some(how) = missed(forecast.rto_verdict) {
            parts.push(format!(
                "rtoSeconds ({}) {how} missed: {}.",
                length(shop.rto_objective),
                takes(forecast)
            ));
        }
        if let Some(how) = missed(forecast.rpo_verdict) {
            parts.push(format!(
                "rpoSeconds ({}) {how} missed: the loss can be told no closer than the lag and up to {}.",
                length(shop.rpo_objective),
                length(forecast.beyond_lag)
            ));
        }
        parts.push("Change the windows, or what is promised.".into());
        parts.join(" ")
    }
}

fn missed(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::MayBeMissed => Some("may be"),
        Verdict::Missed => Some("will be"),
        Verdict::Met | Verdict::Unknown => None,
    }
}

/// How long a failover takes, and why.
pub(in crate::report) fn takes(forecast: &Forecast) -> String {
    let basis = match forecast.basis {
        Basis::Assumed => "assumed, no move of this shop has been measured".to_owned(),
        Basis::Measured(number) => format!("from move e{number}"),
    };
    format!(
        "a failover by itself takes {} to {} from the first failure to the first verified write, of which {} to {} until it \
         is certain and {} to {} for the promotion ({basis})",
        length(forecast.rto.least),
        length(forecast.rto.most),
        length(forecast.detection.least),
        length(forecast.detection.most),
        length(forecast.promotion.least),
        length(forecast.promotion.most),
    )
}
