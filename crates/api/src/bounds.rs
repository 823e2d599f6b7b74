//! Bounds, patterns and rules, written once: the schemas carry them and `parse` applies them.

use kube::core::Rule;

/// A rule across fields: as CEL for the API server, and as a message for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// The CEL expression.
    pub cel: &'static str,
    /// What to change.
    pub message: &'static str,
    /// The field that an error is shown at, relative to the object that carries the rule; empty for the object.
    pub field: &'static str,
}

impl Constraint {
    /// As kube's derive wants it.
    #[must_use]
    pub fn rule(&self) -> Rule {
        let rule = Rule::new(self.cel).message(self.message);
        if self.field.is_empty() {
            rule
        } else {
            rule.field_path(self.field)
        }
    }
}

/// Kubernetes: names of objects (DNS subdomains).
pub const NAME_MAX: usize = 253;
/// Names of Storefronts, services and freezes (DNS labels).
pub const LABEL_MAX: usize = 63;
/// RFC 1035: names in DNS.
pub const HOST_MAX: usize = 253;
/// The writer's name: `_breakwater.` stands before it in the TXT record's name.
pub const RECORD_NAME_MAX: usize = 240;
/// URLs of probes and proofs; CEL's cost limit wants a bound.
pub const URL_MAX: usize = 1024;
/// Names of AWS regions. With `INSTALLATION_MAX` it keeps the TXT record within one string of 255 bytes.
pub const REGION_MAX: usize = 20;
/// Longest `--installation`; see `REGION_MAX`.
pub const INSTALLATION_MAX: usize = 40;
/// IAM: an ARN prefix and a path with a name of at most 576 characters.
pub const ARN_MAX: usize = 640;
/// Services in one region.
pub const SERVICES_MAX: usize = 32;
/// Load balancers of one shop.
pub const BALANCERS_MAX: usize = 16;
/// Freezes of one shop.
pub const FREEZES_MAX: usize = 32;
/// Words of people: reasons and notes.
pub const WORDS_MAX: usize = 1024;
/// Who asked for something.
pub const ACTOR_MAX: usize = 253;
/// `metav1.Condition`: longest message.
pub const MESSAGE_MAX: usize = 32_768;
/// What status shows of one message. A dozen conditions may carry the same one, and all of them, journal and spec must fit
/// into the 1.5 MiB that etcd takes.
pub const SHOWN_MAX: usize = 2048;
/// `metav1.Condition`: longest reason.
pub const REASON_MAX: usize = 1024;

/// Names of objects.
pub const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// Names of services and freezes.
pub const LABEL: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// Hostnames: lower case, at least two labels, no final dot.
pub const HOST: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$";
/// Hosts that a class allows: a name, or `*.` and the domain that it is in.
pub const ALLOWED_HOST: &str = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// AWS regions.
pub const REGION: &str = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$";
/// Ids of Cloudflare: 32 hexadecimal digits.
pub const CLOUDFLARE_ID: &str = r"^[0-9a-f]{32}$";
/// RDS docs: 1 to 63 letters, digits or hyphens, first a letter, no double or final hyphen; stored in lower case.
pub const DB_INSTANCE: &str = r"^[a-z](-?[a-z0-9])*$";
/// Ids of hosted zones in Route 53.
pub const HOSTED_ZONE: &str = r"^Z[A-Z0-9]{1,31}$";
/// URLs without user, password or fragment tricks: what stands before the first `/` is a host and a port.
pub const URL: &str = r"^https?://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[!-~]*)?$";
/// IAM roles.
pub const ROLE_ARN: &str = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$";
/// Keys of a Secret.
pub const SECRET_KEY: &str = r"^[-._a-zA-Z0-9]+$";
/// Kubernetes accepts times without an offset, which nobody can place: `Z` or `+hh:mm` is required.
pub const OFFSET: &str = r"([zZ]|[+-][0-9]{2}:[0-9]{2})$";

