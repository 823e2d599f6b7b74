//! `explain`: why a shop moves or does not. Evidence first, then what stands against a move, then what would change it.

use super::stand::{Binds, Stand, binds};
use super::text::{Tone, age, clock, seconds, until};
use super::tree::{Node, draw};
use breakwater_api::region_switch::RegionSwitch;
use breakwater_api::status::{BlockerStatus, FactStatus, ReasonStatus};
use breakwater_api::storefront::Storefront;
use jiff::Timestamp;
use serde::Serialize;

/// The same as data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    namespace: String,
    name: String,
    active_region: Option<String>,
    epoch: Option<i64>,
    mode: Option<String>,
    diagnosis: Option<String>,
    reason: Option<String>,
    message: Option<String>,
    trouble_since: Option<Timestamp>,
    votes: Vec<FactStatus>,
    refusals: Vec<Refused>,
    blockers: Vec<BlockerStatus>,
    missing: Vec<String>,
    open_requests: Vec<String>,
}

/// A refusal, and how it stands to people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    #[serde(flatten)]
    said: ReasonStatus,
    binds_people: bool,
    overridable: bool,
    ends_by_itself: bool,
}

/// What `-o` prints.
pub(crate) fn data(shop: &Storefront, requests: &[RegionSwitch]) -> Explanation {
    let stand = Stand::of(shop);
    let status = stand.status.as_ref().clone();
    let refused = |said: ReasonStatus| {
        let binds = binds(&said.name);
        Refused {
            binds_people: binds != Binds::Nobody,
            overridable: matches!(binds, Binds::UnlessOverridden | Binds::UntilItEnds),
            ends_by_itself: binds == Binds::UntilItEnds,
            said,
        }
    };
    let open = requests.iter().filter(|switch| super::stand::is_open(switch));
    Explanation {
        namespace: stand.namespace().to_owned(),
        name: stand.name().to_owned(),
        active_region: status.active_region,
        epoch: status.epoch,
        mode: status.mode,
        diagnosis: status.diagnosis,
        reason: status.reason,
        message: status.message,
        trouble_since: status.trouble_since,
        votes: status.facts,
        refusals: status.refusals.into_iter().map(refused).collect(),
        blockers: status.blockers,
        missing: status.missing,
        open_requests: open.map(|switch| super::stand::name_of(switch).to_owned()).collect(),
    }
}

/// The page.
pub(crate) fn page(shop: &Storefront, requests: &[RegionSwitch], now: Timestamp, width: usize) -> String {
    let stand = Stand::of(shop);
    let mut root = Node::new(stand.title(), headline(&stand));
    if !stand.was_seen() {
        root.push(Node::line(
            "No controller has looked at this object: there is nothing to explain yet.",
        ));
        return draw(&root, width);
    }
    root.push(diagnosis(&stand, now));
    root.push(votes(&stand, now));
    root.push(windows(&stand, now));
    root.push(missing(&stand));
    root.push(refusals(&stand));
    root = root.with(blockers(&stand));
    root = root.with(waiting(&stand, requests));
    root.push(by_hand(&stand));
    draw(&root, width)
}

fn headline(stand: &Stand<'_>) -> String {
    if let Some(current) = stand.in_flight() {
        return format!("moves from {} to {}", current.from, current.to);
    }
    match stand.status.active_region.as_deref() {
        Some(active) => format!("stays in {active}"),
        None => "has no known active region".into(),
    }
}

/// Each view's votes put together: the controller's own words for it.
fn diagnosis(stand: &Stand<'_>, now: Timestamp) -> Node {
    let name = stand.status.diagnosis.as_deref().unwrap_or("Unknown");
    let condition = stand.condition("ActiveRegionHealthy");
    let tone = match condition.map(|condition| condition.status.as_str()) {
        Some("True") => Tone::Good,
        Some("False") => Tone::Bad,
        Some(_) | None => Tone::Warn,
    };
    let words = condition
        .map(|condition| condition.message.as_str())
        .unwrap_or_default();
    let mut node = Node::new("diagnosis", format!("{}. {words}", tone.of(name)));
    if let Some(at) = stand.status.trouble_since {
        node.push(Node::line(format!(
            "the trouble began at {} ({} ago)",
            clock(at, now),
            age(at, now)
        )));
    }
    let message = stand.status.message.as_deref().unwrap_or_default();
    if !message.is_empty() && message != words {
        node.push(Node::line(message.to_owned()));
    }
    node
}

fn votes(stand: &Stand<'_>, now: Timestamp) -> Node {
    Node::new("votes", "what each source says, and since when").with(stand.status.facts.iter().map(|fact| {
        let since = fact.since.map_or_else(
            || Tone::Dim.of("not since a known time"),
            |at| format!("since {} ({})", clock(at, now), age(at, now)),
        );
        Node::new(
            fact.name.clone(),
            format!("{} {since}", Tone::of_vote(&fact.vote).of(&pad(&fact.vote))),
        )
    }))
}

