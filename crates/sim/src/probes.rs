//! The shops' processes as HTTP shows them: services, proofs, the public hostname, references.

use crate::calendar::rfc3339;
use crate::database::{DatabaseId, Process};
use crate::edge::CONTROLLER_CITY;
use crate::request::{Answer, Millis, Vantage};
use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a service does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// It answers with this status.
    Answers(u16),
    /// Nothing comes back.
    Silent,
}

/// What an application process gets when it asks for the writer by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Nobody answers there (or the name leads nowhere).
    Unreachable,
    /// This instance answers and refuses to write.
    Refuses(DatabaseId),
    /// This instance takes writes.
    Writes(DatabaseId),
}

/// A name's target in a process's own cache.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    target: Option<DatabaseId>,
    until: Millis,
}

/// Where a URL leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Service { shop: usize, side: usize, service: usize },
    Proof { shop: usize, side: usize },
    Reference,
}

/// What a GET comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Got {
    Answer(Answer),
    /// An answer that takes so much longer.
    Slow(Answer, Millis),
    Silent,
    NoSuchHost,
}

/// How long a name that does not exist is remembered.
const NEGATIVE_TTL: Millis = 30_000;

/// Host and path of a URL: neither the scheme, nor a query, nor a final slash matters.
pub(crate) fn plain(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    rest[..end].trim_end_matches('/')
}

impl World {
    /// Whether a request from here gets to a region.
    pub(crate) fn reaches(&self, from: Vantage, region: usize) -> bool {
        let region = &self.regions[region];
        region.down == 0 && (from != Vantage::Controller || region.cut == 0)
    }

    /// The writer as a shop's process in one region sees it: by name, with the TTL cache of that process.
    pub(crate) fn app_writer(&mut self, shop: usize, side: usize) -> Writer {
        let now = self.now;
        let target = match &self.shops[shop].sides[side].cache {
            Some(cached) if now < cached.until => cached.target,
            _ => {
                let found = self.zone.resolve(&self.shops[shop].writer_record);
                let ttl = found.map_or(NEGATIVE_TTL, |(_, ttl)| ttl * 1000);
                let target = found.and_then(|(host, _)| self.by_endpoint(host));
                self.shops[shop].sides[side].cache = Some(Cached {
                    target,
                    until: now + ttl,
                });
                target
            }
        };
        let Some(database) = target else {
            return Writer::Unreachable;
        };
        let here = self.shops[shop].sides[side].region_index;
        if !self.connected(here, self.databases[database].region_index) || !self.process_up(database) {
            Writer::Unreachable
        } else if self.takes_writes(database) {
            Writer::Writes(database)
        } else {
            Writer::Refuses(database)
        }
    }

    /// The instance of an endpoint.
    pub(crate) fn by_endpoint(&self, host: &str) -> Option<DatabaseId> {
        let host = host.trim_end_matches('.');
        self.databases
            .iter()
            .position(|db| db.endpoint.eq_ignore_ascii_case(host))
    }

    /// What a service answers to somebody who gets to its region. One that needs the writer is 503 without it.
    pub(crate) fn service(&mut self, shop: usize, side: usize, service: usize) -> Service {
        if !self.process_there(shop, side) {
            let down = self.regions[self.shops[shop].sides[side].region_index].down > 0;
            return if down { Service::Silent } else { Service::Answers(503) };
        }
        if let Some(status) = self.fails_at_all(shop, side) {
            return Service::Answers(status);
        }
        let setup = self.setup.shops[shop].sides()[side];
        let needs_writer =
            setup.services.get(service).is_some_and(|service| service.needs_writer) || self.shops[shop].deep_checks;
        if needs_writer && !matches!(self.app_writer(shop, side), Writer::Writes(_)) {
            return Service::Answers(503);
        }
        Service::Answers(200)
    }

    /// A shop's process that fails whatever it is asked: a bad release, or half of the time a brown-out.
    fn fails_at_all(&mut self, shop: usize, side: usize) -> Option<u16> {
        if self.shops[shop].bad_release {
            return Some(500);
        }
        let fails = self.shops[shop].sides[side].browned_out && self.fault_dice.between((0, 1)) == 0;
        fails.then_some(503)
    }

    /// An answer of a shop's process: slow in a brown-out.
    fn answers(&mut self, shop: usize, side: usize, answer: Answer) -> Got {
        if self.shops[shop].sides[side].browned_out {
            Got::Slow(answer, self.fault_dice.between(self.setup.timing.brownout_slowness))
        } else {
            Got::Answer(answer)
        }
    }

    fn process_there(&self, shop: usize, side: usize) -> bool {
        let side = &self.shops[shop].sides[side];
        let region = &self.regions[side.region_index];
        region.down == 0 && region.services_at <= self.now && !side.services_down
    }

    /// A GET of one of the world's URLs.
    pub(crate) fn http(&mut self, from: Vantage, url: &str) -> Got {
        let url = plain(url);
        if let Some(place) = self.urls.get(url).copied() {
            let (shop, side) = match place {
                Place::Reference => return Got::Answer(page(200, BTreeMap::new(), "ok".into())),
                Place::Service { shop, side, .. } | Place::Proof { shop, side } => (shop, side),
            };
            let region = self.shops[shop].sides[side].region_index;
            if self.regions[region].down > 0 && self.regions[region].names_vanish {
                return Got::NoSuchHost;
            }
            if !self.reaches(from, region) {
                return Got::Silent;
            }
            return self.in_region(place);
        }
        self.public(url)
    }

