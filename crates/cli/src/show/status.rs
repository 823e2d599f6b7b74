//! `status`: where a shop stands, as a tree; and many shops, a line each.

use super::stand::{Stand, holds, is_of, is_open, kind_name, name_of};
use super::text::{Tone, age, clock, seconds, until};
use super::tree::{Node, draw};
use breakwater_api::region_switch::RegionSwitch;
use breakwater_api::storefront::{Region, Storefront};
use breakwater_core::journal::{Journal, Move, ObligationKind, PhaseTime, WriteStop};
use comfy_table::{Table, presets};
use jiff::Timestamp;

/// The tree of one shop, with the requests that are open.
pub(crate) fn tree(shop: &Storefront, requests: &[RegionSwitch], now: Timestamp, width: usize) -> String {
    let stand = Stand::of(shop);
    let mut root = Node::new(stand.title(), shop.spec.hostname.clone());
    root.push(state(&stand));
    if !stand.was_seen() {
        return draw(&root.with(spec_only(&stand)), width);
    }
    root.push(mode(&stand, now));
    if shop.metadata.deletion_timestamp.is_some() {
        root.push(Node::new(
            "deletion",
            Tone::Warn.of("under way: our TXT record and tags go, name and pools stay"),
        ));
    }
    if !stand.spec_was_seen() {
        root.push(Node::new(
            "spec",
            Tone::Warn.of("the last edit has not been looked at yet"),
        ));
    }
    root.push(regions(&stand, now));
    root.push(database(&stand, now));
    root.push(traffic(&stand, now));
    root.push(movement(&stand, now));
    root = root.with(open_requests(&stand, requests, now));
    root.push(owed(stand.journal(), now));
    root = root.with(blockers(&stand));
    root.push(forecast(&stand));
    root.push(missing(&stand));
    draw(&root, width)
}

/// One line for each shop; one that does not read has a line too, with its `namespace/name`.
pub(crate) fn table(shops: &[Result<Storefront, String>], with_namespace: bool) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let columns = ["NAME", "ACTIVE", "MODE", "DIAGNOSIS", "STANDBY", "PROTECTED", "MOVE"];
    table.set_header(with_namespace.then_some("NAMESPACE").into_iter().chain(columns));
    for shop in shops {
        let row = match shop {
            Ok(shop) => line(shop),
            Err(title) => {
                let (namespace, name) = title.split_once('/').unwrap_or(("", title));
                let mut row = vec![namespace.to_owned(), name.to_owned(), "does not read".into()];
                row.resize(8, String::new());
                row
            }
        };
        table.add_row(row.into_iter().skip(usize::from(!with_namespace)));
    }
    unpadded(&table)
}

/// As kubectl prints tables: no frame, and no blanks before the first column or behind the last.
pub(crate) fn unpadded(table: &Table) -> String {
    let lines = table.lines().map(|line| line.trim().to_owned() + "\n");
    lines.collect()
}

fn line(shop: &Storefront) -> Vec<String> {
    let stand = Stand::of(shop);
    let status = &stand.status;
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let protected = stand
        .condition("Protected")
        .map(|protected| match protected.status.as_str() {
            "True" => "yes".to_owned(),
            _ => protected.reason.clone(),
        });
    vec![
        stand.namespace().to_owned(),
        stand.name().to_owned(),
        told(&status.active_region),
        told(&status.mode),
        if stand.was_seen() {
            told(&status.diagnosis)
        } else {
            "not looked at".into()
        },
        told(&status.standby),
        told(&protected),
        told(&status.in_flight),
    ]
}

