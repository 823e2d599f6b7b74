//! The world as its providers' documentation describes it: seeded, synchronous, in virtual time.
//!
//! It has no sockets and no clock of its own: whoever owns a [`World`] advances it and asks it. Nothing in it
//! knows of the controller. It models what AWS and Cloudflare document (asynchronous promotion, late metrics,
//! exact deletes, health by city), the shoppers who use the shops, and the faults that strike them; its
//! [`Ledger`] keeps what truly happened.
//!
//! Three kinds of things are done to it: requests ([`World::ask`]), faults ([`World::inject`], [`Fault`]), and
//! persons' deeds ([`World::deed`] and what is built on it: a promotion by hand, a pool deleted, names restored).
//!
//! ```
//! use breakwater_sim::{Fault, Meta, RdsOp, Request, Setup, Vantage, World};
//!
//! let mut world = World::new(Setup::demo(), 7);
//! let start = world.now();
//! world.advance(start + 60_000);
//! world.inject(Fault::RegionDown { region: "ca-central-1".into(), names_vanish: false });
//! world.advance(start + 300_000);
//! let promote = RdsOp::PromoteReadReplica { id: "shop-ca-usw2".into(), backup_retention_period: Some(7) };
//! let request = Request::Rds { region: "us-west-2".into(), op: promote };
//! world.ask(Vantage::Controller, Meta::default(), request);
//! world.advance(start + 600_000);
//! assert!(world.glance().shops[0].instances[1].writable);
//! ```

mod calendar;
mod cloudflare;
mod cloudwatch;
mod database;
mod deeds;
mod demo;
mod dice;
mod edge;
mod faults;
mod genesis;
mod glance;
pub mod ledger;
mod monitors;
mod notes;
mod probes;
mod quotas;
mod rds;
mod replicas;
mod replication;
mod request;
mod route53;
mod setup;
mod shoppers;
mod strikes;
mod sts;
mod turns;
mod ways;
mod world;

pub use calendar::rfc3339;
pub use faults::{Api, Fault, FaultId};
pub use glance::{BalancerGlance, Glance, InstanceGlance, ShopGlance};
pub use ledger::Ledger;
pub use quotas::Tally;
pub use request::*;
pub use setup::{
    BalancerSetup, Between, Habits, LagProfile, RegionSetup, RoleSetup, ServiceSetup, Setup, ShopSetup, Timing, UrlOf,
};
pub use shoppers::Totals;
pub use world::World;
