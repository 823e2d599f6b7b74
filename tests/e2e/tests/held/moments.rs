//! The moments at which a request is held, in the order in which a failover comes to them.

/// What happens in the world before a point can be reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The shops are new.
    Adoption,
    /// The region is down.
    Failover,
    /// The region is back.
    Return,
}

/// Where a request is held.
#[derive(Clone, Copy)]
pub(crate) enum At {
    /// On its way to the API server: method, path, body.
    ApiServer(&'static str, &'static str, &'static str),
    /// On its way to a cloud: API, operation, a part of the request.
    Cloud(&'static str, &'static str, &'static str),
}

pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) act: Act,
    pub(crate) at: At,
}

pub(crate) const STATUS: &str = "/storefronts/shop-ca/status$";

pub(crate) const fn entry(name: &'static str, act: Act, body: &'static str) -> Point {
    let at = At::ApiServer("PUT", STATUS, body);
    Point { name, act, at }
}

pub(crate) const fn call(act: Act, api: &'static str, op: &'static str, about: &'static str) -> Point {
    let at = At::Cloud(api, op, about);
    Point { name: op, act, at }
}

/// In the order in which a failover comes to them. Those of one moment are held together: each of them could be over
/// before the other one is.
pub(crate) const MOMENTS: [&[Point]; 20] = [
    &[Point {
        name: "finalizer",
        act: Act::Adoption,
        at: At::ApiServer("PATCH", "/storefronts/shop-ca$", "finalizers"),
    }],
    &[entry("first status", Act::Adoption, "")],
    &[entry("adopting", Act::Adoption, r#""adoptingSince""#)],
    &[call(Act::Adoption, "route53", "change-records", "db.shop-ca.")],
    &[entry("adopted", Act::Adoption, r#""epoch":1"#)],
    &[call(Act::Adoption, "rds", "add-tags", "shop-ca-cac1")],
    &[entry("Requested", Act::Failover, r#""phase":"Requested""#)],
    &[
        entry("Preparing", Act::Failover, r#""phase":"Preparing""#),
        Point {
            name: "creation of the RegionSwitch",
            act: Act::Failover,
            at: At::ApiServer("POST", "/regionswitches$", "shop-ca-e"),
        },
    ],
    &[Point {
        name: "status of the RegionSwitch",
        act: Act::Failover,
        at: At::ApiServer("PATCH", r"/regionswitches/shop-ca-e\d+-failover/status$", ""),
    }],
    &[entry("Excluding", Act::Failover, r#""phase":"Excluding""#)],
    &[call(
        Act::Failover,
        "cloudflare",
        "patch-balancer",
        "699d98642c564d2e855e9661899b7252",
    )],
    &[entry("Promoting", Act::Failover, r#""phase":"Promoting""#)],
    &[call(Act::Failover, "rds", "promote-read-replica", "shop-ca-usw2")],
    &[entry("promotion shown", Act::Failover, r#""promotedAt""#)],
    &[entry("Repointing", Act::Failover, r#""phase":"Repointing""#)],
    &[call(
        // The writer's name, by the endpoint it shall point to: our TXT changes earlier.
        Act::Failover,
        "route53",
        "change-records",
        "shop-ca-usw2",
    )],
    &[entry("Verifying", Act::Failover, r#""phase":"Verifying""#)],
    &[entry("Completed", Act::Failover, r#""outcome":"Completed""#)],
    &[
        call(Act::Return, "rds", "add-tags", "shop-ca-cac1"),
        // The other shop's: where a proof reports refused writes the fence is observed without a stop.
        call(Act::Return, "rds", "stop-instance", "shop-geo-cac1"),
    ],
    &[call(Act::Return, "rds", "modify-parameter", "shop-ca-cac1")],
];
/// Where a living controller waits in vain unless `HELD=all`.
pub(crate) const DELICATE: [&str; 4] = ["adopting", "Promoting", "promote-read-replica", "promotion shown"];
/// Where the new controller waits for the old lease to run out.
pub(crate) const REAL_WAIT: &str = "promotion shown";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Before,
    After,
}

impl When {
    pub(crate) fn name(self) -> &'static str {
        match self {
            When::Before => "before",
            When::After => "after",
        }
    }
}

/// A moment, and on which side of their effect its requests are held in this run.
pub(crate) struct Chosen {
    pub(crate) points: &'static [Point],
    pub(crate) when: When,
}

impl Chosen {
    pub(crate) fn all(when: impl Fn(usize) -> When) -> Vec<Chosen> {
        let moments = MOMENTS.iter().enumerate();
        moments
            .map(|(index, points)| Chosen {
                points,
                when: when(index),
            })
            .collect()
    }

    pub(crate) fn act(&self) -> Act {
        self.points[0].act
    }
}