/// What is so, in the controller's words; red when a person must act.
fn state(stand: &Stand<'_>) -> Node {
    if !stand.was_seen() {
        return Node::new(
            "state",
            format!(
                "{} No controller has looked at this object. Is one running, and does the class {} exist?",
                Tone::Warn.of("Unknown."),
                stand.shop.spec.class_name
            ),
        );
    }
    let tone = if stand.is_true("Stalled") {
        Tone::Bad
    } else if stand.is_true("Reconciling") || !stand.is_true("ActiveRegionHealthy") {
        Tone::Warn
    } else {
        Tone::Good
    };
    let reason = stand.status.reason.as_deref().unwrap_or("Unknown");
    let message = stand.status.message.as_deref().unwrap_or_default();
    let act = if stand.is_true("Stalled") {
        " A person must act."
    } else {
        ""
    };
    let mut node = Node::new("state", format!("{}. {message}{act}", tone.of(reason)));
    if let Some(stalled) = stand.condition("Stalled").filter(|stalled| stalled.status == "True")
        && stalled.message != message
    {
        node.push(Node::new(stalled.reason.clone(), stalled.message.clone()));
    }
    if let Some(found) = stand.other_journal() {
        let known = breakwater_core::journal::JOURNAL_VERSION;
        node.push(Node::line(Tone::Warn.of(&format!(
            "its journal has version {found}, this plugin knows {known}: what is shown may lack something"
        ))));
    }
    node
}

/// Without status there is the spec.
fn spec_only(stand: &Stand<'_>) -> Vec<Node> {
    let regions = stand.regions().map(|region| region.name.clone()).join(", ");
    vec![
        Node::new("mode", format!("{:?}", stand.shop.spec.failover.mode)),
        Node::new(
            "regions",
            format!("{regions} (the first is preferred; which one is active is not known)"),
        ),
    ]
}

fn mode(stand: &Stand<'_>, now: Timestamp) -> Node {
    let mode = stand.status.mode.as_deref().unwrap_or("Unknown");
    let protected = match stand.condition("Protected") {
        Some(condition) if condition.status == "True" => {
            format!("{}: a dead region would be left by itself", Tone::Good.of("protected"))
        }
        Some(condition) => format!(
            "{}: {}",
            Tone::Warn.of("not protected"),
            sentence(&condition.reason, &condition.message)
        ),
        None => Tone::Dim.of("not known whether protected"),
    };
    let mut node = Node::new("mode", format!("{mode}, {protected}"));
    if stand.shop.spec.suspend {
        let resume = stand.command("resume", "");
        node.push(Node::new(
            "suspended",
            format!("{} Go on: {resume}", Tone::Warn.of("no call is made.")),
        ));
    }
    let cool_down = stand.journal().and_then(|journal| journal.cool_down_until);
    if let Some(at) = cool_down.filter(|at| *at > now) {
        node.push(Node::new(
            "cool-down",
            format!("no automatic move before {}", until(at, now)),
        ));
    }
    for freeze in &stand.shop.spec.failover.freezes {
        if (freeze.from..freeze.until).contains(&now) {
            node.push(Node::new(
                "freeze",
                format!("{} until {}", freeze.name, until(freeze.until, now)),
            ));
        }
    }
    node
}

/// `Reason: message`, where the message does not begin with it anyway.
fn sentence(reason: &str, message: &str) -> String {
    if message.is_empty() || message.starts_with(reason) {
        message.to_owned()
    } else {
        format!("{reason}: {message}")
    }
}

fn regions(stand: &Stand<'_>, now: Timestamp) -> Node {
    let active = stand.status.active_region.as_deref();
    let text = match active {
        Some(active) => format!("{} is active", Tone::Strong.of(active)),
        None => Tone::Bad.of("nobody can tell which one is active"),
    };
    // The active one first: that is what is asked at night.
    let mut both = stand.regions();
    if active == Some(both[1].name.as_str()) {
        both.reverse();
    }
    Node::new("regions", text).with(both.map(|each| region(stand, each, now)))
}

