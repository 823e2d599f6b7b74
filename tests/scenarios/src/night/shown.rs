//! Which variants of the closed lists a run shows: not what a script claims, but what stood in the status.

use super::play::Played;
use breakwater_core::journal::{Journal, Move, MoveKind, MoveOutcome, ObligationKind};
use breakwater_core::report::{ConditionStatus, Report};
use std::collections::BTreeSet;

/// How a level or a life of a shop can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantNames, strum::IntoStaticStr)]
pub enum LevelEnd {
    /// A new object, or one whose status was lost, finds its writer.
    Adopted,
    /// A journal that turned out to be old is replaced by what the world says.
    AdoptedAnew,
    /// Nobody can tell where the writer is.
    UnknownActive,
    /// The pool order returns to the active region.
    FrontReturned,
    /// An exclusion ends.
    ExclusionEnded,
    /// A fence is observed.
    FenceClosed,
    /// A writer that we made read-only writes again.
    Unfenced,
    /// A person names the active region, and all follows.
    AdoptedByRequest,
    /// The spec was edited, and the new generation was looked at.
    SpecEdited,
    /// The object was let go.
    Deleted,
    /// Somebody keeps putting a level back, and it is left to them.
    Contested,
    /// Somebody else moved the writer, and that is adopted.
    MovedByOthers,
    /// A person's traffic shift holds.
    Shifted,
    /// Its region's services went out, and the other one comes first meanwhile.
    ShiftFellBack,
    /// Its time is over.
    ShiftExpired,
    /// It was withdrawn, replaced, or ended by a move.
    ShiftAborted,
    /// In mode Approve a failover is asked for.
    ApprovalAsked,
    /// A person approved it.
    Approved,
    /// A new replica takes the place of a former writer.
    StandbyRebuilt,
}

/// The marks of a run: `diagnosis/Healthy`, `refusal/CoolDown`, `blocker/LagHigh`, `outcome/Completed` (of a move or of a
/// request), `level/Adopted`, and `stalled/PoolMissing` where the condition Stalled was True for that reason.
#[must_use]
pub fn of(played: &Played) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for shop in &played.script.shops {
        let mut before: Option<(&Journal, Option<&Report>)> = None;
        let (mut lives, mut begun) = (0, false);
        for entry in played.rig.history().iter().filter(|entry| *entry.shop.name == **shop) {
            if entry.at >= played.begin {
                if let Some((_, Some(report))) = before.filter(|_| !begun) {
                    of_report(report, &mut shown);
                }
                begun = true;
                if let Some(report) = &entry.report {
                    of_report(report, &mut shown);
                }
                if let Some((journal, report)) = before.filter(|_| !entry.restored) {
                    of_entry(journal, &entry.journal, lives, &mut shown);
                    let generation = |report: Option<&Report>| report.map(|report| report.observed_generation);
                    if report.is_some() && generation(report) < generation(entry.report.as_ref()) {
                        mark(LevelEnd::SpecEdited, &mut shown);
                    }
                }
            }
            let adopted = before.is_none_or(|(journal, _)| journal.active_region.is_none());
            lives += usize::from(adopted && entry.journal.active_region.is_some());
            before = Some((&entry.journal, entry.report.as_ref()));
        }
        // Where nothing was written since, what stood there before is shown all night.
        if let Some((_, Some(report))) = before.filter(|_| !begun) {
            of_report(report, &mut shown);
        }
        if played.rig.is_released(&played.rig.key(shop)) {
            mark(LevelEnd::Deleted, &mut shown);
        }
    }
    for (_, _, answered) in played.rig.answers().iter().filter(|(at, ..)| *at >= played.begin) {
        shown.extend(answered.outcome.map(|outcome| format!("outcome/{}", outcome.name())));
        shown.extend(
            answered
                .refusals
                .iter()
                .map(|refusal| format!("refusal/{}", refusal.name)),
        );
    }
    shown
}

fn mark(end: LevelEnd, shown: &mut BTreeSet<String>) {
    let name: &'static str = end.into();
    shown.insert(format!("level/{name}"));
}

