//! The transcript of a night: for an operator at 2 AM.

use super::play::Played;
use super::{clock, lines, measure, shown};
use breakwater_core::report::Report;
use breakwater_core::shop::Mode;
use std::fmt::Write as _;

/// The whole transcript.
#[must_use]
pub fn of(played: &Played) -> String {
    let mut text = String::new();
    head(played, &mut text);
    let several = played.script.shops.len() > 1;
    for line in lines::of(played) {
        let at = clock::shown(line.at - played.begin);
        let shop = line
            .shop
            .filter(|_| several)
            .map(|shop| format!("{shop}: "))
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{at}  {:<8} {shop}{}", line.kind, line.text);
    }
    text.push('\n');
    tail(played, &mut text);
    text
}

fn head(played: &Played, text: &mut String) {
    let script = &played.script;
    let _ = writeln!(text, "{}\n", script.title);
    let _ = writeln!(text, "{}", script.story.trim());
    if let Some(source) = &script.source {
        let _ = writeln!(text, "From the field: {source}");
    }
    text.push('\n');
    for name in &script.shops {
        let setup = played.rig.world.setup().shops.iter().find(|shop| shop.name == *name);
        let Some(setup) = setup else { continue };
        let proofs = if setup.primary.proof_url.is_some() {
            "proof URLs"
        } else {
            "no proof URLs"
        };
        let _ = writeln!(
            text,
            "{name}: prefers {}, standby {}, {proofs}, steering {}, {} load balancer(s), monitors every {} s",
            setup.primary.region,
            setup.secondary.region,
            setup.steering,
            setup.balancers.len(),
            setup.monitor_interval_seconds
        );
        if let Some(report) = at_begin(played, name) {
            let _ = writeln!(text, "    {}", state(report));
        }
    }
    text.push('\n');
}

/// What the status said when the night began.
fn at_begin<'a>(played: &'a Played, shop: &str) -> Option<&'a Report> {
    let own = played.rig.history().iter().rev();
    let before = own.filter(|entry| *entry.shop.name == *shop && entry.at < played.begin);
    before.filter_map(|entry| entry.report.as_ref()).next()
}

fn state(report: &Report) -> String {
    let mode = match report.mode {
        Mode::Observe => "Observe",
        Mode::Approve => "Approve",
        Mode::Automatic => "Automatic",
    };
    let names = |reasons: &[breakwater_core::report::NamedReason]| {
        if reasons.is_empty() {
            "none".to_owned()
        } else {
            reasons.iter().map(|reason| reason.name).collect::<Vec<_>>().join(", ")
        }
    };
    let condition = |kind: &str| {
        let found = report.conditions.iter().find(|condition| condition.kind == kind);
        found.map_or("-", |condition| condition.status.name())
    };
    format!(
        "{}, mode {mode}: active {} (e{}), front {}; Ready {}, StandbyReady {}, Protected {}; refusals {}; blockers {}",
        report.diagnosis.name(),
        report.active_region.as_deref().unwrap_or("unknown"),
        report.epoch,
        report.front.as_deref().unwrap_or("-"),
        condition("Ready"),
        condition("StandbyReady"),
        condition("Protected"),
        names(&report.refusals),
        names(&report.blockers),
    )
}

fn tail(played: &Played, text: &mut String) {
    let at = clock::shown(played.rig.millis() - played.begin);
    for shop in &played.script.shops {
        let key = played.rig.key(shop);
        let state = match played.rig.status(&key) {
            _ if played.rig.is_released(&key) => "the object is gone".to_owned(),
            Some(status) => state(&status.report),
            None => "no status".to_owned(),
        };
        let _ = writeln!(text, "{at}  end      {shop}: {state}");
    }
    if let Some(why) = &played.script.why {
        let _ = writeln!(text, "Why: {}", why.trim());
    }
    for line in measure::moves(played) {
        let _ = writeln!(text, "Move: {line}");
    }
    let shown: Vec<String> = shown::of(played).into_iter().collect();
    let _ = writeln!(text, "Shown: {}", shown.join(" "));
    for shop in &played.script.shops {
        let _ = writeln!(text, "Verdict: {}", measure::of(played, shop).verdict());
    }
}
