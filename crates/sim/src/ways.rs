//! A request on its way: whether it gets to whom it is meant for, what the faults in force do to it, and how
//! a provider refuses in its own form.

use crate::calendar::rfc3339;
use crate::faults::{Api, Blow, FaultId};
use crate::probes::{Place, page, plain};
use crate::rds::error;
use crate::request::{Answer, Delivery, Meta, Millis, RdsOp, Request, Route53Op, StsOp, Vantage};
use crate::world::{ROUTE53_HOME, World};
use std::collections::BTreeMap;

/// What happens to a request on its way.
pub(crate) enum Way {
    Open,
    Silent,
    Refused(Answer),
}

/// AWS takes signatures that are at most so old.
const SIGNATURES_LAST: Millis = 900_000;

impl World {
    /// Whether a request gets to whom it is meant for.
    pub(crate) fn way(&mut self, from: Vantage, meta: &Meta, request: &Request) -> Way {
        let home = match request {
            Request::Route53 { .. } => Some(ROUTE53_HOME),
            Request::Rds { .. }
            | Request::CloudWatch { .. }
            | Request::Sts { .. }
            | Request::Cloudflare { .. }
            | Request::Http { .. } => request.region(),
        };
        let home = home.and_then(|name| self.region(name));
        if home.is_some_and(|region| !self.reaches(from, region)) {
            return Way::Silent;
        }
        if self.route53_unreachable && request.api() == Api::Route53 {
            return Way::Silent;
        }
        for (_, blow) in self.blows(from, request) {
            let answer = match blow {
                Blow::Silence => return Way::Silent,
                Blow::Error { status, code } => error(status, &code, &format!("{code}: injected")),
                Blow::Throttle => throttled(request.api()),
                Blow::Deny => self.denied(&meta.actor, request),
                Blow::Clock { behind_seconds } => self.clock_refused(behind_seconds),
                Blow::Truncate { .. }
                | Blow::Late { .. }
                | Blow::LoseReply
                | Blow::SpoilReply { .. }
                | Blow::LoseRequest
                | Blow::Duplicate => {
                    continue;
                }
            };
            return Way::Refused(answer);
        }
        if self.uses_up(from, request, &Blow::LoseRequest) {
            return Way::Silent;
        }
        Way::Open
    }

    /// What the faults in force do to a request, in the order of their injection.
    fn blows(&self, from: Vantage, request: &Request) -> Vec<(FaultId, Blow)> {
        if from != Vantage::Controller || self.faults.is_empty() {
            return Vec::new();
        }
        let (api, op, asked) = (request.api(), request.op(), self.region_asked(request));
        self.faults
            .iter()
            .filter_map(|(id, fault)| {
                let (aim, blow) = fault.blow()?;
                let hit = aim.at.hits(api)
                    && (aim.region.is_none() || aim.region == asked)
                    && aim.op.is_none_or(|own| own == op);
                hit.then_some((*id, blow))
            })
            .collect()
    }

    /// The region that a request goes to: of a direct URL, that of its service.
    pub(crate) fn region_asked<'a>(&'a self, request: &'a Request) -> Option<&'a str> {
        match request {
            Request::Http { url } => match self.urls.get(plain(url))? {
                Place::Service { shop, side, .. } | Place::Proof { shop, side } => {
                    Some(&self.shops[*shop].sides[*side].region)
                }
                Place::Reference => None,
            },
            Request::Rds { .. }
            | Request::CloudWatch { .. }
            | Request::Sts { .. }
            | Request::Cloudflare { .. }
            | Request::Route53 { .. } => request.region(),
        }
    }

    /// Uses up one of the faults of this kind that concern so many requests; the last one ends the fault.
    pub(crate) fn uses_up(&mut self, from: Vantage, request: &Request, kind: &Blow) -> bool {
        self.use_up(from, request, |blow| (blow == kind).then_some(()))
            .is_some()
    }

    /// The status with which something on the way answers instead of the provider.
    pub(crate) fn spoilt(&mut self, from: Vantage, request: &Request) -> Option<u16> {
        self.use_up(from, request, |blow| {
            if let Blow::SpoilReply { status } = blow {
                Some(*status)
            } else {
                None
            }
        })
    }

    fn use_up<T>(&mut self, from: Vantage, request: &Request, wanted: impl Fn(&Blow) -> Option<T>) -> Option<T> {
        for (id, blow) in self.blows(from, request) {
            let Some(found) = wanted(&blow) else {
                continue;
            };
            let left = self.faults.get_mut(&id).and_then(|fault| fault.left());
            let Some(left) = left.filter(|left| **left > 0) else {
                continue;
            };
            *left -= 1;
            if *left == 0 {
                self.clear(id);
            }
            return Some(found);
        }
        None
    }

