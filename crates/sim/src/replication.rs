//! Asynchronous replication, and who takes writes.
//!
//! The loss model: every order is a row with a commit time in the instance that acknowledged it. A
//! replica's rows are a prefix of its source's. Once the link is dead nothing more arrives; what had not
//! arrived by then is lost if the replica is promoted, and an old source that comes back still has it.

use crate::database::{DatabaseId, Power, Process, Row};
use crate::ledger::{AbsentOrder, OrderedBy, What, WritableSpan};
use crate::request::Millis;
use crate::world::{Happening, World};

impl World {
    /// Whether the database process runs and answers in its own region.
    pub(crate) fn process_up(&self, database: DatabaseId) -> bool {
        let db = &self.databases[database];
        let region = &self.regions[db.region_index];
        db.power == Power::Running
            && !db.rebooting
            && region.down == 0
            && region.databases_at <= self.now
            && !self.shops[db.shop].sides[db.side].database_down
            && db.process != Process::Dead
            && !db.gone
    }

    /// Whether it takes writes from somebody in its own region.
    pub(crate) fn takes_writes(&self, database: DatabaseId) -> bool {
        let db = &self.databases[database];
        self.process_up(database) && !db.read_only_now() && db.process != Process::Refuses
    }

    /// Whether it is a writer: no replica, and not stopped. A writer may be unreachable.
    pub(crate) fn is_writer(&self, database: DatabaseId) -> bool {
        let db = &self.databases[database];
        db.source.is_none() && db.power == Power::Running
    }

    /// Brings a replica's rows up to date.
    pub(crate) fn settle_link(&mut self, replica: DatabaseId) {
        let Some(source) = self.databases[replica].source else {
            return;
        };
        let now = self.now;
        let db = &mut self.databases[replica];
        db.link.settle(now);
        let (applied, held) = (db.link.applied, db.log.len());
        let waiting = self.databases[source].log.get(held..).unwrap_or(&[]);
        let arrived: Vec<Row> = waiting[..waiting.partition_point(|row| row.at <= applied)].to_vec();
        self.databases[replica].log.extend(arrived);
    }

    /// Looks again at a shop's links and at who takes writes: to be called after everything that may have
    /// changed either.
    pub(crate) fn look_again(&mut self, shop: usize) {
        for database in self.shops[shop].databases {
            self.look_at_link(database);
            self.look_at_span(database);
        }
        for index in 0..self.shops[shop].beside.len() {
            let database = self.shops[shop].beside[index];
            self.look_at_link(database);
            self.look_at_span(database);
        }
    }

    /// The same for all shops.
    pub(crate) fn look_again_everywhere(&mut self) {
        for shop in 0..self.shops.len() {
            self.look_again(shop);
        }
    }

    /// Whether rows could flow to this replica now.
    fn could_flow(&self, replica: DatabaseId) -> bool {
        let db = &self.databases[replica];
        let Some(source) = db.source else {
            return false;
        };
        db.promotion.is_none()
            && !self.shops[db.shop].link_lost
            && self.shops[db.shop].link_break.is_none()
            && self.process_up(source)
            && self.process_up(replica)
            && self.connected(self.databases[source].region_index, db.region_index)
    }

    fn look_at_link(&mut self, replica: DatabaseId) {
        let Some(source) = self.databases[replica].source else {
            return;
        };
        if self.databases[replica].status == "creating" {
            return;
        }
        let could_flow = self.could_flow(replica);
        let flows = self.databases[replica].link.died.is_none();
        if flows && !could_flow {
            self.settle_link(replica);
            self.databases[replica].link.died = Some(self.now);
            let broken = &self.shops[self.databases[replica].shop].link_break;
            if broken.as_ref().is_some_and(|broken| !broken.applies) {
                // What was received waits for somebody to set the SQL thread going again.
                self.databases[replica].link.forget_received();
            }
            self.note_link(replica, source, false);
        } else if !flows && could_flow && !self.databases[replica].link.reconnecting {
            self.databases[replica].link.reconnecting = true;
            let pause = self.dice.between(self.setup.timing.link_reconnect);
            self.schedule(self.now + pause, Happening::LinkResumes { replica });
        }
    }

    /// The replica's IO thread tries again.
    pub(crate) fn link_resumes(&mut self, replica: DatabaseId) {
        self.databases[replica].link.reconnecting = false;
        let Some(source) = self.databases[replica].source else {
            return;
        };
        if self.could_flow(replica) && self.databases[replica].link.died.is_some() {
            self.settle_link(replica);
            self.databases[replica].link.died = None;
            self.note_link(replica, source, true);
        }
    }

    fn note_link(&mut self, replica: DatabaseId, source: DatabaseId, flowing: bool) {
        let db = &self.databases[replica];
        let what = What::Link {
            shop: self.shops[db.shop].name.clone(),
            instance: db.name.clone(),
            source: self.databases[source].name.clone(),
            flowing,
        };
        self.ledger.push(self.now, what);
    }

