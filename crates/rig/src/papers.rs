//! The papers of a run: ledger, history and context as JSON, for the checkers.

use crate::rig::Rig;
use breakwater_core::decision::Missing;
use breakwater_core::report::Report;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

impl Rig {
    /// The ledger as JSON, for the checkers.
    #[must_use]
    pub fn ledger_json(&self) -> Json {
        let mut ledger = serde_json::to_value(self.world.ledger()).unwrap_or(Json::Null);
        // The world knows when a request arrived; when it was sent is known here.
        for event in ledger["events"].as_array_mut().into_iter().flatten() {
            let sent = event["number"].as_u64().and_then(|number| self.sent_at.get(&number));
            if let (Some(sent), Some("call")) = (sent, event["event"].as_str()) {
                event["sent_at"] = json!(sent);
            }
        }
        ledger
    }

    /// The history of journals as JSON, for the checkers.
    #[must_use]
    pub fn history_json(&self) -> Json {
        let lease_at = |at: i64, holder: &str| {
            let lease = self
                .leases
                .iter()
                .rev()
                .find(|(from, by, _)| *from <= at && by == holder);
            lease.map(|(_, by, until)| json!({"holder": by, "until": until}))
        };
        self.store
            .history
            .iter()
            .map(|entry| {
                let automatic = self
                    .known
                    .get(&entry.shop)
                    .is_some_and(|shop| shop.policy.mode == breakwater_core::shop::Mode::Automatic);
                json!({
                    "at": entry.at,
                    "shop": entry.shop.to_string(),
                    "holder": entry.holder,
                    // One that was long on its way was sent under a lease that may have ended since.
                    "lease": if entry.late { None } else { lease_at(entry.at, &entry.holder) },
                    "automatic": automatic,
                    "restored": entry.restored,
                    "late": entry.late,
                    "journal": entry.journal,
                    "status": entry.report.as_ref().map(status),
                })
            })
            .collect()
    }

    /// What the checkers need to know of the shops.
    #[must_use]
    pub fn context_json(&self) -> Json {
        let region = |region: &breakwater_core::shop::ShopRegion| {
            json!({
                "region": region.name, "instance": region.instance, "pool": region.pool,
                "services": region.services.iter()
                    .map(|service| json!({"url": service.url, "needsWriter": service.needs_writer}))
                    .collect::<Vec<_>>(),
            })
        };
        let shops: Vec<Json> = self
            .known
            .values()
            .map(|shop| {
                json!({
                    "shop": shop.key.to_string(),
                    "primary": region(&shop.regions.primary),
                    "secondary": region(&shop.regions.secondary),
                    "balancers": shop.balancers,
                    "maxLossSeconds": shop.policy.max_loss.as_secs(),
                    "promoteAfterSeconds": shop.policy.promote_after.as_secs(),
                    "databaseGraceSeconds": shop.policy.database_grace.as_secs(),
                    "intervalSeconds": shop.policy.interval.as_secs(),
                    "automatic": shop.policy.mode == breakwater_core::shop::Mode::Automatic,
                })
            })
            .collect();
        let leases: Vec<Json> = self
            .leases
            .iter()
            .map(|(from, holder, until)| json!({"holder": holder, "from": from, "until": until}))
            .collect();
        let cut_off: Vec<Json> = self
            .cut_off
            .iter()
            .map(|(from, until)| json!({"from": from, "until": until}))
            .collect();
        let edits: Vec<Json> = self
            .edits
            .iter()
            .map(|(at, key, leaves)| json!({"at": at, "shop": key.to_string(), "leaves": leaves}))
            .collect();
        json!({"shops": shops, "leases": leases, "cutOff": cut_off, "edits": edits})
    }
}

/// What people saw, as far as it is judged.
fn status(report: &Report) -> Json {
    let facts = report.facts.iter();
    let conditions = report.conditions.iter();
    json!({
        "diagnosis": report.diagnosis,
        "facts": facts.map(|fact| json!({"name": fact.name, "vote": fact.vote})).collect::<Vec<_>>(),
        "refusals": report.refusals.iter().map(|refusal| refusal.name).collect::<Vec<_>>(),
        "missing": report.lacks.iter().map(lack).collect::<Vec<_>>(),
        "conditions": conditions
            .map(|condition| json!({
                "type": condition.kind, "status": condition.status.name(), "reason": condition.reason,
                "message": condition.message,
            }))
            .collect::<Vec<_>>(),
    })
}

fn lack(missing: &Missing) -> Json {
    let name = missing.name();
    match missing {
        // Nobody knows until when.
        Missing::NotBefore(until) if *until == Timestamp::MAX => json!({"name": name}),
        Missing::NotBefore(until) => json!({"name": name, "until": until}),
        Missing::RefusalGone(refusal) => json!({"name": name, "refusal": refusal}),
        Missing::TrustInObserver
        | Missing::ProbeDown
        | Missing::ServicesOut
        | Missing::WriterServicesDown
        | Missing::EdgeDown
        | Missing::LinkBroken
        | Missing::InstanceSilent
        | Missing::RoutineOver
        | Missing::DatabaseSilence => json!({"name": name}),
    }
}
