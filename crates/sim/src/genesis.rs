//! How a world is made from its setup.

use crate::cloudflare::{Balancer, Pool, balancer_doc, pool_doc, steering};
use crate::database::{Database, Link, Power, Process};
use crate::dice::{Dice, mix};
use crate::edge::{CITIES, Policy, Steering};
use crate::ledger::{Ledger, Name, ShopEntry, ShopRegionEntry};
use crate::monitors::monitor_id;
use crate::probes::{Place, plain};
use crate::request::{Millis, RecordAction, RecordChange, RecordSet, Shape};
use crate::route53::{Zone, normal_name};
use crate::setup::{Setup, ShopSetup};
use crate::shoppers::Totals;
use crate::world::{Parts, ROUTE53_HOME, Region, Shop, Side, World};
use std::collections::{BTreeMap, HashMap};

impl World {
    /// A world of this setup. The same seed and the same questions at the same times give the same world.
    ///
    /// A setup whose balancers name unknown pools is taken as it is: those balancers fall back to the shop's
    /// two pools in order.
    pub fn new(setup: Setup, seed: u64) -> World {
        let mut parts = Parts {
            regions: regions(&setup),
            shops: Vec::new(),
            databases: Vec::new(),
            groups: BTreeMap::new(),
            zone: Zone::new(&setup.hosted_zone, &setup.hosted_zone_name, Vec::new()),
            pools: Vec::new(),
            pool_ids: HashMap::new(),
            balancers: Vec::new(),
            urls: HashMap::new(),
            ledger: Ledger::new(seed, setup.start, Vec::new()),
        };
        for (index, shop) in setup.shops.iter().enumerate() {
            add_shop(&mut parts, &setup, shop, index, seed);
        }
        // After all pools are known: pools may be shared between the balancers of several shops.
        for (index, shop) in setup.shops.iter().enumerate() {
            add_balancers(&mut parts, shop, index, setup.start);
        }
        for url in &setup.reference_urls {
            parts.urls.insert(plain(url).to_owned(), Place::Reference);
        }
        let records = records(&setup, &parts);
        parts.zone = Zone::new(&setup.hosted_zone, &setup.hosted_zone_name, records);
        let entries = setup.shops.iter().zip(&parts.shops);
        let entries = entries.map(|(setup, shop)| entry(setup, shop, &parts.databases));
        let entries: Vec<ShopEntry> = entries.collect();
        parts.ledger = Ledger::new(seed, setup.start, entries);
        let mut world = World::assemble(setup, seed, parts);
        world.begin();
        world
    }

    /// The first entries of the ledger, and the first of everything that recurs.
    fn begin(&mut self) {
        self.look_again_everywhere();
        let changes: Vec<RecordChange> = self
            .zone
            .records()
            .map(|record| RecordChange {
                action: RecordAction::Create,
                record: record.clone(),
            })
            .collect();
        self.note_records(&changes, "set-up", None);
        for balancer in 0..self.balancers.len() {
            self.note_balancer(balancer, None);
        }
        self.first_checks();
        self.first_samples();
        for shop in 0..self.shops.len() {
            self.next_shopper(shop);
            for side in 0..2 {
                self.next_job(shop, side);
            }
        }
    }
}

fn regions(setup: &Setup) -> Vec<Region> {
    let of_shops = setup.shops.iter().flat_map(ShopSetup::sides);
    let mut names: Vec<String> = setup.regions.clone();
    names.extend(of_shops.map(|side| side.region.clone()));
    names.push(ROUTE53_HOME.to_owned());
    let mut regions: Vec<Region> = Vec::new();
    for name in names {
        if regions.iter().all(|region| *region.name != *name) {
            regions.push(Region {
                name: Name::from(name),
                down: 0,
                cut: 0,
                names_vanish: false,
                databases_at: setup.start,
                services_at: setup.start,
            });
        }
    }
    regions
}

