//! Events: told at transitions only, in the words of the journal.

use crate::engine::Engine;
use crate::port::{Event, Out};
use breakwater_core::Text;
use breakwater_core::decision::Decision;
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{Journal, Move, MoveOutcome, NAME_LEVEL, ObligationKind, Phase, PutBack};
use breakwater_core::report::{approval_asked, report};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;

impl Engine {
    /// Tells when the diagnosis changes.
    pub(crate) fn note_diagnosis(&mut self, now: Now, key: &ShopKey, decision: &Decision, out: &mut Vec<Out>) {
        let Some(kept) = self.shops.get_mut(key) else { return };
        let before = kept.diagnosis.replace(decision.diagnosis);
        let was_too_long = std::mem::replace(&mut kept.routine_too_long, decision.routine_too_long.is_some());
        let lasts_too_long = kept.routine_too_long && !was_too_long;
        // While a move is in flight its phases are what people follow.
        if kept.journal.in_flight().is_some()
            || before == Some(decision.diagnosis) && !lasts_too_long
            || before.is_none() && !is_alarming(decision.diagnosis)
        {
            return;
        }
        let Some(kept) = self.shops.get(key) else { return };
        let said = report(
            &kept.input(now, &self.settings.me, &self.fleet, self.requests.of(key)),
            decision,
        );
        let condition = said
            .conditions
            .into_iter()
            .find(|condition| condition.kind == "ActiveRegionHealthy");
        if let Some(condition) = condition {
            out.push(Out::Event(Event {
                key: key.clone(),
                warning: is_alarming(decision.diagnosis),
                reason: condition.reason,
                message: condition.message,
            }));
        }
    }
}

fn is_alarming(diagnosis: Diagnosis) -> bool {
    match diagnosis {
        Diagnosis::ObserverSuspect
        | Diagnosis::Maintenance
        | Diagnosis::RegionDown
        | Diagnosis::DatabaseDown
        | Diagnosis::WriterRefuses
        | Diagnosis::ServicesDownEverywhere
        | Diagnosis::ServicesDown
        | Diagnosis::ViewsDisagree
        | Diagnosis::ServicesDegraded
        | Diagnosis::ReplicationBroken
        | Diagnosis::StandbyDegraded => true,
        Diagnosis::Healthy | Diagnosis::Inconclusive => false,
    }
}

/// The object came back without what was sent.
pub(crate) fn crd_outdated(key: &ShopKey) -> Out {
    Out::Event(Event {
        key: key.clone(),
        warning: true,
        reason: "CrdOutdated",
        message: "The API server dropped fields of status: the installed CRD is older than this controller. No call is made. \
                  Apply the CRDs of this version (breakwater crds | kubectl apply --server-side -f -), then restart the \
                  controller."
            .into(),
    })
}

/// The API server takes no status from us: nobody can read there what is so, and without a journal nothing is done.
pub(crate) fn status_refused(key: &ShopKey, why: &str) -> Out {
    Out::Event(Event {
        key: key.clone(),
        warning: true,
        reason: "StatusRefused",
        message: format!(
            "The API server refuses what this controller writes into status ({why}); what stands there is old, and no call is \
             made that an entry of the journal must precede. Where a value or field is called invalid, apply the CRDs of this \
             version (breakwater crds | kubectl apply --server-side -f -); where it is forbidden, apply the RBAC rules of this \
             version. It is tried again by itself."
        )
        .into(),
    })
}

