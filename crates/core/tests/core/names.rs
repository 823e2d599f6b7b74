//! The level *name*, and our TXT beside it.

use crate::scene::{A, B, Scene, cname, endpoint, owner_record, shop};
use breakwater_core::decision::{Effect, NameChange, Step};
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::reading::RecordSet;
use proptest::prelude::*;

fn txt(values: &[&str]) -> RecordSet {
    RecordSet {
        name: "_breakwater.db.shop.example.com.".into(),
        kind: "TXT".into(),
        ttl: Some(60),
        values: values.iter().map(|value| (*value).into()).collect(),
        simple: true,
    }
}

fn batches(scene: &Scene) -> Vec<Vec<NameChange>> {
    let of = |step: &Step| match step {
        Step::Effect(Effect::ChangeNames { changes, .. }) => Some(changes.clone()),
        _ => None,
    };
    scene.sent.iter().filter_map(|(_, step)| of(step)).collect()
}

#[test]
fn our_form_is_one_quoted_string_and_is_read_back() {
    let shop = shop();
    for record in [
        owner_record(&shop, 7, A, None),
        owner_record(&shop, 7, B, Some(A)),
        OwnerRecord {
            owner: "prod/shops/shop-ca".into(),
            epoch: 0,
            region: None,
            excluded: None,
            instances: Default::default(),
        },
    ] {
        let listed = record.record("db.shop.example.com");
        assert_eq!(&*listed.name, "_breakwater.db.shop.example.com");
        assert_eq!((&*listed.kind, listed.ttl), ("TXT", Some(60)));
        assert_eq!(listed.values.len(), 1);
        assert!(
            listed.values[0].starts_with('"') && listed.values[0].ends_with('"'),
            "always quoted"
        );
        assert!(listed.values[0].len() < 257, "one string of at most 255 bytes");
        assert_eq!(OwnerRecord::parse(&listed), Some(record));
    }
}

#[test]
fn owner_and_region_are_read_across_strings_escapes_and_other_values() {
    // Case D2.
    let listed = txt(&[
        "\"owner=prod/shops/shop-ca,epoch=7,\" \"region=us-east-1\"",
        "\"note=\\\"hand\\\" \\303\\251\"",
    ]);
    let parsed = OwnerRecord::parse(&listed).expect("our record");
    assert_eq!(&*parsed.owner, "prod/shops/shop-ca");
    assert_eq!(parsed.epoch, 7);
    assert_eq!(parsed.region.as_deref(), Some("us-east-1"));
    assert_eq!(parsed.excluded, None);
    // The same with the stranger's value first.
    let mut other = listed.clone();
    other.values.reverse();
    assert_eq!(OwnerRecord::parse(&other), Some(parsed));
}

#[test]
fn strings_are_joined_even_within_a_word_and_octal_is_decoded() {
    let listed =
        txt(&["\"v=1 owner=prod/sh\" \"ops/shop-ca epoch=12 region=ca-central-\" \"1 excluded=us\\055west-2\""]);
    let parsed = OwnerRecord::parse(&listed).expect("our record");
    assert_eq!(&*parsed.owner, "prod/shops/shop-ca");
    assert_eq!(parsed.epoch, 12);
    assert_eq!(parsed.region.as_deref(), Some("ca-central-1"));
    assert_eq!(parsed.excluded.as_deref(), Some("us-west-2"));
}

#[test]
fn what_is_not_ours_says_nothing() {
    for value in [
        "\"hello\"",
        "",
        "\"\"",
        "\"v=2 owner=prod/shops/shop-ca epoch=1 region=- excluded=-\"",
        "\"v=1 owner=prod/shops/shop-ca epoch=many region=- excluded=-\"",
        "\"v=1 epoch=1\"",
        "v=1 owner=prod/shops/shop-ca epoch=1 outside quotes",
        "\"v=1 owner=x epoch=\\",
        "\"\\3",
    ] {
        assert_eq!(OwnerRecord::parse(&txt(&[value])), None, "{value:?}");
    }
    assert_eq!(OwnerRecord::parse(&txt(&[])), None);
}

