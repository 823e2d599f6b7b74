//! Faults at random: every kind that the world knows.

use super::dice::Dice;
use crate::{EAST, WEST};
use breakwater_sim::{Api, Fault};

const APIS: [Api; 6] = [
    Api::Rds,
    Api::CloudWatch,
    Api::Route53,
    Api::Sts,
    Api::Cloudflare,
    Api::Http,
];

/// Operations at which a fault may aim.
const OPS: [&str; 10] = [
    "describe-instances",
    "promote-read-replica",
    "modify-parameter",
    "stop-instance",
    "add-tags",
    "change-records",
    "list-records",
    "patch-balancer",
    "get-balancer",
    "pool-health",
];

const STATUSES: [&str; 16] = [
    "storage-full",
    "rebooting",
    "upgrading",
    "maintenance",
    "modifying",
    "backing-up",
    "starting",
    "stopping",
    "stopped",
    "creating",
    "failed",
    "incompatible-parameters",
    "inaccessible-encryption-credentials",
    "configuring-enhanced-monitoring",
    "storage-optimization",
    "a-status-of-next-year",
];

const KINDS: u64 = 34;

fn region(dice: &mut Dice) -> String {
    // The shops live in two; the third has Route 53's control plane.
    (*dice.of(&[EAST, EAST, EAST, WEST, WEST, "us-east-1"])).to_owned()
}

fn home(dice: &mut Dice) -> String {
    (*dice.of(&[EAST, WEST])).to_owned()
}

fn maybe_region(dice: &mut Dice) -> Option<String> {
    dice.one_in(2).then(|| region(dice))
}

fn maybe_op(dice: &mut Dice) -> Option<String> {
    dice.one_in(2).then(|| (*dice.of(&OPS)).to_owned())
}

/// One fault. A region that is down, and a database with its link, come most often: the moves are what is on trial.
pub(super) fn any(dice: &mut Dice, shops: &[String]) -> Fault {
    let shop = dice.of(shops).clone();
    match dice.below(KINDS) {
        0..=4 => Fault::RegionDown {
            region: region(dice),
            names_vanish: dice.one_in(2),
        },
        5 => Fault::Partition { region: region(dice) },
        6 => Fault::LinkLost { shop },
        7..=8 => Fault::ServicesDown {
            shop,
            region: home(dice),
        },
        9..=11 => Fault::DatabaseDown {
            shop,
            region: home(dice),
        },
        12..=19 => of_a_shop(dice, shop),
        20..=26 => of_an_api(dice),
        _ => of_some_requests(dice),
    }
}

fn of_a_shop(dice: &mut Dice, shop: String) -> Fault {
    let region = home(dice);
    match dice.below(14) {
        0 => Fault::LinkCut {
            shop,
            status: (*dice.of(&["error", "stopped", "terminated"])).to_owned(),
        },
        1 => Fault::SqlError { shop },
        2 => Fault::Brownout { shop, region },
        3 => Fault::Flapping {
            shop,
            region,
            up_seconds: 10 + dice.count(120),
            down_seconds: 10 + dice.count(120),
        },
        4 => Fault::BadRelease { shop },
        5 => Fault::DeepChecks { shop },
        6 => Fault::DatabaseRecovers {
            shop,
            region,
            recovers_after_seconds: None,
        },
        7..=8 => Fault::InstanceStatus {
            shop,
            region,
            status: (*dice.of(&STATUSES)).to_owned(),
            takes_writes: None,
        },
        9 => Fault::InstanceGone { shop, region },
        10 => Fault::InstanceReplaced { shop, region },
        11 => Fault::LagSamples {
            shop,
            missing: dice.one_in(2),
            every: dice.one_in(2).then(|| dice.count(4)),
            late_by_seconds: dice.count(300),
            all_metrics: dice.one_in(3),
        },
        _ => Fault::Terraform {
            shop,
            every_seconds: 30 + dice.count(300),
            names: dice.one_in(2),
            balancers: dice.one_in(2),
        },
    }
}

fn of_an_api(dice: &mut Dice) -> Fault {
    let api = *dice.of(&APIS);
    match dice.below(9) {
        0 => Fault::ControllerCutOff,
        1 => Fault::Route53Unreachable,
        2 => Fault::ApiSilent {
            api,
            region: maybe_region(dice),
        },
        3 => Fault::ApiError {
            api,
            region: maybe_region(dice),
            status: *dice.of(&[400, 403, 429, 500, 503]),
            code: "Injected".into(),
        },
        4 => Fault::ApiThrottling {
            api,
            region: maybe_region(dice),
        },
        5 => Fault::ApiDenied {
            api,
            region: maybe_region(dice),
            op: maybe_op(dice),
        },
        6 => Fault::ApiTruncated {
            api,
            region: maybe_region(dice),
            op: maybe_op(dice),
            percent: *dice.of(&[0, 20, 50, 90]),
        },
        7 => Fault::ClockRefused {
            region: maybe_region(dice),
            behind_seconds: *dice.of(&[1800, -1800, 600]),
        },
        _ => Fault::Delay {
            api,
            region: maybe_region(dice),
            millis: *dice.of(&[500, 2_000, 3_500, 6_000]),
        },
    }
}

fn of_some_requests(dice: &mut Dice) -> Fault {
    let (api, op, count) = (*dice.of(&APIS), maybe_op(dice), dice.count(20));
    match dice.below(5) {
        0 => Fault::LoseReplies { api, op, count },
        1 => Fault::LoseRequests { api, op, count },
        2 => Fault::SpoilReplies {
            api,
            op,
            status: *dice.of(&[502, 504, 500]),
            count,
        },
        3 => Fault::DuplicateEffects { api, op, count },
        _ => Fault::ReadbackLag {
            seconds: 5 + dice.count(120),
        },
    }
}
