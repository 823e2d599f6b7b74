//! What is shown before an approval, a withdrawal and a suspension in the midst of a move.

use super::ahead;
use super::stand::{Stand, is_of, kind_name, name_of, no_way_back};
use super::text::{Tone, age, full, until};
use super::tree::{Node, draw};
use breakwater_api::region_switch::RegionSwitch;
use breakwater_api::storefront::Storefront;
use breakwater_core::journal::Move;
use jiff::Timestamp;

/// The request with its evidence, and what it would do now.
pub(crate) fn approval(shop: &Storefront, switch: &RegionSwitch, now: Timestamp, width: usize) -> String {
    let mut root = Node::new(name_of(switch), "waits for an approval").with(who(switch, now));
    let status = switch.status.as_ref();
    if let Some(evidence) = status.and_then(|status| status.evidence.as_ref()) {
        let down = evidence
            .first_down
            .map(|at| format!(", first Down {}", full(at)))
            .unwrap_or_default();
        root.push(Node::new(
            "evidence",
            format!("{} in {}{down}", evidence.diagnosis.name(), evidence.from),
        ));
    }
    if let Some(loss) = status.and_then(|status| status.loss) {
        root.push(Node::new(
            "loss",
            format!("at most {} s of orders when it was filed", loss.seconds),
        ));
    }
    root.push(Node::line(
        "Approved, it is decided again on fresh evidence. An approval cannot be taken back; an abort can follow.",
    ));
    let mut page = draw(&root, width);
    page.push_str(&ahead::page(shop, &[], &switch.spec.request, now, width));
    page
}

/// How far it is, and whether that can still be undone.
pub(crate) fn withdrawal(shop: &Storefront, switch: &RegionSwitch, now: Timestamp, width: usize) -> String {
    let stand = Stand::of(shop);
    let mut root = Node::new(name_of(switch), "is withdrawn, for good").with(who(switch, now));
    match stand.in_flight().filter(|current| is_of(switch, current)) {
        None => root.push(Node::new(
            "phase",
            "it has not begun: nothing was changed, and nothing will be",
        )),
        Some(current) if no_way_back(current.phase) => root.push(Node::new(
            "phase",
            format!(
                "{}. {} It goes on; an abort counts again only if the promotion turns out not to have been done.",
                current.phase.name(),
                Tone::Bad.of("The promotion may have been sent: there is no way back.")
            ),
        )),
        Some(current) => root.push(Node::new(
            "phase",
            format!(
                "{}, for {}: what was done is undone",
                current.phase.name(),
                age(current.since, now)
            ),
        )),
    }
    if switch.spec.request.requested_by == breakwater_api::REQUESTED_BY_CONTROLLER {
        root.push(Node::new(
            "note",
            "the controller decided this by itself, and may decide the same again 2 min later. To keep it from that, set \
             spec.failover.mode: Approve first (not Observe and not suspend: both stop the calls that undo a move)",
        ));
    }
    draw(&root, width)
}

/// What a suspension leaves behind in the midst of a move.
pub(crate) fn suspension(stand: &Stand<'_>, current: &Move, now: Timestamp, width: usize) -> String {
    let root = Node::new(stand.title(), Tone::Bad.of("is in the midst of a move")).with([
        Node::new(
            "move",
            format!(
                "e{} {} to {}: {} for {}",
                current.number,
                current.from,
                current.to,
                current.phase.name(),
                age(current.since, now)
            ),
        ),
        Node::line(
            "Suspended, nothing goes on and nothing is undone: traffic, name and databases stay as they are just now, \
                    fences too. To have it undone, withdraw it instead.",
        ),
        Node::new("withdraw", stand.command("abort", "")),
    ]);
    draw(&root, width)
}

fn who(switch: &RegionSwitch, now: Timestamp) -> Vec<Node> {
    let asked = &switch.spec.request;
    vec![
        Node::new(
            "request",
            format!("{} by {}: {}", kind_name(asked.kind), asked.requested_by, asked.reason),
        ),
        Node::new("starts", format!("before {}, or never", until(asked.start_before, now))),
    ]
}