proptest! {
    #[test]
    fn a_value_of_any_bytes_is_survived(value in ".{0,300}") {
        let _ = OwnerRecord::parse(&txt(&[&value]));
    }

    #[test]
    fn strings_may_be_cut_anywhere(cut in 1usize..60, octal in 0usize..40) {
        let record = owner_record(&shop(), 41, B, Some(A));
        let plain = record.record("db.shop.example.com").values[0].trim_matches('"').to_owned();
        let cut = cut.min(plain.len() - 1);
        let escaped: String = plain.chars().enumerate().map(|(i, c)| if i == octal { format!("\\{:03o}", c as u32) } else { c.to_string() }).collect();
        let at = if octal < cut { cut + 3 } else { cut };
        prop_assume!(octal != cut);
        let listed = txt(&[&format!("\"{}\" \"{}\"", &escaped[..at], &escaped[at..])]);
        prop_assert_eq!(OwnerRecord::parse(&listed), Some(record));
    }
}

#[test]
fn on_a_quiet_day_nothing_is_written() {
    let mut scene = Scene::healthy();
    let sent = scene.sent.len();
    scene.live(3600);
    assert_eq!(batches(&scene).len(), 0, "case D6: no periodic writes");
    assert_eq!(scene.sent.len(), sent);
}

#[test]
fn another_case_or_a_final_dot_is_the_same_endpoint() {
    // Case D1.
    for value in [
        "SHOP-cac1.c1.ca-central-1.rds.amazonaws.com",
        "shop-cac1.c1.ca-central-1.rds.amazonaws.com.",
        "Shop-CAC1.c1.ca-central-1.RDS.amazonaws.com.",
    ] {
        let mut scene = Scene::healthy();
        scene.names().writer = Some(cname(value));
        scene.journal.name_epoch = Some(1);
        scene.live(120);
        assert_eq!(batches(&scene), Vec::<Vec<NameChange>>::new(), "{value}");
        assert!(
            !scene.plan().blockers.iter().any(|b| b.name() == "RecordForeign"),
            "{value}"
        );
    }
}

#[test]
fn the_batch_deletes_what_was_listed_byte_for_byte_and_creates_our_form() {
    let mut scene = Scene::healthy();
    // As listed: other case, final dots, odd TTL, two strings, octal, a stranger's value beside ours.
    let mut writer = cname("SHOP-cac1.c1.ca-central-1.rds.amazonaws.com.");
    writer.name = "DB.shop.example.com.".into();
    writer.ttl = Some(77);
    let listed = txt(&[
        "\"v=1 owner=prod/shops/shop\" \"-ca epoch=1 region=ca-central-1 excluded=\\055\"",
        "\"note=\\\"hand\\\"\"",
    ]);
    scene.names().writer = Some(writer.clone());
    scene.names().txt = Some(listed.clone());
    scene.live(60);
    assert_eq!(batches(&scene).len(), 0, "it says what it should");
    scene.kill_region();
    scene.live_until(900, |scene| {
        scene.journal.in_flight().is_none() && scene.journal.active_region.as_deref() == Some("us-west-2")
    });
    let batches = batches(&scene);
    // First the exclusion goes into the TXT alone, then the name moves together with it.
    let excluded = owner_record(&scene.shop, 1, A, Some(A)).record("db.shop.example.com");
    assert_eq!(
        batches[0],
        [NameChange::Delete(listed), NameChange::Create(excluded.clone())]
    );
    let moved = owner_record(&scene.shop, 2, B, Some(A)).record("db.shop.example.com");
    let mut pointed = cname(&endpoint(B));
    pointed.name = "db.shop.example.com".into();
    assert_eq!(
        batches[1],
        [
            NameChange::Delete(writer),
            NameChange::Create(pointed),
            NameChange::Delete(excluded),
            NameChange::Create(moved),
        ]
    );
    assert_eq!(batches.len(), 2);
}

#[test]
fn the_name_waits_for_the_promotion_and_then_points_to_the_writer_only() {
    // I5: never to an instance that is no writer.
    let mut scene = Scene::healthy();
    scene.kill_region();
    for _ in 0..120 {
        scene.live(10);
        let names = scene.names().clone();
        let to = names.writer.unwrap().values[0].clone();
        if *to == *endpoint(B) {
            assert_eq!(scene.instance(B).source, None);
        }
    }
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
}

#[test]
fn a_record_that_a_person_removed_is_created_without_a_delete() {
    // Case D4.
    let mut scene = Scene::healthy();
    scene.names().writer = None;
    scene.live(30);
    assert!(scene.plan().blockers.iter().any(|b| b.name() == "RecordMissing"));
    assert_eq!(batches(&scene).len(), 0, "an adoption moves no name");
    scene.kill_region();
    scene.live_until(900, |scene| {
        scene.journal.in_flight().is_none() && scene.journal.active_region.as_deref() == Some("us-west-2")
    });
    let last = batches(&scene).pop().unwrap();
    assert!(
        !last
            .iter()
            .any(|c| matches!(c, NameChange::Delete(record) if &*record.kind == "CNAME")),
        "{last:?}"
    );
}

