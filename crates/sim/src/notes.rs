//! What the world writes into its ledger of requests and of DNS records.

use crate::ledger::{Call, Effect, Name, Read, What};
use crate::request::{Answer, Delivery, Meta, RdsOp, RecordChange, Request, Route53Op, Vantage};
use crate::world::World;

impl World {
    /// Notes what the sets of a batch are now: one entry per name and type.
    pub(crate) fn note_records(&mut self, changes: &[RecordChange], stage: &str, call: Option<u64>) {
        let mut noted: Vec<(&str, &str)> = Vec::new();
        for change in changes {
            let (name, kind) = (change.record.name.as_str(), change.record.kind.as_str());
            if noted.contains(&(name, kind)) {
                continue;
            }
            noted.push((name, kind));
            let current = match stage {
                "visible" => self.zone.visible(name, kind),
                _ => self
                    .zone
                    .records()
                    .find(|record| record.name == name && record.kind == kind),
            };
            let (values, ttl) = current.map_or((Vec::new(), 0), |set| (set.values.clone(), set.ttl));
            let target = values
                .first()
                .filter(|_| kind == "CNAME")
                .and_then(|host| self.by_endpoint(host));
            let owner = self
                .shops
                .iter()
                .find(|shop| shop.writer_record == name || shop.owner_record == name);
            let what = What::Record {
                shop: owner.map(|shop| shop.name.clone()),
                stage: stage.to_owned(),
                name: name.to_owned(),
                kind: kind.to_owned(),
                values,
                ttl,
                call,
                instance: target.map(|db| self.databases[db].name.clone()),
                writer: target.map(|db| self.is_writer(db)),
            };
            self.ledger.push(self.now, what);
        }
    }

    /// The shop that a call is about.
    fn shop_of(&self, request: &Request) -> Option<usize> {
        let target = request.target();
        let by_instance = |region: &str| {
            self.databases
                .iter()
                .find(|db| *db.region == *region && (*db.name == *target || db.group == target))
                .map(|db| db.shop)
        };
        // What is made has no shop yet: it is that of what it is made of.
        match request {
            Request::Rds {
                op: RdsOp::CreateReadReplica { source, .. },
                ..
            } => self.databases.iter().find(|db| db.arn == *source).map(|db| db.shop),
            Request::Rds {
                region,
                op: RdsOp::CopyGroup { from, .. },
            } => {
                let mut here = self.databases.iter();
                here.find(|db| *db.region == *region && db.group == *from)
                    .map(|db| db.shop)
            }
            Request::Rds {
                region,
                op: RdsOp::ModifyParameter { group, .. },
            } => by_instance(region).or_else(|| self.copied_for(region, group)),
            Request::Rds { region, .. } => by_instance(region),
            Request::Route53 {
                op: Route53Op::ChangeRecords { changes, .. },
            } => {
                let names: Vec<String> = changes
                    .iter()
                    .map(|change| crate::route53::normal_name(&change.record.name))
                    .collect();
                self.shops
                    .iter()
                    .position(|shop| names.contains(&shop.writer_record) || names.contains(&shop.owner_record))
            }
            Request::Cloudflare { .. } => self
                .pool_ids
                .get(target)
                .map(|pool| self.pools[*pool].shop)
                .or_else(|| {
                    let balancer = self.balancers.iter().find(|own| *own.id == *target);
                    balancer.map(|own| own.shop)
                }),
            Request::Route53 { .. } | Request::CloudWatch { .. } | Request::Sts { .. } | Request::Http { .. } => None,
        }
    }

    /// The shop whose group this one is a copy of, while no instance uses it.
    fn copied_for(&self, region: &str, group: &str) -> Option<usize> {
        let from = self.copies.get(&(region.to_owned(), group.to_owned()))?;
        let mut here = self.databases.iter();
        here.find(|db| *db.region == *region && db.group == *from)
            .map(|db| db.shop)
    }

    /// The entry of a call comes before the entries of what it brings about.
    pub(crate) fn note_call(&mut self, number: u64, from: Vantage, meta: &Meta, request: &Request) -> Option<usize> {
        let detail = match request {
            Request::Rds { op, .. } => serde_json::to_value(op),
            Request::Route53 { op } => serde_json::to_value(op),
            Request::Cloudflare { op } => serde_json::to_value(op),
            Request::CloudWatch { .. } | Request::Sts { .. } | Request::Http { .. } => return None,
        };
        let call = Call {
            number,
            asked: meta.asked,
            because: meta.because,
            vantage: from,
            actor: meta.actor.clone(),
            api: request.api().name().to_owned(),
            region: request.region().map(Name::from),
            op: request.op().to_owned(),
            target: request.target().to_owned(),
            shop: self.shop_of(request).map(|shop| self.shops[shop].name.clone()),
            detail: detail.unwrap_or_default(),
            effect: Effect::Lost,
            copies: 1,
            code: None,
            reply: false,
            arrived_micros: meta.real_micros,
            answered_at: None,
            answered_micros: None,
            gave_up_at: None,
            gave_up_micros: None,
        };
        self.ledger.push(self.now, What::Call(call));
        Some(self.ledger.events.len() - 1)
    }

    pub(crate) fn finish_call(
        &mut self,
        index: usize,
        effect: Effect,
        copies: u32,
        answer: &Answer,
        delivery: &Delivery,
    ) {
        if let Some(What::Call(call)) = self.ledger.events.get_mut(index).map(|event| &mut event.what) {
            call.reply = matches!(delivery, Delivery::After(_));
            (call.effect, call.copies) = (effect, copies);
            call.code = match answer {
                Answer::Error { code, .. } if effect != Effect::Lost => Some(code.clone()),
                _ => None,
            };
        }
    }

    pub(crate) fn note_read(
        &mut self,
        number: u64,
        from: Vantage,
        meta: Meta,
        request: &Request,
        answer: &Answer,
        delivery: &Delivery,
    ) {
        if !self.setup.keep_reads {
            return;
        }
        let result = match (delivery, answer) {
            (Delivery::NoSuchHost, _) => "no-such-host".to_owned(),
            (Delivery::Never | Delivery::Reset(_), _) => "silent".to_owned(),
            (Delivery::Truncated { .. }, _) => "truncated".to_owned(),
            (Delivery::After(_), Answer::Error { code, .. }) => code.clone(),
            (Delivery::After(_), Answer::Http { status, .. }) if !(200..300).contains(status) => status.to_string(),
            (Delivery::After(_), _) => "ok".to_owned(),
        };
        self.ledger.push_read(Read {
            number,
            asked: meta.asked,
            because: meta.because,
            at: self.now,
            vantage: from,
            api: request.api().name().to_owned(),
            region: request.region().map(Name::from),
            op: request.op().to_owned(),
            target: request.target().to_owned(),
            result,
            arrived_micros: meta.real_micros,
            answered_at: None,
            answered_micros: None,
            gave_up_at: None,
            gave_up_micros: None,
        });
    }
}