fn add_shop(parts: &mut Parts, setup: &Setup, shop: &ShopSetup, index: usize, seed: u64) {
    let databases = [0, 1].map(|side| parts.databases.len() + side);
    for side in 0..2 {
        let database = database(parts, setup, shop, (index, side), databases, seed);
        let own = shop.sides()[side];
        parts
            .groups
            .entry((own.region.clone(), own.parameter_group.clone()))
            .or_insert_with(|| {
                BTreeMap::from([
                    ("max_connections".into(), "{DBInstanceClassMemory/12582880}".into()),
                    ("read_only".into(), "{TrueIfReplica}".into()),
                ])
            });
        parts.databases.push(database);
    }
    let sides = [0, 1].map(|side| {
        let own = shop.sides()[side];
        let pool = parts.pools.len();
        parts.pools.push(Pool {
            shop: index,
            side,
            id: Name::from(own.pool_id.as_str()),
            doc: pool_doc(shop, own, &monitor_id(&shop.name), setup.start),
            enabled: true,
            deleted: false,
            health: [None; CITIES.len()],
            checks: [0; CITIES.len()],
            noted: None,
        });
        parts.pool_ids.insert(Name::from(own.pool_id.as_str()), pool);
        Side {
            region: Name::from(own.region.as_str()),
            region_index: region_index(parts, &own.region),
            pool,
            services_down: false,
            browned_out: false,
            database_down: false,
            cache: None,
        }
    });
    add_urls(parts, shop, index);
    let writer_record = normal_name(&shop.writer_record);
    let name = &shop.name;
    parts.shops.push(Shop {
        name: Name::from(name.as_str()),
        sides,
        databases,
        beside: Vec::new(),
        balancers: Vec::new(),
        writer: databases[0],
        owner_record: format!("_breakwater.{writer_record}"),
        writer_record,
        public: plain(&shop.public_url()).to_owned(),
        checkout: [0, 1].map(|side| {
            let services = &shop.sides()[side].services;
            let selling = |critical: bool| {
                services
                    .iter()
                    .position(|service| service.needs_writer && (service.critical || !critical))
            };
            selling(true).or_else(|| selling(false)).unwrap_or(0)
        }),
        monitored_service: [0, 1].map(|side| {
            let services = &shop.sides()[side].services;
            let monitored = |service: &crate::setup::ServiceSetup| service.name == shop.monitor_service;
            services.iter().position(monitored).unwrap_or(0)
        }),
        link_lost: false,
        link_break: None,
        bad_release: false,
        deep_checks: false,
        orders: 0,
        totals: Totals::default(),
        dice: Dice::new(seed, &format!("shoppers of {name}")),
        job_dice: Dice::new(seed, &format!("jobs of {name}")),
    });
}

fn region_index(parts: &Parts, name: &str) -> usize {
    let found = parts.regions.iter().position(|own| *own.name == *name);
    // `regions` took every shop's regions up.
    found.unwrap_or(0)
}

fn add_urls(parts: &mut Parts, shop: &ShopSetup, index: usize) {
    for (side, own) in shop.sides().into_iter().enumerate() {
        for (service, setup) in own.services.iter().enumerate() {
            let place = Place::Service {
                shop: index,
                side,
                service,
            };
            parts.urls.insert(plain(&setup.url).to_owned(), place);
        }
        if let Some(url) = &own.proof_url {
            let place = Place::Proof { shop: index, side };
            parts.urls.insert(plain(url).to_owned(), place);
        }
    }
}

fn database(
    parts: &Parts,
    setup: &Setup,
    shop: &ShopSetup,
    (index, side): (usize, usize),
    databases: [usize; 2],
    seed: u64,
) -> Database {
    let own = shop.sides()[side];
    let (id, region, account) = (&own.db_instance, &own.region, &setup.aws_account);
    let source = (side == 1).then_some(databases[0]);
    Database {
        shop: index,
        side,
        name: Name::from(id.as_str()),
        region: Name::from(region.as_str()),
        region_index: region_index(parts, region),
        resource_id: resource_id(seed, id),
        arn: format!("arn:aws:rds:{region}:{account}:db:{id}"),
        endpoint: endpoint(id, region),
        server_uuid: server_uuid(seed, id),
        status: "available",
        source,
        shown_source: source,
        replicas: if side == 0 { vec![databases[1]] } else { Vec::new() },
        group: own.parameter_group.clone(),
        read_only: "{TrueIfReplica}".into(),
        applying: None,
        forced_status: None,
        process: Process::Works,
        gone: false,
        replaced: false,
        retention: own.backup_retention_period,
        shape: shape(setup, shop, region, side == 0),
        tags: BTreeMap::new(),
        power: Power::Running,
        rebooting: false,
        promotion: None,
        log: Vec::new(),
        inherited: Vec::new(),
        link: Link::new(shop.lag.clone(), seed, id, setup.start),
        wrote_until: None,
        span: None,
        power_serial: 0,
        lag_samples: Default::default(),
        cpu_samples: Default::default(),
    }
}