    fn look_at_span(&mut self, database: DatabaseId) {
        let takes = self.takes_writes(database);
        let now = self.now;
        let db = &mut self.databases[database];
        match (db.span, takes) {
            (None, true) => {
                db.span = Some(self.ledger.writable.len());
                db.wrote_until = None;
                self.ledger.writable.push(WritableSpan {
                    shop: self.shops[db.shop].name.clone(),
                    instance: db.name.clone(),
                    region: db.region.clone(),
                    from: now,
                    to: None,
                    orders_of_shoppers: 0,
                    orders_of_jobs: 0,
                    last_order_at: None,
                });
            }
            (Some(span), false) => {
                db.span = None;
                db.wrote_until = Some(now);
                self.ledger.writable[span].to = Some(now);
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// An instance that takes writes commits an order and acknowledges it.
    pub(crate) fn commit(&mut self, database: DatabaseId, by: OrderedBy) {
        let now = self.now;
        let shop = self.databases[database].shop;
        self.shops[shop].orders += 1;
        let order = self.shops[shop].orders;
        let db = &mut self.databases[database];
        db.log.push(Row { order, at: now, by });
        if let Some(span) = db.span.and_then(|span| self.ledger.writable.get_mut(span)) {
            match by {
                OrderedBy::Shopper => span.orders_of_shoppers += 1,
                OrderedBy::Job => span.orders_of_jobs += 1,
            }
            span.last_order_at = Some(now);
        }
        self.shops[shop].totals.acknowledged += 1;
        let newest_writer = self.shops[shop].writer;
        if newest_writer != database {
            self.note_absent(database, newest_writer, Row { order, at: now, by });
        }
    }

    /// A promoted replica has rebooted and is no replica any more.
    pub(crate) fn becomes_writer(&mut self, replica: DatabaseId) {
        let Some(source) = self.databases[replica].source else {
            return;
        };
        self.settle_link(replica);
        let inherited = self.executed(replica);
        let db = &mut self.databases[replica];
        db.inherited = inherited;
        (db.source, db.shown_source) = (None, None);
        db.wrote_until = Some(db.link.applied);
        let (shop, held, held_until) = (db.shop, db.log.len(), db.link.applied);
        let call = db.promotion.map_or(0, |promotion| promotion.call);
        self.shops[shop].writer = replica;
        let lacking: Vec<Row> = self.databases[source].log.get(held..).unwrap_or(&[]).to_vec();
        let what = What::Promoted {
            shop: self.shops[shop].name.clone(),
            instance: self.databases[replica].name.clone(),
            region: self.databases[replica].region.clone(),
            source: self.databases[source].name.clone(),
            call,
            held_until,
            source_wrote_until: self.databases[source].wrote_until.unwrap_or(self.now),
            orders_absent: lacking.len() as u64,
        };
        self.ledger.push(self.now, what);
        for row in lacking {
            self.note_absent(source, replica, row);
        }
    }

    fn note_absent(&mut self, holder: DatabaseId, writer: DatabaseId, row: Row) {
        let shop = self.databases[holder].shop;
        self.shops[shop].totals.absent += 1;
        self.ledger.absent.push(AbsentOrder {
            shop: self.shops[shop].name.clone(),
            order: row.order,
            at: row.at,
            instance: self.databases[holder].name.clone(),
            by: row.by,
            writer: self.databases[writer].name.clone(),
            since: self.now,
        });
    }

    /// How many transactions of each instance this one has executed: its GTID set, as counts from 1.
    pub(crate) fn executed(&self, database: DatabaseId) -> Vec<(DatabaseId, u64)> {
        let db = &self.databases[database];
        let own_lineage = |owner: DatabaseId, held: u64| {
            let inherited = &self.databases[owner].inherited;
            let mut rest = held;
            let mut counts = Vec::with_capacity(inherited.len() + 1);
            for (instance, count) in inherited {
                let part = rest.min(*count);
                counts.push((*instance, part));
                rest -= part;
            }
            counts.push((owner, rest));
            counts.retain(|(_, count)| *count > 0);
            counts
        };
        own_lineage(db.source.unwrap_or(database), db.log.len() as u64)
    }

    /// Time of the newest heartbeat row that an instance holds: a writer that takes writes adds one every
    /// second, a replica has what it applied.
    pub(crate) fn heartbeat(&mut self, database: DatabaseId) -> Millis {
        self.settle_link(database);
        let newest = |db: &crate::database::Database| db.wrote_until.unwrap_or(self.now);
        let db = &self.databases[database];
        let until = match db.source {
            Some(source) => db.link.applied.min(newest(&self.databases[source])),
            None => newest(db),
        };
        until - until.rem_euclid(1000)
    }
}