/// The two regions are two.
pub const REGIONS_DIFFER: Constraint = Constraint {
    cel: "self.primary.name != self.secondary.name",
    message: "primary and secondary are the same region: name another region in one of them",
    field: ".secondary.name",
};
/// So are their pools.
pub const POOLS_DIFFER: Constraint = Constraint {
    cel: "self.primary.poolId != self.secondary.poolId",
    message: "primary and secondary have the same pool: give each region a Cloudflare pool of its own",
    field: ".secondary.poolId",
};
/// A probe ends before the next one starts.
pub const TIMEOUT_BELOW_INTERVAL: Constraint = Constraint {
    cel: "self.timeoutSeconds < self.intervalSeconds",
    message: "timeoutSeconds must be less than intervalSeconds: lower timeoutSeconds or raise intervalSeconds",
    field: ".timeoutSeconds",
};
/// A window holds at least four samples.
pub const SHIFT_AFTER_INTERVALS: Constraint = Constraint {
    cel: "self.shiftAfterSeconds >= 3 * self.intervalSeconds",
    message: "shiftAfterSeconds must be at least 3 times intervalSeconds: raise shiftAfterSeconds or lower \
              intervalSeconds",
    field: ".shiftAfterSeconds",
};
/// Reversible early, irreversible late.
pub const PROMOTE_AFTER_SHIFT: Constraint = Constraint {
    cel: "self.promoteAfterSeconds >= self.shiftAfterSeconds",
    message: "promoteAfterSeconds must be at least shiftAfterSeconds: raise promoteAfterSeconds or lower \
              shiftAfterSeconds",
    field: ".promoteAfterSeconds",
};
/// An in-region recovery of the database gets longer than a dead region does.
pub const DATABASE_GRACE: Constraint = Constraint {
    cel: "self.databaseGraceSeconds >= self.promoteAfterSeconds",
    message: "databaseGraceSeconds must be at least promoteAfterSeconds: raise databaseGraceSeconds or lower \
              promoteAfterSeconds",
    field: ".databaseGraceSeconds",
};
/// Below this many seconds the loss estimate needs proofs: 60 s of `replica_net_timeout` and what it takes to
/// be sure that writes stopped would refuse clean losses of a region otherwise.
pub const LOSS_WITHOUT_PROOFS: i32 = 240;
/// See `LOSS_WITHOUT_PROOFS`.
pub const LOSS_NEEDS_PROOFS: Constraint = Constraint {
    cel: "self.failover.maxLossSeconds >= 240 || \
          (has(self.regions.primary.proofUrl) && has(self.regions.secondary.proofUrl))",
    message: "maxLossSeconds below 240 needs proofs: set proofUrl in both regions or raise maxLossSeconds to 240",
    field: ".failover.maxLossSeconds",
};
/// A freeze has a duration.
pub const FREEZE_ORDER: Constraint = Constraint {
    cel: "self.from < self.until",
    message: "a freeze must end after it begins: move until behind from",
    field: ".until",
};
/// RegionSwitches are named after their Storefront, and labels have 63 characters.
pub const STOREFRONT_NAME: Constraint = Constraint {
    cel: "size(self.metadata.name) <= 63",
    message: "the name of a Storefront has at most 63 characters, its RegionSwitches are named after it: choose a \
              shorter one",
    field: "",
};

/// Every type but Drill has a destination.
pub const REQUEST_TO: Constraint = Constraint {
    cel: "self.type == 'Drill' || has(self.to)",
    message: "name the region to move to in `to` (only a Drill does without)",
    field: "",
};
/// Every type but Adopt says which epoch it was made for.
pub const REQUEST_EPOCH: Constraint = Constraint {
    cel: "self.type == 'Adopt' || has(self.expectedEpoch)",
    message: "set expectedEpoch to the epoch that `kubectl get sf -o wide` shows (only Adopt does without)",
    field: "",
};
/// One option belongs to one type.
pub const REQUEST_WRITE_STOP: Constraint = Constraint {
    cel: "self.type == 'Switchover' || !has(self.maxWriteStopSeconds)",
    message: "maxWriteStopSeconds belongs to a Switchover: remove it or change the type",
    field: ".maxWriteStopSeconds",
};
/// One option belongs to one type.
pub const REQUEST_DATA_LOSS: Constraint = Constraint {
    cel: "self.type == 'Failover' || !has(self.allowDataLossSeconds)",
    message: "allowDataLossSeconds belongs to a Failover: remove it or change the type",
    field: ".allowDataLossSeconds",
};
/// A shift by hand ends by itself.
pub const REQUEST_EXPIRES: Constraint = Constraint {
    cel: "(self.type == 'TrafficShift') == has(self.expiresAt)",
    message: "a TrafficShift, and nothing else, needs expiresAt: say when the order of pools goes back",
    field: "",
};
/// What was asked for does not change after the fact.
pub const REQUEST_IMMUTABLE: Constraint = Constraint {
    cel: "self.request == oldSelf.request",
    message: "a request cannot be changed once made: set abort: true here and create another RegionSwitch",
    field: ".request",
};
/// An approval is given once.
pub const APPROVAL_ONCE: Constraint = Constraint {
    cel: "!has(oldSelf.approval) || (has(self.approval) && self.approval == oldSelf.approval)",
    message: "an approval cannot be changed or taken back: set abort: true to withdraw the request",
    field: "",
};
/// An abort is for good.
pub const ABORT_ONCE: Constraint = Constraint {
    cel: "!oldSelf.abort || self.abort",
    message: "an abort cannot be taken back: create another RegionSwitch",
    field: ".abort",
};