    /// When the answer arrives, and whether whole; `slow` is how much longer the asked one takes by itself.
    pub(crate) fn delivery(&mut self, from: Vantage, request: &Request, slow: Millis) -> Delivery {
        let timing = &self.setup.timing;
        let latency = match request.api() {
            Api::Cloudflare => timing.cloudflare_latency,
            Api::Http => timing.http_latency,
            Api::Rds | Api::CloudWatch | Api::Route53 | Api::Sts => timing.aws_latency,
        };
        let mut delay = slow;
        let mut left = None;
        for (_, blow) in self.blows(from, request) {
            match blow {
                Blow::Late { millis } => delay += millis,
                Blow::Truncate { percent } => left = Some(percent.min(99)),
                Blow::Silence
                | Blow::Error { .. }
                | Blow::Throttle
                | Blow::Deny
                | Blow::Clock { .. }
                | Blow::LoseReply
                | Blow::SpoilReply { .. }
                | Blow::LoseRequest
                | Blow::Duplicate => {}
            }
        }
        let after = self.latency_dice.between(latency) + delay;
        match left {
            Some(percent) => Delivery::Truncated { after, percent },
            None => Delivery::After(after),
        }
    }

    /// A denial as the provider words it.
    fn denied(&self, actor: &str, request: &Request) -> Answer {
        match request.api() {
            Api::Http => page(403, BTreeMap::new(), "forbidden".into()),
            Api::Cloudflare => error(403, "10000", "Authentication error"),
            Api::Rds | Api::CloudWatch | Api::Route53 | Api::Sts => {
                let account = &self.setup.aws_account;
                let user = if actor.starts_with("arn:") {
                    actor.to_owned()
                } else {
                    format!("arn:aws:sts::{account}:assumed-role/{actor}")
                };
                let action = action(request);
                let message = format!(
                    "User: {user} is not authorized to perform: {action} because no identity-based policy allows \
                     the {action} action"
                );
                error(403, "AccessDenied", &message)
            }
        }
    }

    /// What AWS says of a signature that was made by a wrong clock: five minutes ahead or fifteen behind is allowed.
    fn clock_refused(&self, behind_seconds: i64) -> Answer {
        let signed = stamp(self.now - behind_seconds * 1000);
        let now = stamp(self.now);
        let message = if behind_seconds >= 0 {
            let oldest = stamp(self.now - SIGNATURES_LAST);
            format!("Signature expired: {signed} is now earlier than {oldest} ({now} - 15 min.)")
        } else {
            let newest = stamp(self.now + SIGNATURES_LAST / 3);
            format!("Signature not yet current: {signed} is still later than {newest} ({now} + 5 min.)")
        };
        error(403, "SignatureDoesNotMatch", &message)
    }
}

/// A time as signatures have it: `20261125T000000Z`.
fn stamp(at: Millis) -> String {
    let whole = rfc3339(at);
    let digits: String = whole.chars().filter(|c| *c != '-' && *c != ':').collect();
    let seconds = digits.split('.').next().unwrap_or(&digits);
    format!("{seconds}Z")
}

/// What a gateway says that answers in a provider's stead.
pub(crate) fn spoilt(api: Api, status: u16) -> Answer {
    match api {
        Api::Http => page(status, BTreeMap::new(), "bad gateway".into()),
        Api::Cloudflare | Api::Rds | Api::CloudWatch | Api::Route53 | Api::Sts => {
            error(status, &status.to_string(), "the gateway did not understand the answer")
        }
    }
}

fn throttled(api: Api) -> Answer {
    match api {
        Api::Cloudflare => error(
            429,
            "10429",
            "Rate limited. Please consider throttling your request speed",
        ),
        Api::Http => page(429, BTreeMap::new(), "too many requests".into()),
        Api::Rds | Api::CloudWatch | Api::Route53 | Api::Sts => error(400, "Throttling", "Rate exceeded"),
    }
}

/// The IAM action of a request.
fn action(request: &Request) -> &'static str {
    match request {
        Request::Rds { op, .. } => match op {
            RdsOp::DescribeInstances { .. } => "rds:DescribeDBInstances",
            RdsOp::PromoteReadReplica { .. } => "rds:PromoteReadReplica",
            RdsOp::DescribeParameters { .. } => "rds:DescribeDBParameters",
            RdsOp::ModifyParameter { .. } => "rds:ModifyDBParameterGroup",
            RdsOp::StopInstance { .. } => "rds:StopDBInstance",
            RdsOp::StartInstance { .. } => "rds:StartDBInstance",
            RdsOp::AddTags { .. } => "rds:AddTagsToResource",
            RdsOp::RemoveTags { .. } => "rds:RemoveTagsFromResource",
            RdsOp::CopyGroup { .. } => "rds:CopyDBParameterGroup",
            RdsOp::CreateReadReplica { .. } => "rds:CreateDBInstanceReadReplica",
        },
        Request::CloudWatch { .. } => "cloudwatch:GetMetricData",
        Request::Route53 { op } => match op {
            Route53Op::GetHostedZone { .. } => "route53:GetHostedZone",
            Route53Op::ListRecords { .. } => "route53:ListResourceRecordSets",
            Route53Op::ChangeRecords { .. } => "route53:ChangeResourceRecordSets",
            Route53Op::GetChange { .. } => "route53:GetChange",
        },
        Request::Sts { op, .. } => match op {
            StsOp::AssumeRole { .. } => "sts:AssumeRole",
            StsOp::GetCallerIdentity => "sts:GetCallerIdentity",
        },
        Request::Cloudflare { .. } | Request::Http { .. } => "",
    }
}
