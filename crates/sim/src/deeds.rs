//! What persons do with their consoles, in one line each. Everything goes through [`World::deed`], so that the
//! ledger has it as calls with vantage `person` and the actor's name, refusals included.

use crate::request::{Answer, CloudflareOp, RdsOp, RecordAction, RecordChange, RecordSet, Reply, Request, Route53Op};
use crate::turns::put_back;
use crate::world::World;
use serde_json::{Map, Value, json};

impl World {
    /// Promotes the shop's replica by hand; `None` if it has none.
    pub fn promote_by_hand(&mut self, actor: &str, shop: &str) -> Option<Reply> {
        self.promote_with_backups(actor, shop, Some(7))
    }

    /// The same with so many days of backups; without a number they stay off, as a replica has them.
    pub fn promote_with_backups(&mut self, actor: &str, shop: &str, days: Option<i32>) -> Option<Reply> {
        let replica = self.role(shop, true)?;
        let (region, id) = self.where_and_what(replica);
        let op = RdsOp::PromoteReadReplica {
            id,
            backup_retention_period: days,
        };
        Some(self.deed(actor, Request::Rds { region, op }))
    }

    /// Makes a replica of the shop's writer in the region of its other instance, like that one; `None` if there is none.
    pub fn make_replica(&mut self, actor: &str, shop: &str, id: &str) -> Option<Reply> {
        let own = self.shops.iter().find(|own| *own.name == *shop)?;
        let writer = own.writer;
        let former = own.databases.into_iter().find(|db| *db != writer)?;
        let region = self.databases[former].region.to_string();
        let op = RdsOp::CreateReadReplica {
            id: id.to_owned(),
            source: self.databases[writer].arn.clone(),
            group: None,
            shape: self.databases[former].shape.clone(),
            tags: Default::default(),
        };
        Some(self.deed(actor, Request::Rds { region, op }))
    }

    /// Starts the shop's instance in this region (a schedule that goes by tags, say); `None` if there is none.
    pub fn start_instance(&mut self, actor: &str, shop: &str, region: &str) -> Option<Reply> {
        let (region, id) = self.where_and_what(self.stopped_in(shop, region).or(self.instance_in(shop, region))?);
        let op = RdsOp::StartInstance { id };
        Some(self.deed(actor, Request::Rds { region, op }))
    }

    /// Stops the shop's instance in this region; `None` if there is none.
    pub fn stop_instance(&mut self, actor: &str, shop: &str, region: &str) -> Option<Reply> {
        let (region, id) = self.where_and_what(self.instance_in(shop, region)?);
        let op = RdsOp::StopInstance { id };
        Some(self.deed(actor, Request::Rds { region, op }))
    }

    /// Sets `read_only` in the group of the shop's instance in this region; `None` if there is none.
    pub fn set_read_only(&mut self, actor: &str, shop: &str, region: &str, value: &str) -> Option<Reply> {
        let database = self.instance_in(shop, region)?;
        let op = RdsOp::ModifyParameter {
            group: self.databases[database].group.clone(),
            name: "read_only".into(),
            value: value.into(),
        };
        let region = self.databases[database].region.to_string();
        Some(self.deed(actor, Request::Rds { region, op }))
    }

    /// Points the writer's name at the shop's instance in this region, blindly (UPSERT); `None` if there is none.
    pub fn point_writer(&mut self, actor: &str, shop: &str, region: &str) -> Option<Reply> {
        let database = self.instance_in(shop, region)?;
        let own = self.databases[database].shop;
        let record = RecordSet {
            name: self.shops[own].writer_record.clone(),
            kind: "CNAME".into(),
            ttl: self.setup.shops[own].ttl,
            values: vec![self.databases[database].endpoint.clone()],
            set_identifier: None,
        };
        let change = RecordChange {
            action: RecordAction::Upsert,
            record,
        };
        Some(self.change_names(actor, vec![change]))
    }

    /// The sets of a shop's writer's name and owner's record, as Route 53 lists them now.
    pub fn names_of(&self, shop: &str) -> Vec<RecordSet> {
        let Some(own) = self.shops.iter().find(|own| *own.name == *shop) else {
            return Vec::new();
        };
        let ours = |set: &&RecordSet| set.name == own.writer_record || set.name == own.owner_record;
        self.zone.records().filter(ours).cloned().collect()
    }

    /// Puts a shop's names back as [`World::names_of`] once gave them: what is new goes, what differs is written
    /// over blindly. `None` if nothing differs.
    pub fn restore_names_as(&mut self, actor: &str, shop: &str, names: &[RecordSet]) -> Option<Reply> {
        let changes = put_back(&self.names_of(shop), names);
        (!changes.is_empty()).then(|| self.change_names(actor, changes))
    }