fn region(stand: &Stand<'_>, region: &Region, now: Timestamp) -> Node {
    let name = region.name.as_str();
    let journal = stand.journal();
    let is = |told: Option<&str>| told == Some(name);
    let standby = stand.status.standby.as_deref().unwrap_or("Unknown");
    let mut roles = Vec::new();
    if is(stand.status.active_region.as_deref()) {
        roles.push(Tone::Strong.of("active"));
    }
    if is(stand.status.standby_region.as_deref()) {
        let tone = match standby {
            "Ready" => Tone::Good,
            "NotReady" => Tone::Bad,
            _ => Tone::Dim,
        };
        roles.push(format!("standby: {}", tone.of(standby)));
    }
    if stand.shop.spec.regions.primary.name == name {
        roles.push("preferred".into());
    }
    if is(stand.status.front.as_deref()) {
        roles.push("first in traffic".into());
    }
    if is(journal.and_then(|journal| journal.excluded.as_deref())) {
        roles.push(Tone::Warn.of("in no load balancer"));
    }
    let mut node = Node::new(name, roles.join(", "));
    for (source, whose) in [
        ("probe", "as we see it"),
        ("edge", "as users see it"),
        ("instance", region.db_instance.as_str()),
    ] {
        node = node.with(vote(stand, source, &format!("{source}({name})"), whose, now));
    }
    node.push(Node::new("services", services(region)));
    node
}

fn services(region: &Region) -> String {
    let named = region
        .services
        .iter()
        .map(|service| match (service.critical, service.needs_writer) {
            (true, _) => format!("{} (critical)", service.name),
            (false, _) => service.name.clone(),
        });
    named.collect::<Vec<_>>().join(", ")
}

/// A vote with its age.
fn vote(stand: &Stand<'_>, label: &str, name: &str, note: &str, now: Timestamp) -> Option<Node> {
    let fact = stand.fact(name)?;
    let since = fact
        .since
        .map(|at| format!(" for {}", age(at, now)))
        .unwrap_or_default();
    let note = if note.is_empty() {
        String::new()
    } else {
        format!("  {}", Tone::Dim.of(note))
    };
    Some(Node::new(
        label,
        format!("{}{since}{note}", Tone::of_vote(&fact.vote).of(&fact.vote)),
    ))
}

fn database(stand: &Stand<'_>, now: Timestamp) -> Node {
    let writer = stand
        .status
        .active_region
        .as_deref()
        .and_then(|name| stand.region(name))
        .map_or_else(
            || Tone::Bad.of("no writer is known"),
            |region| format!("the writer is {} in {}", writer_instance(stand, region), region.name),
        );
    let epoch = stand
        .status
        .epoch
        .map(|epoch| format!(", epoch {epoch}"))
        .unwrap_or_default();
    let mut node = Node::new("database", format!("{writer}{epoch}"));
    node = node.with(vote(stand, "link", "link", &link_words(stand), now));
    node = node.with(vote(stand, "proof", "proof", "whether writes reach the writer", now));
    let record = &stand.shop.spec.database.writer_record;
    node.push(Node::new(
        "name",
        format!("{}: {}", record.name, aligned(stand, "WriterNameAligned")),
    ));
    node
}

/// The last completed move names the instance that took over, which an edit of spec may not have followed yet.
fn writer_instance(stand: &Stand<'_>, region: &Region) -> String {
    let moved = stand
        .in_flight()
        .filter(|current| *current.to == *region.name && current.promoted_at.is_some());
    moved.map_or_else(|| region.db_instance.clone(), |current| current.to_instance.to_string())
}

fn link_words(stand: &Stand<'_>) -> String {
    match stand.condition("Replicating") {
        // A reason of RDS's own, not our `link Flowing` said twice.
        Some(condition) if !condition.message.starts_with("link ") => condition.message.clone(),
        Some(_) | None => "from the writer to the standby".into(),
    }
}

fn aligned(stand: &Stand<'_>, kind: &str) -> String {
    match stand.condition(kind) {
        Some(condition) if condition.status == "True" => Tone::Good.of("as it should be"),
        Some(condition) => {
            let tone = if condition.status == "False" {
                Tone::Warn
            } else {
                Tone::Dim
            };
            format!("{}: {}", tone.of(&condition.reason), condition.message)
        }
        None => Tone::Dim.of("not known"),
    }
}

