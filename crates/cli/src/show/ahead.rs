//! What a request would do, shown before anybody is asked to go on: from status alone.

use super::stand::{Binds, Stand, binds, is_open, kind_name, name_of};
use super::text::{Tone, until};
use super::tree::{Node, draw};
use breakwater_api::region_switch::{RegionSwitch, Request};
use breakwater_api::storefront::Storefront;
use breakwater_core::journal::MoveKind;
use breakwater_core::refusal::Blocker;
use jiff::Timestamp;

/// The page before the question.
pub(crate) fn page(shop: &Storefront, open: &[RegionSwitch], asked: &Request, now: Timestamp, width: usize) -> String {
    let stand = Stand::of(shop);
    let active = stand.status.active_region.as_deref().unwrap_or("unknown");
    let to = asked.to.as_deref().unwrap_or("the standby");
    let mut root = Node::new(
        format!("{} of {}", kind_name(asked.kind), stand.title()),
        title(asked.kind, active, to),
    );
    root.push(now_node(&stand));
    root = root.with(will(&stand, asked, (active, to), now));
    root = root.with(takes(&stand, asked));
    root = root.with(against(&stand, asked));
    root = root.with(blockers(&stand, asked.kind));
    root = root.with(others(open));
    if !asked.overrides.is_empty() {
        let names: Vec<String> = asked.overrides.iter().map(|name| format!("{name:?}")).collect();
        root.push(Node::new("overrides", Tone::Warn.of(&names.join(", "))));
    }
    root.push(Node::new(
        "starts",
        format!("before {}, or never", until(asked.start_before, now)),
    ));
    draw(&root, width)
}

fn title(kind: MoveKind, active: &str, to: &str) -> String {
    match kind {
        MoveKind::Failover | MoveKind::Switchover => format!("{active} to {to}"),
        MoveKind::TrafficShift => format!("shoppers to {to} first; the writer stays in {active}"),
        MoveKind::Drill => format!("{active} to {to}, without a change"),
        MoveKind::Adopt => format!("the writer is in {to}"),
    }
}

fn now_node(stand: &Stand<'_>) -> Node {
    let active = stand.status.active_region.as_deref().unwrap_or("not known");
    let diagnosis = stand.status.diagnosis.as_deref().unwrap_or("Unknown");
    let epoch = stand
        .status
        .epoch
        .map(|epoch| format!(" (epoch {epoch})"))
        .unwrap_or_default();
    let message = stand.status.message.as_deref().unwrap_or_default();
    Node::new("now", format!("active {active}{epoch}, {diagnosis}. {message}"))
}

/// What each type does, in the order in which it happens.
fn will(stand: &Stand<'_>, asked: &Request, (active, to): (&str, &str), now: Timestamp) -> Vec<Node> {
    let lines: Vec<String> = match asked.kind {
        MoveKind::Failover => vec![
            format!("{active} is made read-only if it answers, and leaves every load balancer"),
            format!("the database in {to} is promoted: no way back from there"),
            format!("the writer's name follows; {active} is fenced, and gets no users until that was observed"),
            "afterwards a standby is owed".into(),
        ],
        MoveKind::Switchover => vec![
            format!("{active} takes no writes any more, and {to} catches up to the last one"),
            format!("{active} leaves every load balancer, the database in {to} is promoted: no way back from there"),
            "the shop takes no orders until the new writer does: minutes".into(),
            "anything that fails before the promotion is undone by itself".into(),
        ],
        MoveKind::TrafficShift => {
            let end = asked.expires_at.map(|at| until(at, now)).unwrap_or_default();
            vec![format!(
                "{to} comes first in every load balancer until {end}; the database does not move"
            )]
        }
        MoveKind::Drill => vec!["everything is done but the calls that change anything; nothing moves".into()],
        MoveKind::Adopt => vec![
            format!("{to} counts as the active region from now on; nothing is promoted"),
            "name and traffic follow; the other region is excluded and fenced unless it is the replica".into(),
            "a move in flight ends".into(),
        ],
    };
    let mut nodes = vec![Node::new("will", "").with(lines.into_iter().map(Node::line))];
    if let MoveKind::TrafficShift = asked.kind
        && stand.status.front.as_deref() == Some(to)
    {
        nodes.push(Node::new("note", format!("{to} is first already")));
    }
    nodes
}