fn pad(vote: &str) -> String {
    format!("{vote:<11}")
}

/// How long a Down must last, as spec has it, and what is in the way of time alone.
fn windows(stand: &Stand<'_>, now: Timestamp) -> Node {
    let failover = &stand.shop.spec.failover;
    let of = |length: i32| seconds(i64::from(length));
    let mut node = Node::new("windows", "how long a Down must be held, without one Up between");
    node.push(Node::new(
        of(failover.shift_after_seconds),
        "services out: the other region comes first in traffic",
    ));
    node.push(Node::new(
        of(failover.promote_after_seconds),
        "RegionDown: the other region is promoted",
    ));
    node.push(Node::new(
        of(failover.database_grace_seconds),
        "DatabaseDown: the same; a recovery in the region comes first",
    ));
    let cool_down = stand
        .journal()
        .and_then(|journal| journal.cool_down_until)
        .filter(|at| *at > now);
    if let Some(at) = cool_down {
        node.push(Node::new(
            "cool-down",
            format!("no automatic move before {}", until(at, now)),
        ));
    }
    node
}

fn missing(stand: &Stand<'_>) -> Node {
    if stand.in_flight().is_some() {
        return Node::new("missing", "nothing: a move is in flight");
    }
    let lacks = &stand.status.missing;
    if lacks.is_empty() {
        return Node::new("missing", Tone::Dim.of("not known"));
    }
    Node::new(
        "missing",
        "what would have to change for a failover by itself; with all of it, it moves",
    )
    .with(lacks.iter().map(|lack| Node::line(lack.clone())))
}

fn refusals(stand: &Stand<'_>) -> Node {
    if stand.status.refusals.is_empty() {
        return Node::new(
            "refusals",
            format!("{} against a move", Tone::Good.of("nothing stands")),
        );
    }
    Node::new("refusals", "what stands against a move").with(stand.status.refusals.iter().map(|refusal| {
        Node::new(refusal.name.clone(), refusal.message.clone())
            .with([Node::line(Tone::Dim.of(bound(binds(&refusal.name))))])
    }))
}

fn bound(binds: Binds) -> &'static str {
    match binds {
        Binds::Nobody => "binds automatic moves alone",
        Binds::UntilItEnds => "ends by itself: a request waits for that; may be overridden",
        Binds::UnlessOverridden => "binds people too, unless they override it by name",
        Binds::Everybody => "binds everybody; nobody can override it",
    }
}

fn blockers(stand: &Stand<'_>) -> Option<Node> {
    if stand.status.blockers.is_empty() {
        return None;
    }
    let items = stand.status.blockers.iter().map(|blocker| {
        let word = if blocker.prevents {
            Tone::Bad.of("prevents")
        } else {
            Tone::Warn.of("risk")
        };
        Node::new(blocker.name.clone(), format!("{word}: {}", blocker.message))
    });
    Some(Node::new("blockers", "why a move would not go well").with(items))
}

fn waiting(stand: &Stand<'_>, requests: &[RegionSwitch]) -> Option<Node> {
    let begun = |switch: &RegionSwitch| {
        stand
            .in_flight()
            .is_some_and(|current| super::stand::is_of(switch, current))
    };
    let open: Vec<Node> = requests
        .iter()
        .filter(|switch| super::stand::is_open(switch) && !begun(switch) && !super::stand::holds(switch))
        .map(|switch| {
            let said = switch.status.as_ref().and_then(|status| status.message.clone());
            Node::new(
                super::stand::name_of(switch),
                said.unwrap_or_else(|| "not looked at yet".into()),
            )
        })
        .collect();
    (!open.is_empty()).then(|| Node::new("requests", "wait").with(open))
}

/// What a person's failover would meet, and the command.
fn by_hand(stand: &Stand<'_>) -> Node {
    let mut node = Node::new("by hand", "what a person's failover would meet now");
    let mut flags = String::new();
    let mut blocked = false;
    for refusal in &stand.status.refusals {
        match binds(&refusal.name) {
            Binds::Nobody => {}
            Binds::UntilItEnds => node.push(Node::new(refusal.name.clone(), "it would wait for its end")),
            Binds::UnlessOverridden => {
                node.push(Node::new(
                    refusal.name.clone(),
                    "it would be refused, unless overridden",
                ));
                flags.push_str(&format!("--override {} ", refusal.name));
            }
            Binds::Everybody => {
                blocked = true;
                node.push(Node::new(refusal.name.clone(), "it would be refused: end that first"));
            }
        }
    }
    if stand.status.active_region.is_none() {
        node.push(Node::line(stand.command("adopt", "--writer REGION --reason '...'")));
    } else if !blocked {
        node.push(Node::line(stand.command("failover", &format!("{flags}--reason '...'"))));
    }
    node
}