    /// Enables or disables a pool.
    pub fn set_pool_enabled(&mut self, actor: &str, pool: &str, enabled: bool) -> Reply {
        let op = CloudflareOp::PatchPool {
            account: self.setup.cloudflare_account.clone(),
            id: pool.to_owned(),
            patch: json!({ "enabled": enabled }),
        };
        self.deed(actor, Request::Cloudflare { op })
    }

    /// Takes a pool out of every balancer and deletes it. Cloudflare deletes no pool that a balancer lists, and takes
    /// no balancer without a pool: where it is the last one, the first refusal is returned and the pool stays.
    pub fn delete_pool(&mut self, actor: &str, pool: &str) -> Reply {
        for balancer in 0..self.balancers.len() {
            let patch = without(&self.balancers[balancer].doc, pool);
            if patch.is_empty() {
                continue;
            }
            let id = self.balancers[balancer].id.to_string();
            let reply = self.patch_balancer_as(actor, &id, Value::Object(patch));
            if matches!(reply.answer, Answer::Error { .. }) {
                return reply;
            }
        }
        let op = CloudflareOp::DeletePool {
            account: self.setup.cloudflare_account.clone(),
            id: pool.to_owned(),
        };
        self.deed(actor, Request::Cloudflare { op })
    }

    /// Changes fields of a balancer (its order, its lists, `enabled`).
    pub fn patch_balancer_as(&mut self, actor: &str, balancer: &str, patch: Value) -> Reply {
        let op = CloudflareOp::PatchBalancer {
            zone: self.setup.cloudflare_zone.clone(),
            id: balancer.to_owned(),
            patch,
        };
        self.deed(actor, Request::Cloudflare { op })
    }

    fn change_names(&mut self, actor: &str, changes: Vec<RecordChange>) -> Reply {
        let zone = self.setup.hosted_zone.clone();
        let op = Route53Op::ChangeRecords { zone, changes };
        self.deed(actor, Request::Route53 { op })
    }

    fn instance_in(&self, shop: &str, region: &str) -> Option<usize> {
        let own = self.shops.iter().find(|own| *own.name == *shop)?;
        let here = |database: &&usize| *self.databases[**database].region == *region;
        own.databases.iter().find(here).copied()
    }

    fn stopped_in(&self, shop: &str, region: &str) -> Option<usize> {
        let own = self.shops.iter().find(|own| *own.name == *shop)?;
        let stopped = |database: &&usize| {
            let db = &self.databases[**database];
            *db.region == *region && db.shown_status() == "stopped"
        };
        own.databases.iter().chain(&own.beside).find(stopped).copied()
    }

    fn role(&self, shop: &str, replica: bool) -> Option<usize> {
        let own = self.shops.iter().find(|own| *own.name == *shop)?;
        let fits = |database: &&usize| self.databases[**database].source.is_some() == replica;
        own.databases.iter().find(fits).copied()
    }

    fn where_and_what(&self, database: usize) -> (String, String) {
        let db = &self.databases[database];
        (db.region.to_string(), db.name.to_string())
    }
}

/// The patch that takes a pool out of a balancer's lists; emptied lists of a map go, an emptied default stays empty
/// (and is refused).
fn without(doc: &Map<String, Value>, pool: &str) -> Map<String, Value> {
    let is_it = |value: &Value| value.as_str() == Some(pool);
    let rest = |list: &Value| -> Vec<Value> {
        let items = list.as_array().into_iter().flatten();
        items.filter(|item| !is_it(item)).cloned().collect()
    };
    let mut patch = Map::new();
    let default = doc.get("default_pools").unwrap_or(&Value::Null);
    let default_rest = rest(default);
    if default.as_array().is_some_and(|list| list.len() != default_rest.len()) {
        patch.insert("default_pools".into(), Value::Array(default_rest.clone()));
    }
    if doc.get("fallback_pool").is_some_and(is_it)
        && let Some(first) = default_rest.first()
    {
        patch.insert("fallback_pool".into(), first.clone());
    }
    for field in ["region_pools", "country_pools", "pop_pools"] {
        let Some(map) = doc.get(field).and_then(Value::as_object) else {
            continue;
        };
        let left: Map<String, Value> = map
            .iter()
            .map(|(key, list)| (key.clone(), Value::Array(rest(list))))
            .filter(|(_, list)| list.as_array().is_some_and(|list| !list.is_empty()))
            .collect();
        if left != *map {
            patch.insert(field.into(), Value::Object(left));
        }
    }
    patch
}