/// Loss and duration, as forecast.
fn takes(stand: &Stand<'_>, asked: &Request) -> Vec<Node> {
    let mut nodes = Vec::new();
    let forecast = stand.condition("ObjectivesMet");
    match asked.kind {
        MoveKind::Failover => {
            let accepted = asked.allow_data_loss_seconds;
            let budget = stand.shop.spec.failover.max_loss_seconds;
            nodes.push(Node::new(
                "loss",
                match accepted {
                    Some(seconds) => Tone::Bad.of(&format!("you accept that up to {seconds} s of orders are lost")),
                    None => format!("refused if the estimate is above maxLossSeconds ({budget} s)"),
                },
            ));
        }
        MoveKind::Switchover => {
            let bound = asked.max_write_stop_seconds;
            nodes.push(Node::new(
                "loss",
                if has_proofs(stand) {
                    "none: both databases are compared before the promotion".to_owned()
                } else {
                    Tone::Warn.of("none that can be seen: without proof URLs only the lag tells")
                },
            ));
            nodes.extend(bound.map(|bound| Node::new("no writes", format!("at most {bound} s before the promotion"))));
        }
        MoveKind::TrafficShift | MoveKind::Drill | MoveKind::Adopt => return nodes,
    }
    nodes.extend(forecast.map(|condition| Node::new("forecast", condition.message.clone())));
    nodes
}

fn has_proofs(stand: &Stand<'_>) -> bool {
    stand.regions().iter().all(|region| region.proof_url.is_some())
}

/// The refusals of status that would stand against this request.
fn against(stand: &Stand<'_>, asked: &Request) -> Vec<Node> {
    if asked.kind == MoveKind::Adopt {
        // Refused by nothing but a stale epoch, and where its region is seen to be a replica.
        return Vec::new();
    }
    let overridden: Vec<String> = asked.overrides.iter().map(|name| format!("{name:?}")).collect();
    let nodes: Vec<Node> = stand
        .status
        .refusals
        .iter()
        .filter_map(|refusal| {
            if !concerns(asked.kind, &refusal.name) {
                return None;
            }
            if overridden.contains(&refusal.name) {
                return None;
            }
            let accepted = refusal.name == "LossOverBudget" && asked.allow_data_loss_seconds.is_some();
            let how = match binds(&refusal.name) {
                Binds::Nobody => return None,
                Binds::UntilItEnds => "it waits for the end of this",
                Binds::UnlessOverridden if accepted => "compared with what you accept",
                Binds::UnlessOverridden => "it will be refused, unless you override this",
                Binds::Everybody => "it will be refused: nobody can override this",
            };
            Some(Node::new(
                refusal.name.clone(),
                format!("{}. {}", Tone::Bad.of(how), refusal.message),
            ))
        })
        .collect();
    if nodes.is_empty() {
        return vec![Node::new(
            "against it",
            format!("{} in status now", Tone::Good.of("nothing")),
        )];
    }
    vec![Node::new("against it", "in status now").with(nodes)]
}

/// A planned move loses nothing, so that no loss stands against it; an order of pools moves no writer.
fn concerns(kind: MoveKind, refusal: &str) -> bool {
    match kind {
        MoveKind::Failover => true,
        MoveKind::Switchover | MoveKind::Drill => !["LossUnknown", "LossOverBudget"].contains(&refusal),
        MoveKind::TrafficShift => {
            ["Suspended", "Frozen", "OwnedElsewhere", "UnknownActive", "MoveInFlight"].contains(&refusal)
        }
        MoveKind::Adopt => false,
    }
}

/// What prevents binds a Switchover and a Drill, and is worth knowing before a Failover.
fn blockers(stand: &Stand<'_>, kind: MoveKind) -> Option<Node> {
    let gates = match kind {
        MoveKind::Switchover | MoveKind::Drill => "each of these refuses it",
        MoveKind::Failover => "none of these refuses it; it may go badly",
        MoveKind::TrafficShift | MoveKind::Adopt => return None,
    };
    let nodes: Vec<Node> = stand
        .status
        .blockers
        .iter()
        .filter(|blocker| blocker.prevents || gates_planned(kind, &blocker.name))
        .map(|blocker| Node::new(blocker.name.clone(), blocker.message.clone()))
        .collect();
    (!nodes.is_empty()).then(|| Node::new("blockers", Tone::Bad.of(gates)).with(nodes))
}

/// Requests that are open beside this one: each is decided by itself.
fn others(open: &[RegionSwitch]) -> Option<Node> {
    let nodes = open
        .iter()
        .filter(|switch| is_open(switch) && !switch.spec.abort)
        .map(|switch| {
            let asked = &switch.spec.request;
            Node::new(
                name_of(switch),
                format!("{} by {}", kind_name(asked.kind), asked.requested_by),
            )
        });
    let nodes: Vec<Node> = nodes.collect();
    (!nodes.is_empty()).then(|| Node::new("beside it", Tone::Warn.of("open already")).with(nodes))
}

/// Risks that prevent a planned move: it cannot stop the writes.
fn gates_planned(kind: MoveKind, name: &str) -> bool {
    let planned = matches!(kind, MoveKind::Switchover | MoveKind::Drill);
    let risks = [Blocker::DefaultParameterGroup, Blocker::ParameterGroupShared];
    planned
        && risks
            .iter()
            .any(|risk| risk.name() == name && risk.prevents_switchover())
}
