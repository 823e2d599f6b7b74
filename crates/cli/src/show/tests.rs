//! Pages of whole shops, compared with those in `golden/`.

use super::*;
use breakwater_api::{RegionSwitch, Storefront};
use breakwater_core::journal::MoveKind;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde_json::Value;
use std::path::PathBuf;

const WIDTH: usize = 100;
const SHOPS: [&str; 8] = [
    "healthy",
    "mid-failover",
    "after",
    "contested",
    "unknown-active",
    "suspended",
    "never-seen",
    "shifted",
];

struct Case {
    shop: Storefront,
    switches: Vec<RegionSwitch>,
    now: Timestamp,
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn case(name: &str) -> Case {
    let example = golden("../../../docs/examples/shop-ca.yaml");
    let mut shop: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(example).unwrap()).unwrap();
    let text = std::fs::read_to_string(golden(&format!("{name}.yaml"))).unwrap();
    let now = text
        .lines()
        .next()
        .unwrap()
        .strip_prefix("# now: ")
        .unwrap()
        .parse()
        .unwrap();
    let mut documents =
        serde_yaml_ng::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap());
    json_patch::merge(&mut shop, &documents.next().unwrap());
    let mut switches: Vec<RegionSwitch> = documents
        .map(|document| serde_json::from_value(document).unwrap())
        .collect();
    switches.sort_by_key(history::newest_first);
    Case {
        shop: serde_json::from_value(shop).unwrap(),
        switches,
        now,
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn same(name: &str, page: &str) {
    expectorate::assert_contents(golden(name), &plain(page));
}

fn asked(case: &Case, kind: MoveKind, overrides: &[&str], wish: &crate::ask::Wish) -> RegionSwitch {
    let asking = crate::args::Asking {
        reason: None,
        overrides: overrides
            .iter()
            .map(|name| serde_json::from_value((*name).into()).unwrap())
            .collect(),
        start_before: crate::args::When::In(SignedDuration::from_mins(15)),
        name: None,
        dry_run: false,
        going: crate::args::Going {
            yes: true,
            wait: false,
            timeout: SignedDuration::ZERO,
        },
    };
    let asker = crate::ask::Asker {
        by: "oncall@example.com".into(),
        reason: "ca-central-1 is gone".into(),
        now: case.now,
    };
    crate::ask::request(&stand::Stand::of(&case.shop), kind, wish, &asking, asker).unwrap()
}

#[test]
fn the_tree_of_each_shop() {
    for name in SHOPS {
        let case = case(name);
        same(
            &format!("{name}.status.txt"),
            &status::tree(&case.shop, &case.switches, case.now, WIDTH),
        );
    }
}

#[test]
fn the_explanation_of_each_shop() {
    for name in SHOPS {
        let case = case(name);
        same(
            &format!("{name}.explain.txt"),
            &explain::page(&case.shop, &case.switches, case.now, WIDTH),
        );
    }
}

#[test]
fn no_page_is_wider_than_the_screen() {
    for name in SHOPS {
        let case = case(name);
        for width in [40, 60, 80] {
            let pages = [
                status::tree(&case.shop, &case.switches, case.now, width),
                explain::page(&case.shop, &case.switches, case.now, width),
            ];
            for line in pages.iter().flat_map(|page| page.lines()) {
                let wide = textwrap::core::display_width(line);
                // Guides and labels leave a sentence twenty columns at least.
                assert!(wide <= width.max(60), "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn a_tree_changes_with_the_time_in_its_ages_alone() {
    let case = case("healthy");
    let at = |now| plain(&status::tree(&case.shop, &[], now, WIDTH));
    let later = case.now.checked_add(SignedDuration::from_hours(1)).unwrap();
    let (before, after) = (at(case.now), at(later));
    let changed: Vec<(&str, &str)> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(before.lines().count(), after.lines().count());
    assert!(
        changed.len() >= 8 && changed.iter().all(|(line, _)| line.contains(" for ")),
        "{changed:?}"
    );
}

#[test]
fn colours_are_there_for_those_who_want_them() {
    let case = case("mid-failover");
    let page = status::tree(&case.shop, &case.switches, case.now, WIDTH);
    assert!(
        page.contains("\u{1b}[1m") && page.contains("\u{1b}[31m") && page.contains("\u{1b}[32m"),
        "{page}"
    );
}

#[test]
fn many_shops_are_a_line_each() {
    let mut shops: Vec<Result<Storefront, String>> = SHOPS.iter().map(|name| Ok(case(name).shop)).collect();
    shops.push(Err("shops/shop-odd".into()));
    same("all.txt", &status::table(&shops, true));
}

#[test]
fn the_history_of_a_shop() {
    let case = case("after");
    same("after.history.txt", &history::table(&case.switches, case.now));
}

#[test]
fn the_report_of_each_move() {
    let moving = case("mid-failover");
    let told = [report::Told {
        at: "2026-11-25T02:06:04Z".parse().unwrap(),
        reason: "RegionDown".into(),
        note: "ca-central-1 is down: probe Down, users' view Down, RDS Silent, link Broken.".into(),
    }];
    same(
        "mid-failover.report.md",
        &report::markdown(&moving.switches[0], Some(&moving.shop), &told, moving.now),
    );
    let shifted = case("shifted");
    let page = report::markdown(&shifted.switches[0], Some(&shifted.shop), &[], shifted.now);
    same("shifted.report.md", &page);
    let after = case("after");
    for switch in &after.switches {
        let name = format!("after.{}.report.md", stand::name_of(switch));
        same(&name, &report::markdown(switch, Some(&after.shop), &told, after.now));
    }
}

#[test]
fn what_a_request_would_do() {
    let quiet = case("healthy");
    let after = case("after");
    let suspended = case("suspended");
    let nothing = crate::ask::Wish::default();
    let lossy = crate::ask::Wish {
        allow_data_loss: Some(SignedDuration::from_mins(10)),
        ..nothing.clone()
    };
    for (name, case, kind, overrides, wish) in [
        ("failover-healthy", &quiet, MoveKind::Failover, &[][..], &lossy),
        (
            "failover-suspended",
            &suspended,
            MoveKind::Failover,
            &["Frozen"][..],
            &nothing,
        ),
        ("switchover-after", &after, MoveKind::Switchover, &[][..], &nothing),
        ("drill-healthy", &quiet, MoveKind::Drill, &[][..], &nothing),
    ] {
        let request = asked(case, kind, overrides, wish).spec.request;
        let page = ahead::page(&case.shop, &case.switches, &request, case.now, WIDTH);
        same(&format!("{name}.ahead.txt"), &page);
    }
    let adopt = crate::ask::Wish {
        to: Some("us-west-2".into()),
        ..nothing
    };
    let lost = case("unknown-active");
    let request = asked(&lost, MoveKind::Adopt, &[], &adopt).spec.request;
    same(
        "adopt-unknown.ahead.txt",
        &ahead::page(&lost.shop, &[], &request, lost.now, WIDTH),
    );
}

#[test]
fn what_is_shown_before_a_withdrawal() {
    let moving = case("mid-failover");
    let page = consent::withdrawal(&moving.shop, &moving.switches[0], moving.now, WIDTH);
    same("mid-failover.withdrawal.txt", &page);
    let stand = stand::Stand::of(&moving.shop);
    let page = consent::suspension(&stand, stand.in_flight().unwrap(), moving.now, WIDTH);
    same("mid-failover.suspension.txt", &page);
    let waiting = case("suspended");
    let page = consent::approval(&waiting.shop, &waiting.switches[0], waiting.now, WIDTH);
    same("suspended.approval.txt", &page);
}

#[test]
fn progress_is_said_once_and_with_its_deadline() {
    let moving = case("mid-failover");
    let first = progress::of(&moving.switches[0], Some(&moving.shop)).unwrap();
    assert_eq!(
        Some(&first),
        progress::of(&moving.switches[0], Some(&moving.shop)).as_ref()
    );
    let line = plain(&first.line(moving.now));
    assert_eq!(
        line,
        "02:07:45  Promoting   The promotion of shop-ca-usw2 in us-west-2 is allowed and sent once; RDS takes minutes to reboot \
         it. There is no way back. Expected by 02:37:15 UTC."
    );
    let alone = plain(&progress::of(&moving.switches[0], None).unwrap().line(moving.now));
    assert!(alone.ends_with("Promoting. By 02:37:15 UTC (in 29m 30s)."), "{alone}");
    let shifted = case("shifted");
    let holds = progress::of(&shifted.switches[0], Some(&shifted.shop)).unwrap();
    assert!(holds.holds && holds.outcome.is_none());
    let after = case("after");
    // The journal has ended the move, its record has not been written yet.
    assert_eq!(progress::of(&moving.switches[0], Some(&after.shop)), None);
    let ended = progress::of(&after.switches[0], Some(&after.shop)).unwrap();
    assert_eq!(
        plain(&ended.line(after.now)),
        "02:31:00  Completed  us-west-2 is the active region."
    );
}

#[test]
fn a_dry_run_is_the_same_request() {
    let case = case("healthy");
    let wish = crate::ask::Wish {
        allow_data_loss: Some(SignedDuration::from_mins(10)),
        ..crate::ask::Wish::default()
    };
    let switch = asked(&case, MoveKind::Failover, &["Frozen"], &wish);
    let manifest = crate::ask::manifest(&switch);
    same("failover-healthy.manifest.yaml", &manifest);
    let read: RegionSwitch = serde_yaml_ng::from_str(&manifest).unwrap();
    assert_eq!(read, switch);
}