#[test]
fn a_record_that_is_not_simple_is_left_alone() {
    let mut scene = Scene::healthy();
    let mut weighted = cname(&endpoint(A));
    weighted.simple = false;
    scene.names().writer = Some(weighted.clone());
    scene.live(30);
    assert!(scene.plan().blockers.iter().any(|b| b.name() == "RecordNotSimple"));
    scene.journal.name_epoch = Some(1);
    weighted.values = vec!["elsewhere.example.".into()];
    scene.names().writer = Some(weighted.clone());
    scene.live(60);
    assert_eq!(scene.names().writer, Some(weighted));
}

#[test]
fn a_txt_that_is_gone_while_our_journal_lives_is_created_anew_at_our_epoch() {
    let mut scene = Scene::healthy();
    scene.names().txt = None;
    scene.live(30);
    let expected = owner_record(&scene.shop, 1, A, None);
    assert_eq!(scene.names().txt.as_ref().and_then(OwnerRecord::parse), Some(expected));
}

#[test]
fn after_a_move_a_name_that_somebody_turned_back_is_re_asserted() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(900, |scene| {
        scene.journal.in_flight().is_none() && scene.journal.active_region.as_deref() == Some("us-west-2")
    });
    scene.names().writer = Some(cname(&endpoint(A)));
    scene.live(60);
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
}

#[test]
fn a_batch_that_only_moves_the_name_names_our_txt_too() {
    // Compare-and-swap on ownership: somebody who takes the TXT between our reading and our batch makes it fail.
    let mut scene = Scene::healthy();
    scene.journal.name_epoch = Some(1);
    let ours = txt(&["\"v=1 owner=prod/shops/shop-ca epoch=1\" \" region=ca-central-1 excluded=-\""]);
    scene.names().txt = Some(ours.clone());
    scene.names().writer = Some(cname("elsewhere.example."));
    scene.live(30);
    let mut pointed = cname(&endpoint(A));
    pointed.name = "db.shop.example.com".into();
    let same = owner_record(&scene.shop, 1, A, None).record("db.shop.example.com");
    assert_eq!(
        batches(&scene),
        [[
            NameChange::Delete(cname("elsewhere.example.")),
            NameChange::Create(pointed),
            NameChange::Delete(ours),
            NameChange::Create(same),
        ]]
    );
}

#[test]
fn a_txt_that_nobody_can_read_is_never_overwritten() {
    for value in [
        "\"v=2 owner=prod/shops/shop-ca epoch=1 region=- excluded=-\"",
        "\"a note\"",
    ] {
        let mut scene = Scene::healthy();
        scene.journal.name_epoch = Some(1);
        scene.names().txt = Some(txt(&[value]));
        scene.names().writer = Some(cname("elsewhere.example."));
        let sent = scene.sent.len();
        scene.live(900);
        assert_eq!(scene.sent.len(), sent, "{value}");
        assert_eq!(scene.refusals(), ["OwnedElsewhere"], "{value}");
        let report = breakwater_core::report::report(&scene.input(), &scene.plan());
        let stalled = report.conditions.iter().find(|c| c.kind == "Stalled").unwrap();
        assert_eq!(stalled.reason, "OwnedElsewhere");
        assert!(stalled.message.contains("cannot be read"), "{}", stalled.message);
    }
}

/// Whoever may write the zone may write anything there: the owner is repeated to people.
#[test]
fn a_foreign_owner_is_plain_text() {
    let record = RecordSet {
        name: "_breakwater.db.shop.example.com.".into(),
        kind: "TXT".into(),
        ttl: Some(60),
        values: vec![format!("\"owner=\\033[2Jthem\\233{} epoch=3 region=-\"", "x".repeat(4000)).into()],
        simple: true,
    };
    let owner = OwnerRecord::parse(&record).unwrap();
    assert!(owner.owner.starts_with("?[2Jthem?xxx"), "{}", owner.owner);
    assert_eq!((owner.owner.len(), owner.epoch), (255, 3));
}

#[test]
fn an_epoch_at_the_end_of_numbers_is_survived() {
    let mut scene = Scene::unread();
    scene.journal = breakwater_core::journal::Journal::default();
    scene.names().txt = Some(owner_record(&scene.shop, i64::MAX, A, None).record("db.shop.example.com"));
    scene.live(600);
    assert_eq!(scene.journal.epoch, i64::MAX);
}
