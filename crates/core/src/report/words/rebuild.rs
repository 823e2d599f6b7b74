//! A standby that is owed, in words: how far it is, what comes next, what a person could do.

use super::clock;
use crate::Text;
use crate::decision::{Decision, LevelState, RebuildWait, Rebuilding};
use crate::journal::Obligation;
use crate::plan::Input;
use crate::shop::Shop;
use crate::side::Side;

/// Since when there is none, and how far the new one is.
pub(in crate::report) fn words(input: &Input<'_>, decision: Option<&Decision>, owed: &Obligation) -> String {
    let shop = input.shop;
    let side = shop.side(&owed.region).unwrap_or(Side::Primary);
    let so_far = match decision.and_then(|decision| decision.rebuilding.as_ref()) {
        Some(rebuilding) => progress(input, side, rebuilding),
        None => "A new standby is made by itself: the condition StandbyReady says how far it is.".into(),
    };
    format!(
        "since {} nothing follows the writer. {so_far} Leave the former writer {} stopped until its last orders have been \
         looked through; nobody but a person deletes it.",
        super::since_what(input, owed),
        owed.instance,
    )
}

fn progress(input: &Input<'_>, side: Side, rebuilding: &Rebuilding) -> String {
    let shop = input.shop;
    let region = &shop.regions[side].name;
    let rebuild = input.journal.rebuild.as_ref();
    let new = rebuild.map_or("a new replica", |own| &own.instance);
    let since = rebuild
        .map(|own| format!(" since {}", clock(own.since)))
        .unwrap_or_default();
    match rebuilding {
        Rebuilding::Waits(wait) => waits(shop, side, *wait),
        Rebuilding::Group => format!(
            "{new} in {region} gets a parameter group of its own, {}; RDS wants it five minutes old before it is used.",
            rebuild.map_or("?", |own| &own.group)
        ),
        Rebuilding::Asked if rebuild.is_none() => format!("A new standby is about to be made in {region}."),
        Rebuilding::Asked => format!("RDS is asked for a new standby in {region}: {new}."),
        Rebuilding::Making { status } => format!(
            "RDS makes {new} in {region}{since} ({status}); a large database takes hours. Nothing to do: it takes the place of the \
             former writer by itself."
        ),
        Rebuilding::CatchingUp => {
            format!(
                "{new} is there in {region}; once it is seen to have caught up it takes the place of the former writer."
            )
        }
        Rebuilding::Failed { status } => format!(
            "RDS could not make {new} in {region} ({status}). Look at its events in the RDS console and delete it: then it is made \
             again."
        ),
        Rebuilding::NotTaken { code, text } => format!(
            "RDS does not make {new} in {region}: {code}: {text}. It is asked again every few minutes. Correct that; or do \
             it yourself. {}",
            by_hand(shop, side)
        ),
    }
}

fn waits(shop: &Shop, side: Side, wait: RebuildWait) -> String {
    let (here, writer) = (&shop.regions[side], &shop.regions[side.other()]);
    let next = format!("A new standby is made in {}", here.name);
    match wait {
        RebuildWait::Suspended => format!("{next} once spec.suspend is gone."),
        RebuildWait::ObserveMode => format!("Mode Observe makes no instance. {}", by_hand(shop, side)),
        RebuildWait::Move => format!("{next} once the move in flight has ended."),
        RebuildWait::Fence => format!("{next} once {} is fenced.", here.instance),
        RebuildWait::Region => format!("{next} as soon as RDS there answers."),
        RebuildWait::Observed => format!(
            "{} follows again; it counts once that has been seen for two minutes.",
            here.instance
        ),
        RebuildWait::FormerGone => format!(
            "{} is gone, so that nobody can say what a new one has to be like. {}",
            here.instance,
            by_hand(shop, side)
        ),
        RebuildWait::Writer => format!("{next} once {} in {} is available.", writer.instance, writer.name),
        RebuildWait::BackupsOff => format!(
            "{} in {} keeps no backups, and RDS makes no replica without them. Set its backup retention to a day or more, at an \
             hour at which it may restart; then a new standby is made by itself.",
            writer.instance, writer.name
        ),
    }
}

/// How a person gives the shop a standby again.
fn by_hand(shop: &Shop, side: Side) -> String {
    let field = match side {
        Side::Primary => "primary",
        Side::Secondary => "secondary",
    };
    let writer = &shop.regions[side.other()];
    format!(
        "Make a cross-region read replica of {} ({}) in {} under a new name, with a parameter group that does not pin read_only, \
         and write that name into spec.regions.{field}.dbInstance.",
        writer.instance, writer.name, shop.regions[side].name,
    )
}

/// What a person could do about a former writer that is not fenced yet. RDS stops no instance that has a read replica, such
/// as a standby that was in the making when a person named another writer.
pub(in crate::report) fn stop_it(input: &Input<'_>, owed: &Obligation) -> String {
    let shop = input.shop;
    let former = shop.side(&owed.region).and_then(|side| input.actual.instance(side));
    let id = |arn: &str| arn.rsplit(':').next().unwrap_or(arn).to_owned();
    let replicas = former.into_iter().flat_map(|view| &view.replicas).map(|arn| id(arn));
    let others: Vec<String> = replicas
        .filter(|id| Side::BOTH.into_iter().all(|side| *shop.regions[side].instance != **id))
        .collect();
    if others.is_empty() {
        return "Nothing to do, or stop it by hand.".into();
    }
    format!(
        "RDS may not stop it while it has read replicas: delete {}, if nobody needs what follows a former writer.",
        others.join(", ")
    )
}

/// A former writer whose place was taken runs again.
pub(in crate::report) fn retired_runs(input: &Input<'_>, decision: &Decision) -> Option<Text> {
    // The level tells that one does; which one it is stands in the readings alone.
    let runs = decision.levels.fence == LevelState::Differs && input.journal.obligations.is_empty();
    let retired = input.journal.retired.first().filter(|_| runs)?;
    Some(
        format!(
            "a former writer in {} runs again, as RDS has it after seven days: it is stopped again. If nobody needs its last orders \
             any more, delete it (aws rds delete-db-instance --region {} --db-instance-identifier {})",
            retired.region, retired.region, retired.instance
        )
        .into(),
    )
}

/// The writer could go home: that is a person's to decide.
pub(in crate::report) fn failback(input: &Input<'_>, decision: &Decision) -> Option<Text> {
    let active = decision.facts.as_ref()?.active;
    if active == Side::Primary || input.journal.active_region.is_none() || input.journal.in_flight().is_some() {
        return None;
    }
    let (shop, home) = (input.shop, &input.shop.regions.primary.name);
    Some(
        format!(
            "a move could go well now. {home} is preferred, and its standby is ready: to bring the writer home, kubectl storefront \
             failback {} -n {} (it is never done by itself)",
            shop.key.name, shop.key.namespace
        )
        .into(),
    )
}