/// What an entry of the journal changed, for people.
pub(crate) fn of_entry(key: &ShopKey, preferred: &Text, old: &Journal, new: &Journal) -> Vec<Out> {
    let mut events = Vec::new();
    let mut tell = |warning, reason, message: String| {
        events.push(Out::Event(Event {
            key: key.clone(),
            warning,
            reason,
            message: message.into(),
        }));
    };
    if let (before, Some(region)) = (&old.active_region, &new.active_region)
        && before.as_ref() != Some(region)
        && new.in_flight().is_none()
    {
        let by_others = before
            .as_ref()
            .map(|left| format!(" Somebody else moved it from {left}."));
        tell(
            by_others.is_some(),
            "Adopted",
            format!(
                "The writer is in {region}; epoch {}.{}",
                new.epoch,
                by_others.unwrap_or_default()
            ),
        );
    }
    for level in new.put_back.iter().filter(|level| level.is_contested()) {
        if !old.put_back_of(&level.what).is_some_and(PutBack::is_contested) {
            let what = if *level.what == *NAME_LEVEL {
                "The writer's name".to_owned()
            } else {
                format!("Load balancer {}", level.what)
            };
            tell(
                true,
                "Contested",
                format!("{what} was put back by somebody else three times in 15 minutes."),
            );
        }
    }
    if old.front != new.front
        && let (Some(_), Some(front)) = (&old.front, &new.front)
    {
        tell(
            true,
            "FrontChanged",
            format!("{front} comes first in the load balancers now."),
        );
    }
    if let Some(current) = &new.current {
        let before = old.current.as_ref().filter(|m| m.number == current.number);
        if before.map(|m| m.phase) != Some(current.phase) {
            match approval_asked(current, &key.namespace, &key.name) {
                Some(asked) => tell(true, "AwaitingApproval", asked),
                None => tell(
                    true,
                    phase_reason(current.phase),
                    format!(
                        "Move e{} from {} to {}: {}.",
                        current.number,
                        current.from,
                        current.to,
                        current.phase.name()
                    ),
                ),
            }
        }
        if before.is_some_and(Move::awaits_approval)
            && let Some(by) = current.approval.as_ref().and_then(|approval| approval.by.as_ref())
        {
            let number = current.number;
            tell(
                false,
                "MoveApproved",
                format!("Move e{number} was approved by {by}. It is decided on fresh readings."),
            );
        }
        if before.and_then(|m| m.outcome) != current.outcome
            && let Some(outcome) = current.outcome
        {
            let because = current
                .because
                .as_deref()
                .map(|why| format!(" Because {why}."))
                .unwrap_or_default();
            let (warning, reason) = outcome_reason(outcome);
            tell(
                warning,
                reason,
                format!(
                    "Move e{} from {} to {} ended: {}.{because}",
                    current.number,
                    current.from,
                    current.to,
                    outcome.name()
                ),
            );
        }
    }
    if let Some(shift) = &new.shift {
        let before = old.shift.as_ref().filter(|was| was.request.uid == shift.request.uid);
        let (front, name) = (&shift.front, &shift.request.name);
        if before.is_none() && shift.outcome.is_none() {
            let until = shift.until.strftime("%F %H:%M UTC");
            tell(
                false,
                "TrafficShiftBegan",
                format!("{front} comes first in the load balancers until {until}, by {name}."),
            );
        }
        if let Some(outcome) = shift
            .outcome
            .filter(|_| before.is_some_and(|was| was.outcome.is_none()))
        {
            let because = shift.because.as_deref().unwrap_or("its time is over");
            tell(
                outcome != MoveOutcome::Completed,
                "TrafficShiftEnded",
                format!(
                    "The TrafficShift to {front} by {name} ended: {}, because {because}.",
                    outcome.name()
                ),
            );
        }
    }
    for owed in new.obligations.iter().filter(|owed| !old.obligations.contains(owed)) {
        let late = owed.kind == ObligationKind::RebuildStandby && owed.number > new.epoch;
        let warning = late || owed.kind == ObligationKind::FenceFormerWriter;
        tell(
            warning,
            "ObligationOpened",
            format!("{} is owed for {} in {}.", owed.kind.name(), owed.instance, owed.region),
        );
    }
    for done in old.obligations.iter().filter(|owed| !new.obligations.contains(owed)) {
        tell(
            false,
            "ObligationClosed",
            format!(
                "{} for {} in {} is no longer owed.",
                done.kind.name(),
                done.instance,
                done.region
            ),
        );
    }
    rebuilt(preferred, key, old, new, &mut tell);
    events
}

/// What became of a standby that is owed.
fn rebuilt(
    preferred: &Text,
    key: &ShopKey,
    old: &Journal,
    new: &Journal,
    tell: &mut impl FnMut(bool, &'static str, String),
) {
    if let Some(begun) = &new.rebuild
        && old.rebuild.as_ref().map(|was| &was.instance) != Some(&begun.instance)
    {
        let instead = match &old.rebuild {
            Some(taken) if taken.region == begun.region => {
                format!(" {} is somebody else's instance and left alone.", taken.instance)
            }
            Some(_) | None => String::new(),
        };
        tell(
            false,
            "StandbyRebuilding",
            format!(
                "A new standby is made in {}: {}.{instead}",
                begun.region, begun.instance
            ),
        );
    }
    if let Some(begun) = &old.rebuild
        && new.rebuild.is_none()
        && new.instances.get(&begun.region).map(|own| &own.instance) != Some(&begun.instance)
    {
        tell(
            false,
            "StandbyNotNeeded",
            format!(
                "{} in {} is not needed as the standby any more. If RDS has made it, it stays until a person deletes it.",
                begun.instance, begun.region
            ),
        );
    }
    for (region, own) in &new.instances {
        if old.instances.get(region) == Some(own) || new.active_region.is_none() {
            continue;
        }
        tell(
            false,
            "StandbyRebuilt",
            format!(
                "{} in {region} follows the writer and takes the place of {}, which stays stopped until a person deletes it.",
                own.instance, own.listed
            ),
        );
    }
    let owed = |journal: &Journal| {
        let mut all = journal.obligations.iter();
        all.any(|o| o.kind == ObligationKind::RebuildStandby && o.region == *preferred)
    };
    let away = new.active_region.as_ref().is_some_and(|active| active != preferred);
    if owed(old) && !owed(new) && away && new.adopting_since.is_none() {
        tell(
            false,
            "FailbackOffered",
            format!(
                "{preferred} has a standby again, and is preferred. To bring the writer home: kubectl storefront failback {} -n {}",
                key.name, key.namespace
            ),
        );
    }
}

fn phase_reason(phase: Phase) -> &'static str {
    match phase {
        Phase::Requested => "MoveRequested",
        Phase::Preparing => "MovePreparing",
        Phase::Excluding => "MoveExcluding",
        Phase::Promoting => "MovePromoting",
        Phase::Repointing => "MoveRepointing",
        Phase::Verifying => "MoveVerifying",
        Phase::Holding => "MoveHolding",
    }
}

fn outcome_reason(outcome: MoveOutcome) -> (bool, &'static str) {
    match outcome {
        MoveOutcome::Completed => (false, "MoveCompleted"),
        MoveOutcome::RolledBack => (true, "MoveRolledBack"),
        MoveOutcome::Refused => (true, "MoveRefused"),
        MoveOutcome::Expired => (true, "MoveExpired"),
        MoveOutcome::Aborted => (true, "MoveAborted"),
    }
}
