//! When what was broken: the faults of the ledger as spans of time.

use crate::ledger::{Fault, FaultKind, Ledger, What};
use crate::run::Shop;

/// After a real trouble is over its evidence still stands for a while: 90 s for edge and RDS, and a lag sample comes
/// up to two minutes late.
pub(crate) const AFTERMATH: i64 = 180_000;

/// One fault from its injection to its end.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub fault: Fault,
    pub from: i64,
    /// The end of the ledger while it is in force.
    pub to: i64,
}

/// All of them.
pub(crate) struct Troubles(Vec<Trouble>);

impl Troubles {
    pub(crate) fn of(ledger: &Ledger) -> Troubles {
        let mut open: Vec<(u64, Trouble)> = Vec::new();
        let mut closed = Vec::new();
        for event in &ledger.events {
            match &event.what {
                What::FaultInjected { id, fault } => {
                    let (fault, from, to) = (fault.clone(), event.at, ledger.until);
                    open.push((*id, Trouble { fault, from, to }));
                }
                What::FaultCleared { id } => {
                    if let Some(index) = open.iter().position(|(own, _)| own == id) {
                        let (_, mut trouble) = open.remove(index);
                        trouble.to = over(ledger, &trouble.fault, event.at);
                        closed.push(trouble);
                    }
                }
                _ => {}
            }
        }
        closed.extend(open.into_iter().map(|(_, trouble)| trouble));
        closed.sort_by_key(|trouble| trouble.from);
        Troubles(closed)
    }

    /// Faults of any kind that touch this shop.
    pub(crate) fn around<'a>(&'a self, shop: &'a Shop) -> impl Iterator<Item = &'a Trouble> {
        self.0
            .iter()
            .filter(|trouble| trouble.fault.shop.as_deref().is_none_or(|own| own == shop.name))
    }

    /// Troubles that are real for this shop: not only its being seen is at stake.
    pub(crate) fn real<'a>(&'a self, shop: &'a Shop) -> impl Iterator<Item = &'a Trouble> {
        self.0.iter().filter(|trouble| is_real(shop, &trouble.fault))
    }

    /// Real troubles of this shop that concern this region.
    pub(crate) fn real_in<'a>(&'a self, shop: &'a Shop, region: &'a str) -> impl Iterator<Item = &'a Trouble> {
        self.real(shop)
            .filter(move |trouble| trouble.fault.region.as_deref() == Some(region))
    }

    /// Troubles that take the controller's sight and leave the shop as it is.
    pub(crate) fn of_sight<'a>(&'a self, shop: &'a Shop) -> impl Iterator<Item = &'a Trouble> {
        self.0.iter().filter(|trouble| match trouble.fault.kind {
            FaultKind::Partition => concerns(shop, &trouble.fault),
            FaultKind::ApiSilent
            | FaultKind::ApiError
            | FaultKind::ApiThrottling
            | FaultKind::ApiDenied
            | FaultKind::ControllerCutOff
            | FaultKind::ClockRefused
            | FaultKind::LagSamples
            | FaultKind::Route53Unreachable => true,
            FaultKind::RegionDown
            | FaultKind::LinkLost
            | FaultKind::ServicesDown
            | FaultKind::DatabaseDown
            | FaultKind::DatabaseRecovers
            | FaultKind::Brownout
            | FaultKind::BadRelease
            | FaultKind::DeepChecks
            | FaultKind::Flapping
            | FaultKind::InstanceStatus
            | FaultKind::InstanceGone
            | FaultKind::InstanceReplaced
            | FaultKind::SqlError
            | FaultKind::LinkCut
            | FaultKind::Terraform
            | FaultKind::Other => false,
        })
    }

    /// Troubles that keep the controller from seeing this shop or from doing something about it.
    pub(crate) fn in_the_way<'a>(&'a self, shop: &'a Shop) -> impl Iterator<Item = &'a Trouble> {
        let on_the_way = self
            .around(shop)
            .filter(|trouble| trouble.fault.kind == FaultKind::Other);
        self.of_sight(shop).chain(on_the_way)
    }

    /// Whether a real trouble of this shop, or its aftermath, falls into this time.
    pub(crate) fn real_within(&self, shop: &Shop, from: i64, to: i64) -> bool {
        self.real(shop)
            .any(|trouble| trouble.from <= to && trouble.to + AFTERMATH >= from)
    }

    /// Whether anything at all was broken in or around this region for this shop in this time.
    pub(crate) fn any_in(&self, shop: &Shop, region: &str, from: i64, to: i64) -> bool {
        self.0.iter().any(|trouble| {
            let fault = &trouble.fault;
            let here = fault.region.as_deref().is_none_or(|own| own == region);
            let ours = fault.shop.as_deref().is_none_or(|own| own == shop.name);
            here && ours && trouble.from <= to && trouble.to >= from
        })
    }
}

/// A region that comes back is whole again only when its services are.
fn over(ledger: &Ledger, fault: &Fault, cleared: i64) -> i64 {
    if fault.kind != FaultKind::RegionDown {
        return cleared;
    }
    let whole = ledger.events.iter().find_map(|event| match &event.what {
        What::Returned { region, part }
            if event.at >= cleared && part == "services" && Some(region) == fault.region.as_ref() =>
        {
            Some(event.at)
        }
        _ => None,
    });
    whole.unwrap_or(ledger.until)
}

fn is_real(shop: &Shop, fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::RegionDown => concerns(shop, fault),
        FaultKind::LinkLost
        | FaultKind::ServicesDown
        | FaultKind::DatabaseDown
        | FaultKind::DatabaseRecovers
        | FaultKind::Brownout
        | FaultKind::BadRelease
        | FaultKind::DeepChecks
        | FaultKind::Flapping
        | FaultKind::InstanceStatus
        | FaultKind::InstanceGone
        | FaultKind::InstanceReplaced
        | FaultKind::SqlError
        | FaultKind::LinkCut => fault.shop.as_deref() == Some(&shop.name),
        FaultKind::Partition
        | FaultKind::ApiSilent
        | FaultKind::ApiError
        | FaultKind::ApiThrottling
        | FaultKind::ApiDenied
        | FaultKind::ControllerCutOff
        | FaultKind::ClockRefused
        | FaultKind::LagSamples
        | FaultKind::Route53Unreachable
        | FaultKind::Terraform
        | FaultKind::Other => false,
    }
}

fn concerns(shop: &Shop, fault: &Fault) -> bool {
    fault
        .region
        .as_deref()
        .is_some_and(|region| shop.region(region).is_some())
}