/// All instances of an account and region share the middle of their names.
pub(crate) fn endpoint(id: &str, region: &str) -> String {
    format!("{id}.c{:011x}.{region}.rds.amazonaws.com", mix(0, region, 7) >> 20)
}

/// What every instance of the world is like; keys, subnets and security groups are those of its region.
fn shape(setup: &Setup, shop: &ShopSetup, region: &str, writer: bool) -> Shape {
    let account = &setup.aws_account;
    Shape {
        class: Some("db.r6g.large".into()),
        subnet_group: Some(format!("{}-{region}", shop.name)),
        security_groups: vec![format!("sg-{:017x}", mix(0, region, 8) >> 4)],
        kms_key: Some(format!("arn:aws:kms:{region}:{account}:key/{:016x}", mix(0, region, 9))),
        public: false,
        multi_az: writer,
        port: Some(3306),
        copy_tags: true,
        protected: true,
        iam_logins: false,
        storage: Some("gp3".into()),
        iops: Some(3000),
        throughput: Some(125),
    }
}

/// `db-` and 26 letters and digits.
pub(crate) fn resource_id(seed: u64, id: &str) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digit = |i: u64| char::from(DIGITS[(mix(seed, id, 100 + i) % 32) as usize]);
    format!("db-{}", (0..26).map(digit).collect::<String>())
}

pub(crate) fn server_uuid(seed: u64, id: &str) -> String {
    let (high, low) = (mix(seed, id, 200), mix(seed, id, 201));
    format!(
        "{:08x}-{:04x}-11ef-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 16
    )
}

fn add_balancers(parts: &mut Parts, shop: &ShopSetup, index: usize, now: Millis) {
    for balancer in &shop.balancers {
        let doc = balancer_doc(shop, balancer, now);
        let pools = parts.shops[index].sides.each_ref().map(|side| side.pool);
        let in_order = || Steering {
            enabled: true,
            policy: Policy::Order,
            default: pools.to_vec(),
            fallback: pools[0],
            by_pop: BTreeMap::new(),
            by_country: BTreeMap::new(),
            by_region: BTreeMap::new(),
            weights: BTreeMap::new(),
            default_weight: 1.0,
            handed_out_for: None,
        };
        parts.shops[index].balancers.push(parts.balancers.len());
        parts.balancers.push(Balancer {
            shop: index,
            id: Name::from(balancer.id.as_str()),
            steering: steering(&doc, &parts.pool_ids).unwrap_or_else(|_| in_order()),
            doc,
            handed_out: [None; CITIES.len()],
            past: Vec::new(),
        });
    }
}

/// The zone: its own sets, each shop's writer and public name, and a neighbour that is nobody's.
fn records(setup: &Setup, parts: &Parts) -> Vec<RecordSet> {
    let zone = setup.hosted_zone_name.clone();
    let set = |name: &str, kind: &str, ttl, value: &str| RecordSet {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ttl,
        values: vec![value.to_owned()],
        set_identifier: None,
    };
    let soa = "ns-1.awsdns-01.org. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400";
    let mut records = vec![
        set(&zone, "NS", 172_800, "ns-1.awsdns-01.org."),
        set(&zone, "SOA", 900, soa),
        set(&format!("mail.{zone}"), "CNAME", 300, "mail.example.org"),
    ];
    for (shop, own) in setup.shops.iter().zip(&parts.shops) {
        let endpoint = &parts.databases[own.databases[0]].endpoint;
        records.push(set(&own.writer_record, "CNAME", shop.ttl, endpoint));
    }
    records
}

fn entry(setup: &ShopSetup, shop: &Shop, databases: &[Database]) -> ShopEntry {
    ShopEntry {
        name: shop.name.clone(),
        hostname: setup.hostname.clone(),
        regions: [0, 1]
            .map(|side| {
                let own = setup.sides()[side];
                let database = &databases[shop.databases[side]];
                ShopRegionEntry {
                    region: shop.sides[side].region.clone(),
                    pool: Name::from(own.pool_id.as_str()),
                    instance: database.name.clone(),
                    endpoint: database.endpoint.clone(),
                    role: if side == 0 { "writer" } else { "replica" }.into(),
                    proof: own.proof_url.is_some(),
                }
            })
            .to_vec(),
        balancers: setup.balancers.iter().map(|own| own.id.clone()).collect(),
        writer_record: shop.writer_record.clone(),
        owner_record: shop.owner_record.clone(),
    }
}