fn traffic(stand: &Stand<'_>, now: Timestamp) -> Node {
    let order = match stand.status.front.as_deref() {
        Some(front) => {
            let excluded = stand.journal().and_then(|journal| journal.excluded.as_deref());
            match excluded {
                Some(excluded) => format!("{front} alone ({excluded} is excluded)"),
                None => format!("{front}, then {}", stand.other_region(front)),
            }
        }
        None => Tone::Dim.of("no order is known"),
    };
    let count = stand.shop.spec.traffic.load_balancer_ids.len();
    let balancers = if count == 1 {
        "1 load balancer".to_owned()
    } else {
        format!("{count} load balancers")
    };
    let mut node = Node::new("traffic", order);
    if let Some(shift) = stand.journal().and_then(Journal::holding) {
        let goes_back = until(shift.until, now);
        node.push(Node::new(
            "shift",
            format!(
                "{} first until {goes_back}, asked for by {}",
                shift.front, shift.request.name
            ),
        ));
    }
    node.push(Node::new(balancers, aligned(stand, "TrafficAligned")));
    if !stand.shop.spec.traffic.automatic {
        node.push(Node::line(
            "the order is left to people (spec.traffic.automatic: false)",
        ));
    }
    node
}

fn movement(stand: &Stand<'_>, now: Timestamp) -> Node {
    match (stand.in_flight(), stand.last()) {
        (Some(current), _) => in_flight(stand, current, now),
        (None, Some(last)) => Node::new("move", ended(stand, last, now)),
        (None, None) => Node::new("move", "none"),
    }
}

fn in_flight(stand: &Stand<'_>, current: &Move, now: Timestamp) -> Node {
    let who = if current.automatic {
        "by itself"
    } else {
        "asked for by a person"
    };
    let begun = current.steps.first().map_or(current.since, |step| step.at);
    let text = format!(
        "{} e{} {who}: {} to {}, begun {} ago, for {}",
        kind_name(current.kind),
        current.number,
        current.from,
        current.to,
        age(begun, now),
        current.diagnosis.name(),
    );
    let mut node = Node::new("move", Tone::Warn.of("in flight. ") + &text);
    node = node.with(steps(current, now));
    if let Some(loss) = &current.loss {
        node.push(Node::new(
            "loss",
            format!(
                "at most {} s of orders ({} to {})",
                loss.seconds,
                clock(loss.caught_up_to, now),
                clock(loss.writes_stopped, now)
            ),
        ));
    }
    let back = if super::stand::no_way_back(current.phase) {
        "none: the promotion may have been sent".to_owned()
    } else {
        stand.command("abort", "")
    };
    node = node.with(current.write_stop.as_ref().map(|stop| write_stop(stop, now)));
    node.push(Node::new("way back", back));
    node
}

/// How long the shop is without writes already, and for how long it may be.
fn write_stop(stop: &WriteStop, now: Timestamp) -> Node {
    let at_most = seconds(stop.at_most_seconds);
    let text = match (stop.since, stop.drained_at) {
        (None, _) => format!("not yet; at most {at_most} before the promotion, else it is undone"),
        (Some(at), None) => format!(
            "for {}; at most {at_most} before the promotion, else it is undone",
            age(at, now)
        ),
        (Some(at), Some(drained)) => {
            let took = super::text::length(drained.duration_since(at));
            format!("for {}; the standby held everything after {took}", age(at, now))
        }
    };
    Node::new("no writes", text)
}

/// The phases so far, and the one that lasts.
fn steps(current: &Move, now: Timestamp) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let past: Vec<&PhaseTime> = current
        .steps
        .iter()
        .filter(|step| step.phase != current.phase)
        .collect();
    for (index, step) in past.iter().enumerate() {
        let end = past.get(index + 1).map_or(current.since, |next| next.at);
        let took = super::text::length(end.duration_since(step.at));
        nodes.push(Node::new(
            step.phase.name(),
            format!("{} at {}, took {took}", Tone::Good.of("done"), clock(step.at, now)),
        ));
    }
    let deadline = match current.deadline {
        Some(at) if at < now => format!(", {}", Tone::Bad.of(&format!("overdue since {}", age(at, now)))),
        Some(at) => format!(", expected by {}", until(at, now)),
        None => String::new(),
    };
    nodes.push(Node::new(
        current.phase.name(),
        format!("{} for {}{deadline}", Tone::Warn.of("now"), age(current.since, now)),
    ));
    nodes
}