    fn in_region(&mut self, place: Place) -> Got {
        match place {
            Place::Reference => Got::Answer(page(200, BTreeMap::new(), "ok".into())),
            Place::Service { shop, side, service } => match self.service(shop, side, service) {
                Service::Silent => Got::Silent,
                Service::Answers(status) => {
                    let body = if status == 200 { "ok" } else { "unavailable" };
                    let page = page(status, self.region_header(shop, side), body.into());
                    if status == 200 {
                        self.answers(shop, side, page)
                    } else {
                        Got::Answer(page)
                    }
                }
            },
            Place::Proof { shop, side } => {
                if !self.process_there(shop, side) {
                    return Got::Answer(page(503, BTreeMap::new(), "unavailable".into()));
                }
                if let Some(status) = self.fails_at_all(shop, side) {
                    return Got::Answer(page(status, BTreeMap::new(), "unavailable".into()));
                }
                let mut headers = self.region_header(shop, side);
                headers.insert("content-type".into(), "application/json".into());
                let proof = self.proof(shop, side);
                self.answers(shop, side, page(200, headers, proof.to_string()))
            }
        }
    }

    fn region_header(&self, shop: usize, side: usize) -> BTreeMap<String, String> {
        let region = self.shops[shop].sides[side].region.to_string();
        BTreeMap::from([("x-breakwater-region".to_owned(), region)])
    }

    /// Through the public hostname: the edge chooses a region, the path the service there.
    fn public(&mut self, url: &str) -> Got {
        let shop = (0..self.shops.len()).find(|shop| {
            url.strip_prefix(self.shops[*shop].public.as_str())
                .is_some_and(|path| path.is_empty() || path.starts_with('/'))
        });
        let Some(shop) = shop else {
            return Got::NoSuchHost;
        };
        let edge_error = || Got::Answer(page(530, BTreeMap::new(), "error code: 1016".into()));
        let Some(balancer) = self.balancers.iter().position(|own| own.shop == shop) else {
            return edge_error();
        };
        let dice = &mut self.shops[shop].dice;
        let route = self.balancers[balancer].route(&self.pools, CONTROLLER_CITY, self.now, dice);
        let Some(pool) = route.pool.filter(|pool| self.pools[*pool].shop == shop) else {
            return edge_error();
        };
        let side = self.pools[pool].side;
        let path = &url[self.shops[shop].public.len()..];
        let service = self.setup.shops[shop].sides()[side]
            .services
            .iter()
            .position(|service| !path.is_empty() && plain(&service.url).ends_with(path))
            .unwrap_or(self.shops[shop].checkout[side]);
        let place = Place::Service { shop, side, service };
        match self.in_region(place) {
            // The edge waits for the origin in the shopper's stead.
            Got::Silent => Got::Answer(page(522, BTreeMap::new(), "error code: 522".into())),
            got => got,
        }
    }

    /// The proof: *writer* is the database that this process would write to now, asked by a harmless write;
    /// *local* the one of its own region. Without an answer from the writer there is no `serverUuid`.
    fn proof(&mut self, shop: usize, side: usize) -> Value {
        let user = self.setup.shops[shop].app_user.clone();
        let writer = match self.app_writer(shop, side) {
            Writer::Writes(db) => json!({
                "serverUuid": self.databases[db].server_uuid, "user": user, "writable": true,
            }),
            Writer::Refuses(db) => json!({
                "serverUuid": self.databases[db].server_uuid, "user": user, "writable": false,
                "reason": self.refusal_of(db),
            }),
            Writer::Unreachable => json!({
                "user": user, "writable": false, "reason": "cannot connect to the writer",
            }),
        };
        json!({
            "region": &*self.shops[shop].sides[side].region,
            "writer": writer,
            "local": self.proof_of_local(self.shops[shop].databases[side]),
        })
    }

    fn refusal_of(&self, database: DatabaseId) -> &'static str {
        let db = &self.databases[database];
        match (db.process, db.shown_status()) {
            (Process::Refuses, "storage-full") => "the table is full",
            (Process::Refuses, _) => "the server takes no writes",
            (Process::Works | Process::Dead, _) => "the server runs with --read-only",
        }
    }

    fn proof_of_local(&mut self, database: DatabaseId) -> Value {
        if !self.process_up(database) {
            return Value::Null;
        }
        let heartbeat = self.heartbeat(database);
        let executed = self.gtid_set(database);
        let db = &self.databases[database];
        let mut local = json!({
            "serverUuid": db.server_uuid,
            "readOnly": db.read_only_now(),
            "gtidExecuted": executed,
            "appliedUntil": rfc3339(heartbeat),
        });
        if let (Some(source), Some(object)) = (db.source, local.as_object_mut()) {
            let received = db.link.received(self.now);
            let rows = &self.databases[source].log;
            let count = rows.partition_point(|row| row.at <= received) as u64;
            let own = count.saturating_sub(inherited_count(&self.databases[source].inherited));
            let uuid = &self.databases[source].server_uuid;
            object.insert(
                "gtidRetrieved".into(),
                if own > 0 {
                    json!(format!("{uuid}:1-{own}"))
                } else {
                    json!("")
                },
            );
        }
        local
    }

    fn gtid_set(&self, database: DatabaseId) -> String {
        let part = |(db, count): (DatabaseId, u64)| format!("{}:1-{count}", self.databases[db].server_uuid);
        let parts: Vec<String> = self.executed(database).into_iter().map(part).collect();
        parts.join(",")
    }
}

fn inherited_count(inherited: &[(DatabaseId, u64)]) -> u64 {
    inherited.iter().map(|(_, count)| count).sum()
}

pub(crate) fn page(status: u16, headers: BTreeMap<String, String>, body: String) -> Answer {
    Answer::Http { status, headers, body }
}