fn of_report(report: &Report, shown: &mut BTreeSet<String>) {
    shown.insert(format!("diagnosis/{}", report.diagnosis.name()));
    shown.extend(
        report
            .refusals
            .iter()
            .map(|refusal| format!("refusal/{}", refusal.name)),
    );
    shown.extend(
        report
            .blockers
            .iter()
            .map(|blocker| format!("blocker/{}", blocker.name)),
    );
    let stalled = report.conditions.iter().find(|condition| condition.kind == "Stalled");
    if let Some(stalled) = stalled.filter(|condition| condition.status == ConditionStatus::True) {
        shown.insert(format!("stalled/{}", stalled.reason));
    }
    if report.reason == "UnknownActive" {
        mark(LevelEnd::UnknownActive, shown);
    }
    let contested = |kind: &str| matches!(kind, "TrafficAligned" | "WriterNameAligned");
    let mut conditions = report.conditions.iter();
    if conditions.any(|condition| contested(condition.kind) && condition.reason == "Contested") {
        mark(LevelEnd::Contested, shown);
    }
}

fn of_shift(old: &Journal, new: &Journal, shown: &mut BTreeSet<String>) {
    if let Some(shift) = new.shift.as_ref().filter(|_| old.shift != new.shift) {
        mark(
            match shift.outcome {
                None if shift.because.is_some() => LevelEnd::ShiftFellBack,
                None => LevelEnd::Shifted,
                Some(MoveOutcome::Completed) => LevelEnd::ShiftExpired,
                Some(_) => LevelEnd::ShiftAborted,
            },
            shown,
        );
    }
}

fn of_entry(old: &Journal, new: &Journal, lives: usize, shown: &mut BTreeSet<String>) {
    if old.active_region.is_none() && new.active_region.is_some() {
        mark(
            if lives == 0 {
                LevelEnd::Adopted
            } else {
                LevelEnd::AdoptedAnew
            },
            shown,
        );
    }
    // A move of ours, or an Adopt, would have changed its own record with it.
    let elsewhere =
        old.active_region.is_some() && new.active_region.is_some() && old.active_region != new.active_region;
    if elsewhere && old.current == new.current {
        mark(LevelEnd::MovedByOthers, shown);
    }
    of_shift(old, new, shown);
    let awaits = |journal: &Journal| journal.current.as_ref().is_some_and(Move::awaits_approval);
    if !awaits(old) && awaits(new) {
        mark(LevelEnd::ApprovalAsked, shown);
    }
    if awaits(old) && new.in_flight().is_some_and(|current| !current.awaits_approval()) {
        mark(LevelEnd::Approved, shown);
    }
    let same = old.active_region.is_some() && old.active_region == new.active_region;
    let outcome = |journal: &Journal| journal.current.as_ref().and_then(|current| current.outcome);
    let ended = outcome(new).filter(|_| outcome(old) != outcome(new));
    if let Some(outcome) = ended {
        shown.insert(format!("outcome/{}", outcome.name()));
        let kind = new.current.as_ref().map(|current| current.kind);
        if kind == Some(MoveKind::Adopt) && outcome == MoveOutcome::Completed {
            mark(LevelEnd::AdoptedByRequest, shown);
        }
    }
    if same && ended.is_none() {
        if old.front != new.front && new.front == new.active_region {
            mark(LevelEnd::FrontReturned, shown);
        }
        if old.excluded.is_some() && new.excluded.is_none() {
            mark(LevelEnd::ExclusionEnded, shown);
        }
    }
    let closed = |kind| old.owes(kind).is_some() && new.owes(kind).is_none();
    if same && closed(ObligationKind::FenceFormerWriter) && ended != Some(MoveOutcome::RolledBack) {
        mark(LevelEnd::FenceClosed, shown);
    }
    if same && closed(ObligationKind::Unfence) {
        mark(LevelEnd::Unfenced, shown);
    }
    if same && closed(ObligationKind::RebuildStandby) && old.instances != new.instances {
        mark(LevelEnd::StandbyRebuilt, shown);
    }
}