fn ended(stand: &Stand<'_>, last: &Move, now: Timestamp) -> String {
    let outcome = last.outcome.map_or("", breakwater_core::journal::MoveOutcome::name);
    let verified = if stand.is_true("Verified") || last.verified_at.is_some() {
        ", seen to take writes"
    } else if outcome == "Completed" {
        ", not seen to take writes: place a test order"
    } else {
        ""
    };
    format!(
        "none in flight; last: {} e{} {} to {}, {outcome} {} ago{verified}",
        kind_name(last.kind),
        last.number,
        last.from,
        last.to,
        age(last.since, now)
    )
}

/// Requests that have neither ended nor begun.
fn open_requests(stand: &Stand<'_>, requests: &[RegionSwitch], now: Timestamp) -> Option<Node> {
    let begun = |switch: &RegionSwitch| stand.in_flight().is_some_and(|current| is_of(switch, current));
    let waiting: Vec<Node> = requests
        .iter()
        .filter(|switch| is_open(switch) && !begun(switch) && !holds(switch))
        .map(|switch| {
            let asked = &switch.spec.request;
            let said = switch.status.as_ref().and_then(|status| status.message.clone());
            Node::new(
                name_of(switch),
                format!(
                    "{} by {}, starts before {}",
                    kind_name(asked.kind),
                    asked.requested_by,
                    until(asked.start_before, now)
                ),
            )
            .with([Node::line(said.unwrap_or_else(|| "not looked at yet".into()))])
        })
        .collect();
    (!waiting.is_empty()).then(|| Node::new("requests", Tone::Warn.of("waiting")).with(waiting))
}

fn owed(journal: Option<&Journal>, now: Timestamp) -> Node {
    let owed = journal.map_or(&[][..], |journal| &journal.obligations);
    if owed.is_empty() {
        return Node::new("owed", "nothing");
    }
    Node::new("owed", Tone::Warn.of("until observed done")).with(owed.iter().map(|each| {
        Node::new(
            each.kind.name(),
            format!(
                "{} in {}, for {} (move e{}): {}",
                each.instance,
                each.region,
                age(each.since, now),
                each.number,
                owed_words(each.kind)
            ),
        )
    }))
}

fn owed_words(kind: ObligationKind) -> &'static str {
    match kind {
        ObligationKind::FenceFormerWriter => "it may still take writes",
        ObligationKind::Unfence => "it was made read-only and takes no writes yet",
        ObligationKind::RebuildStandby => "the shop has no standby",
    }
}

/// What prevents a good move, and what is a risk only.
fn blockers(stand: &Stand<'_>) -> Vec<Node> {
    let list = |prevents: bool| -> Vec<Node> {
        let named = stand
            .status
            .blockers
            .iter()
            .filter(|blocker| blocker.prevents == prevents);
        named
            .map(|blocker| Node::new(blocker.name.clone(), blocker.message.clone()))
            .collect()
    };
    let mut nodes = Vec::new();
    let (prevents, risks) = (list(true), list(false));
    if !prevents.is_empty() {
        nodes.push(Node::new("blockers", Tone::Bad.of("a move would not go well")).with(prevents));
    }
    if !risks.is_empty() {
        nodes.push(Node::new("risks", "known, and in nobody's way").with(risks));
    }
    nodes
}

fn forecast(stand: &Stand<'_>) -> Node {
    let Some(condition) = stand.condition("ObjectivesMet") else {
        return Node::new("forecast", Tone::Dim.of("not known"));
    };
    let (tone, word) = match condition.status.as_str() {
        "True" => (Tone::Good, "within the objectives"),
        "False" => (Tone::Bad, "an objective would be missed"),
        _ => (Tone::Warn, "not certain"),
    };
    Node::new("forecast", format!("{}: {}", tone.of(word), condition.message))
}

/// What the nearest promotion by itself lacks.
fn missing(stand: &Stand<'_>) -> Node {
    if stand.in_flight().is_some() {
        return Node::new("missing", "nothing: a move is in flight");
    }
    if stand.status.missing.is_empty() {
        return Node::new("missing", Tone::Dim.of("not known"));
    }
    let items = stand.status.missing.iter();
    Node::new("missing", "for a failover by itself").with(items.map(|lack| Node::line(lack.clone())))
}
