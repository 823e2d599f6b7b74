//! Every rule catches its own violation, and none objects to a good run.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod run;

use run::*;
use serde_json::json;

#[test]
fn a_good_run_breaks_nothing_and_all_of_it_is_judged() {
    let good = good();
    assert_eq!(good.broken(), [""; 0]);
    let verdict = breakwater_checkers::judge(&good.ledger, &good.history, &good.context).unwrap();
    assert_eq!(verdict.skipped, []);
}

#[test]
fn i1_a_promotion_before_its_entry_was_written() {
    let mut run = good();
    run.history[4]["at"] = json!(ms(LICENCE + 3));
    assert_eq!(run.broken(), ["I1"]);
}

#[test]
fn i1_a_promotion_under_an_old_licence() {
    let mut run = good();
    run.from(LICENCE, |journal| {
        journal["move"]["licence"]["at"] = json!(stamp(LICENCE - 61))
    });
    assert_eq!(run.broken(), ["I1"]);
}

#[test]
fn i1_a_licence_used_twice() {
    let mut run = good();
    run.add([promote(LICENCE + 2, PROMOTE + 1)]);
    let second = run.call(PROMOTE + 1);
    second["because"] = json!(PROMOTE - 1);
    second["effect"] = json!("refused");
    assert_eq!(run.broken(), ["I1"]);
}

#[test]
fn i1_a_licence_of_another_process() {
    let mut run = good();
    run.from(LICENCE, |journal| journal["move"]["licence"]["by"] = json!("p0"));
    assert_eq!(run.broken(), ["I1"]);
}

#[test]
fn i1_a_promotion_held_up_on_its_way_was_sent_in_time() {
    let mut run = good();
    run.remove(|event| event["event"] == "call" && event["number"] == PROMOTE);
    let mut late = promote(LICENCE + 1, PROMOTE);
    late["at"] = json!(ms(LICENCE + 90));
    late["gave_up_at"] = json!(ms(LICENCE + 5));
    run.add([late]);
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i2_two_promotions_of_a_number_take_effect() {
    let mut run = good();
    run.write(LICENCE + 20, |journal| {
        journal["move"]["licence"]["at"] = json!(stamp(LICENCE + 20))
    });
    run.from(LICENCE + 20, |journal| {
        journal["move"]["licence"]["at"] = json!(stamp(LICENCE + 20))
    });
    let accepted = json!({"at": ms(LICENCE + 21), "event": "promotion-accepted", "shop": "shop-ca",
                          "instance": "shop-usw2", "region": WEST, "call": PROMOTE + 1});
    run.add([promote(LICENCE + 21, PROMOTE + 1), accepted]);
    run.call(PROMOTE + 1)["because"] = json!(PROMOTE - 1);
    assert_eq!(run.broken(), ["I2"]);
}

#[test]
fn i2_an_epoch_goes_back() {
    let mut run = good();
    run.write(1900, |journal| journal["epoch"] = json!(1));
    assert_eq!(run.broken(), ["I2"]);
}

#[test]
fn i2_a_restored_backup_is_nobodys_entry_but_the_owners_record_remembers() {
    let mut run = short();
    let backup = run.history[1].clone();
    let entries = run.history.as_array_mut().unwrap();
    for at in [1900, 1950] {
        let mut entry = backup.clone();
        entry["status"] = json!(null);
        entry["at"] = json!(ms(at));
        entry["lease"]["until"] = json!(ms(at + 10));
        entries.push(entry);
    }
    assert_eq!(run.broken(), ["I2", "I9"]);
    run.history[8]["restored"] = json!(true);
    assert_eq!(run.broken(), [""; 0]);
    // The controller believes its old journal and takes the owner's TXT back to epoch 1.
    let mut record = records(1960, 141);
    let text = txt(1, EAST, "-");
    record["detail"]["changes"] = json!([{"action": "CREATE", "record": {
        "name": "_breakwater.db.shop.example.com.", "kind": "TXT", "ttl": 60, "values": [text]}}]);
    run.add([
        record,
        json!({"at": ms(1960), "event": "record", "shop": "shop-ca", "stage": "submitted", "call": 141,
               "name": "_breakwater.db.shop.example.com.", "kind": "TXT", "ttl": 60, "values": [text],
               "instance": null, "writer": null}),
    ]);
    run.ledger["reads"]
        .as_array_mut()
        .unwrap()
        .push(read(1959, 140, "https://other/", "ok"));
    assert_eq!(run.broken(), ["I2"]);
}

#[test]
fn i2_w_changes_within_an_epoch() {
    let mut run = good();
    run.from(PROMOTED, |journal| journal["epoch"] = json!(1));
    assert!(run.broken().contains(&"I2"));
}

#[test]
fn i3_orders_reached_the_writer_too_shortly_before() {
    let mut run = good();
    let meetings = run.ledger["meetings"].as_array_mut().unwrap();
    meetings.push(meeting(LICENCE - 60, EAST, 1, 1, json!({"shop-cac1": 1})));
    assert_eq!(run.broken(), ["I3"]);
}

/// A region that was cut off from us first, and died then: our probes had been Down before.
#[test]
fn i3_orders_before_a_death_behind_a_cut_are_users_views_matter() {
    let cut_off = |bought: i64| {
        let mut run = good();
        run.add([
            json!({"at": ms(DIES), "event": "fault-injected", "id": 2,
                   "fault": {"kind": "partition", "region": EAST}}),
            json!({"at": ms(1400), "event": "fault-cleared", "id": 2, "fault": {"kind": "partition", "region": EAST}}),
        ]);
        let meetings = run.ledger["meetings"].as_array_mut().unwrap();
        meetings.push(meeting(bought, EAST, 1, 1, json!({"shop-cac1": 1})));
        run.broken()
    };
    assert_eq!(cut_off(LICENCE - 60), [""; 0]);
    assert_eq!(cut_off(LICENCE - 10), ["I3"]);
}

#[test]
fn i3_orders_by_way_of_b_are_for_proofs_to_see() {
    let mut run = good();
    let meetings = run.ledger["meetings"].as_array_mut().unwrap();
    meetings.push(meeting(LICENCE - 2, WEST, 1, 1, json!({"shop-cac1": 1})));
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i3_a_probe_of_the_dead_region_had_been_answered() {
    let mut run = good();
    let reads = run.ledger["reads"].as_array_mut().unwrap();
    reads.push(read(LICENCE - 100, 60, "https://cac1/search", "ok"));
    assert_eq!(run.broken(), ["I3"]);
}

#[test]
fn i3_a_database_that_is_down_does_not_need_the_other_services_down() {
    let mut run = good();
    run.from(740, |journal| journal["move"]["diagnosis"] = json!("DatabaseDown"));
    run.ledger["meetings"][0]["at"] = json!(ms(LICENCE - 301));
    assert_eq!(run.broken(), [""; 0]);
    run.from(740, |journal| journal["move"]["diagnosis"] = json!("ServicesDown"));
    assert_eq!(run.broken(), ["I3"]);
}

#[test]
fn i3_the_link_was_flowing() {
    let mut run = good();
    run.remove(|event| event["event"] == "link");
    assert_eq!(run.broken(), ["I3"]);
}

#[test]
fn i3_the_proof_said_that_it_lives() {
    let mut run = good();
    run.remove(|event| event["event"] == "fault-injected" || event["event"] == "fault-cleared");
    run.ledger["writable"][0]["to"] = json!(ms(LICENCE + 10));
    assert_eq!(run.broken(), ["I3"]);
    // Where somebody has pointed the name elsewhere, proofs speak of another database.
    run.add([name(700, "shop-usw2", false, "visible", None)]);
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i3_the_loss_is_over_the_budget_or_unknown() {
    let mut run = good();
    run.from(740, |journal| journal["move"]["loss"]["seconds"] = json!(301));
    assert_eq!(run.broken(), ["I3"]);
    run.from(740, |journal| journal["move"]["loss"] = json!(null));
    assert_eq!(run.broken(), ["I3"]);
    run.from(740, |journal| journal["move"]["automatic"] = json!(false));
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i4_the_fallback_stays_on_the_excluded_region() {
    let mut run = good();
    run.remove(|event| event["event"] == "balancer" && event["call"] == PATCH_EXCLUDE);
    let mut left = balancer(775, &["west"], Some(PATCH_EXCLUDE));
    left["fallback"] = json!("east");
    run.add([left]);
    assert_eq!(run.broken(), ["I4"]);
}

#[test]
fn i4_an_excluded_pool_comes_first_again() {
    let mut run = short();
    run.write(1640, |journal| journal["front"] = json!(EAST));
    run.add([
        patch(1650, 131, &["east", "west"]),
        balancer(1650, &["east", "west"], Some(131)),
    ]);
    run.ledger["reads"]
        .as_array_mut()
        .unwrap()
        .push(read(1649, 130, "https://other/", "ok"));
    assert_eq!(run.broken(), ["I4"]);
}

#[test]
fn i4_the_first_pool_is_disabled() {
    let mut run = good();
    run.add([
        json!({"at": ms(640), "event": "pool", "shop": "shop-ca", "pool": "west", "region": WEST,
                    "enabled": false, "healthy": null, "call": null}),
    ]);
    assert_eq!(run.broken(), ["I4"]);
    // A person did it, and nobody could know yet; at the next change it stays where it stands.
    let disabled = |at: i64| {
        json!({"at": ms(at), "event": "pool", "shop": "shop-ca", "pool": "west", "region": WEST, "enabled": false,
               "healthy": null, "call": 999})
    };
    run.remove(|event| event["event"] == "pool" && event["enabled"] == false);
    run.add([disabled(640)]);
    assert_eq!(run.broken(), [""; 0]);
    run.remove(|event| event["call"] == 999);
    run.add([disabled(550)]);
    assert_eq!(run.broken(), ["I4"], "100 s later it is known");
}

/// Terraform puts A back in front of B, whose pool a person has disabled since the promotion.
#[test]
fn i4_an_unfenced_former_writer_gets_no_users_even_so() {
    let again = |at: i64| {
        let mut run = short();
        run.add([
            json!({"at": ms(at - 200), "event": "pool", "shop": "shop-ca", "pool": "west", "region": WEST,
                   "enabled": false, "healthy": null, "call": 999}),
            balancer(at - 1, &["east", "west"], None),
            patch(at, 131, &["west"]),
            balancer(at, &["west"], Some(131)),
        ]);
        let reads = run.ledger["reads"].as_array_mut().unwrap();
        reads.push(read(at - 1, 130, "https://other/", "ok"));
        run.broken()
    };
    assert_eq!(again(1300), [""; 0], "the fence is owed");
    assert_eq!(again(FENCED + 20), ["I4"], "nothing is");
}

#[test]
fn i5_the_name_is_repointed_too_early() {
    let mut run = good();
    run.remove(|event| event["event"] == "record" && event["kind"] == "CNAME" && event["call"] == NAME);
    run.add([name(1005, "shop-usw2", false, "submitted", Some(NAME))]);
    assert_eq!(run.broken(), ["I5"]);
}

#[test]
fn i5_the_instance_that_the_name_points_to_is_stopped() {
    let mut run = good();
    run.add([instance(1700, "shop-usw2", WEST, "stopped", None)]);
    assert_eq!(run.broken(), ["I5"]);
    // A person's stop is a person's.
    let detail = json!({"op": "stop-instance", "id": "shop-usw2"});
    run.add([call(1650, 141, "rds", Some(WEST), "stop-instance", "shop-usw2", detail)]);
    run.call(141)["vantage"] = json!("person");
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i6_an_entry_after_the_lease() {
    let mut run = good();
    run.history[3]["lease"]["until"] = json!(ms(769));
    assert_eq!(run.broken(), ["I6"]);
}

#[test]
fn i6_a_call_between_two_leases() {
    let mut run = good();
    run.context["leases"] = json!([
        {"holder": "p1", "from": ms(0), "until": ms(1500)},
        {"holder": "p1", "from": ms(1520), "until": ms(UNTIL)},
    ]);
    assert_eq!(run.broken(), ["I6"]);
}

#[test]
fn i6_what_the_documents_do_not_say_is_said() {
    let mut run = good();
    run.context["leases"] = json!([]);
    let verdict = breakwater_checkers::judge(&run.ledger, &run.history, &run.context).unwrap();
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.skipped.len(), 1);
    assert_eq!(verdict.skipped[0].invariant, "I6");
}

#[test]
fn i7_calm_and_neither_ready_nor_stalled() {
    let mut run = good();
    run.show(FENCED, |status| {
        status["conditions"] = json!([
            condition("Ready", false, "WriterNameWaiting", "Not read yet."),
            condition("Reconciling", true, "WriterNameWaiting", "Not read yet."),
            condition("Stalled", false, "Progressing", "no person is needed"),
        ]);
    });
    assert_eq!(run.broken(), ["I7"]);
    // While something is broken that is as it should be.
    let cut = json!([{"from": ms(2500), "until": null}]);
    run.context["cutOff"] = cut;
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i7_a_move_that_never_ends() {
    let mut run = good();
    run.history.as_array_mut().unwrap().truncate(6);
    // Users of after the fence.
    run.ledger["meetings"].as_array_mut().unwrap().pop();
    assert_eq!(run.broken(), [""; 0], "it may take its time");
    run.ledger["until"] = json!(ms(1520 + 7300));
    run.context["leases"][0]["until"] = json!(ms(1520 + 7300));
    assert_eq!(run.broken(), ["I7"]);
}

#[test]
fn i7_stalled_and_nobody_is_told_what_to_do() {
    let stalled = |message: &str| {
        let mut run = good();
        run.show(FENCED, |status| {
            status["conditions"] = json!([
                condition("Ready", false, "PermissionDenied", message),
                condition("Stalled", true, "PermissionDenied", message),
            ]);
        });
        run
    };
    assert_eq!(stalled("Not allowed.").broken(), ["I7"]);
    assert_eq!(
        stalled("Not allowed: rds:Describe. Grant it to the role.").broken(),
        [""; 0]
    );
}

#[test]
fn i7_ready_and_the_writer_takes_no_writes() {
    let mut run = good();
    run.ledger["writable"][1]["to"] = json!(ms(3000));
    assert_eq!(run.broken(), ["I7"]);
    // A person's own hand on it is a person's.
    let detail = json!({"op": "stop-instance", "id": "shop-usw2"});
    let mut stopped = call(2990, 141, "rds", Some(WEST), "stop-instance", "shop-usw2", detail);
    stopped["vantage"] = json!("person");
    run.add([stopped]);
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i7_ready_and_users_are_sent_elsewhere() {
    let mut run = good();
    run.add([balancer(3000, &["east", "west"], Some(STOP))]);
    assert_eq!(run.broken(), ["I7"]);
}

#[test]
fn i7_ready_and_the_name_leads_elsewhere() {
    let mut run = good();
    run.from(PROMOTED, |journal| journal["nameEpoch"] = json!(2));
    assert_eq!(run.broken(), [""; 0]);
    run.add([name(2000, "shop-cac1", true, "visible", None)]);
    assert_eq!(run.broken(), ["I7"]);
}

#[test]
fn i7_a_region_is_excluded_for_ever() {
    let mut run = good();
    run.history.as_array_mut().unwrap().pop();
    assert_eq!(run.broken(), ["I7"]);
}

/// What begins by itself in a calm is no excuse; what a person asks for has to settle first.
#[test]
fn i7_a_person_asks_for_a_move_in_a_calm() {
    let asked = |automatic: bool, at: i64| {
        let mut run = good();
        run.write(at, |journal| {
            journal["lastNumber"] = json!(3);
            journal["excluded"] = json!(EAST);
            journal["move"] = json!({"number": 3, "type": "Adopt", "from": EAST, "to": WEST, "toInstance": "shop-usw2",
                "diagnosis": "Healthy", "automatic": automatic, "phase": "Verifying", "outcome": "Completed"});
        });
        run.broken()
    };
    assert!(asked(true, 2600).contains(&"I7"));
    assert_eq!(asked(false, 2600), [""; 0], "1400 s ago");
    assert_eq!(asked(false, 2210), [""; 0], "1790 s ago");
    let mut late = good();
    late.history.as_array_mut().unwrap().pop();
    late.from(1100, |journal| journal["move"]["automatic"] = json!(false));
    assert_eq!(late.broken(), ["I7"], "long before the calm began");
}

#[test]
fn i7_a_fence_is_owed_for_ever() {
    let mut run = good();
    run.from(FENCED, |journal| {
        let owed = journal["obligations"].as_array_mut().unwrap();
        owed.push(json!({"kind": "Unfence", "region": WEST}));
    });
    assert_eq!(run.broken(), ["I7"]);
}

#[test]
fn i8_a_user_meets_the_former_region() {
    let mut run = good();
    let meetings = run.ledger["meetings"].as_array_mut().unwrap();
    meetings.push(meeting(STOPPED - 20, EAST, 3, 3, json!({})));
    assert_eq!(run.broken(), ["I8"]);
    let measured = breakwater_checkers::measures(&run.ledger, &run.history, &run.context).unwrap();
    assert_eq!(measured.users_on_former_writer, 3);
}

/// Somebody else puts A's pool back, and the controller excludes it again.
#[test]
fn i8_whom_somebody_else_sent_there() {
    let put_back = |at: i64, until: i64, who: Option<u64>| {
        let mut run = good();
        run.add([
            balancer(at, &["east", "west"], who),
            balancer(until, &["west"], Some(STOP)),
        ]);
        let meetings = run.ledger["meetings"].as_array_mut().unwrap();
        meetings.push(meeting(until - 1, EAST, 3, 0, json!({})));
        run
    };
    assert_eq!(put_back(1300, 1320, None).broken(), [""; 0]);
    assert_eq!(put_back(1300, 1390, None).broken(), ["I8"], "it had a minute for it");
    assert!(
        put_back(1300, 1320, Some(STOP)).broken().contains(&"I8"),
        "nobody else did"
    );
    let mut hindered = put_back(1300, 1390, None);
    hindered.context["cutOff"] = json!([{"from": ms(1310), "until": ms(1380)}]);
    assert_eq!(hindered.broken(), [""; 0], "it could do nothing");
    let mut passed_on = put_back(1300, 1390, None);
    passed_on.context["leases"] = json!([{"holder": "p1", "from": ms(0), "until": ms(1310)},
                                         {"holder": "p1", "from": ms(1360), "until": ms(UNTIL)}]);
    assert_eq!(passed_on.broken(), [""; 0], "nobody could");
}

#[test]
fn i9_a_move_begins_because_sight_was_lost() {
    let mut run = good();
    run.remove(|event| event["event"] == "fault-injected" || event["event"] == "fault-cleared");
    let fault = json!({"kind": "partition", "region": EAST});
    run.add([json!({"at": ms(DIES), "event": "fault-injected", "id": 1, "fault": fault})]);
    assert_eq!(run.broken(), ["I9"]);
}

/// Behind a cut a person has made the writer read-only: nobody can buy there any more.
#[test]
fn i9_more_than_sight_is_lost_where_persons_stop_the_writer() {
    let mut run = good();
    run.remove(|event| event["event"] == "fault-injected" || event["event"] == "fault-cleared");
    let fault = json!({"kind": "partition", "region": EAST});
    let detail = json!({"op": "modify-parameter", "name": "read_only", "value": "1"});
    let mut hand = call(DIES + 1, 141, "rds", Some(EAST), "modify-parameter", "group", detail);
    hand["vantage"] = json!("person");
    run.add([
        json!({"at": ms(DIES), "event": "fault-injected", "id": 1, "fault": fault}),
        hand,
    ]);
    assert_eq!(run.broken(), [""; 0]);
    // Where it goes on writing the hand was on something else.
    run.ledger["writable"][0]["to"] = json!(ms(RETURNS));
    assert!(run.broken().contains(&"I9"));
}

#[test]
fn i9_users_are_ordered_away_because_an_api_is_silent() {
    let mut run = good();
    run.remove(|event| event["event"] == "fault-injected" || event["event"] == "fault-cleared");
    let silent = json!({"kind": "api-silent", "api": "rds", "region": null});
    run.add([
        json!({"at": ms(640), "event": "fault-injected", "id": 1, "fault": silent}),
        json!({"at": ms(700), "event": "fault-cleared", "id": 1, "fault": silent}),
    ]);
    assert_eq!(run.broken(), ["I9"]);
    // After a backup was put back that is no change of mind.
    let mut backup = run.history[0].clone();
    backup["at"] = json!(ms(642));
    backup["restored"] = json!(true);
    run.history.as_array_mut().unwrap().insert(1, backup);
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn i9_automation_fails_back() {
    let mut run = short();
    run.write(1900, |journal| {
        journal["activeRegion"] = json!(EAST);
        journal["epoch"] = json!(3);
        journal["lastNumber"] = json!(3);
        journal["move"]["number"] = json!(3);
        journal["move"]["type"] = json!("Switchover");
        journal["move"]["from"] = json!(WEST);
        journal["move"]["to"] = json!(EAST);
    });
    assert_eq!(run.broken(), ["I9"]);
    // A person may.
    run.from(1900, |journal| journal["move"]["automatic"] = json!(false));
    assert_eq!(run.broken(), [""; 0]);
}

/// The journal is lost between the promotion and the name: W is what our TXT names.
#[test]
fn i9_a_journal_that_is_lost_goes_by_the_txt() {
    let lost = |named: &str| {
        let mut run = short();
        run.history.as_array_mut().unwrap().truncate(6);
        run.write(PROMOTED + 30, |journal| {
            for gone in ["front", "excluded", "move"] {
                journal[gone] = json!(null);
            }
            journal["obligations"] = json!([]);
        });
        run.history[6]["journal"]["activeRegion"] = json!(null);
        run.history[6]["restored"] = json!(true);
        run.write(PROMOTED + 200, |journal| {
            journal["activeRegion"] = json!(EAST);
            journal["front"] = json!(EAST);
            journal["epoch"] = json!(3);
            journal["lastNumber"] = json!(3);
        });
        run.remove(|event| event["event"] == "record" && event["at"].as_i64() > Some(ms(1000)));
        run.add([
            json!({"at": ms(780), "event": "record", "shop": "shop-ca", "stage": "visible",
            "name": "_breakwater.db.shop.example.com.", "kind": "TXT", "ttl": 60, "call": null, "instance": null,
            "writer": null, "values": [txt(1, named, EAST)]}),
        ]);
        let promoted = run.broken().contains(&"I9");
        run.remove(|event| event["event"] == "promoted");
        (promoted, run.broken().contains(&"I9"))
    };
    assert_eq!(lost(EAST), (false, false));
    assert_eq!(lost(WEST), (true, false), "nobody promoted the other one");
}

#[test]
fn i10_a_move_begins_with_less() {
    let mut run = good();
    run.history[1]["status"]["missing"] = json!([{"name": "EdgeDown"}, {"name": "RefusalGone", "refusal": "NotHeld"}]);
    run.history[1]["status"]["facts"][1]["vote"] = json!("Up");
    assert_eq!(run.broken(), ["I10"]);
    run.history[1]["status"]["facts"][1]["vote"] = json!("Down");
    run.history[1]["status"]["missing"] = json!([{"name": "NotBefore", "until": stamp(741)}]);
    assert_eq!(run.broken(), ["I10"], "too early");
    run.history[2]["status"]["facts"][2]["vote"] = json!("Failed");
    assert_eq!(run.broken(), [""; 0], "another vote, another time");
    run.history[1]["status"]["missing"] = json!([{"name": "NotBefore"}]);
    assert_eq!(run.broken(), [""; 0], "only the reading that came was lacking");
    run.history[1]["status"]["missing"] = json!([{"name": "RefusalGone", "refusal": "NotHeld"}]);
    assert_eq!(run.broken(), [""; 0], "a refusal may have ended at that moment");
}

#[test]
fn i10_all_is_there_and_no_move_begins() {
    for missing in [json!([{"name": "NotBefore", "until": stamp(1700)}]), json!([])] {
        let mut run = short();
        run.show(FENCED, |status| {
            status["missing"] = missing.clone();
            status["refusals"] = json!([]);
        });
        assert_eq!(run.broken(), ["I10"]);
        // Not if it could not: without a lease, or where the object is to go.
        run.context["edits"] = json!([{"at": ms(1650), "shop": "shops/shop-ca", "leaves": true}]);
        assert_eq!(run.broken(), [""; 0]);
    }
}

#[test]
fn i10_what_is_there_is_named() {
    for (name, fact, vote) in [
        ("ProbeDown", 0, "Down"),
        ("ServicesOut", 0, "Impaired"),
        ("EdgeDown", 1, "Down"),
        ("InstanceSilent", 2, "Silent"),
        ("LinkBroken", 3, "Broken"),
    ] {
        let mut run = good();
        run.history[0]["status"]["missing"] = json!([{"name": name}]);
        assert_eq!(run.broken(), [""; 0]);
        run.history[0]["status"]["facts"][fact]["vote"] = json!(vote);
        assert_eq!(run.broken(), ["I10"], "{name}");
    }
    let mut run = good();
    run.history[0]["status"]["missing"] = json!([{"name": "DatabaseSilence"}]);
    assert_eq!(run.broken(), ["I10"]);
}

#[test]
fn i10_a_time_that_is_over_is_named() {
    let mut run = good();
    run.history[1]["status"]["missing"] = json!([{"name": "NotBefore", "until": stamp(644)}]);
    assert_eq!(run.broken(), [""; 0]);
    run.history[1]["status"]["missing"] = json!([{"name": "NotBefore", "until": stamp(500)}]);
    assert_eq!(run.broken(), ["I10"]);
}

#[test]
fn i10_a_refusal_that_nobody_sees_or_that_is_over_is_named() {
    let mut run = good();
    let lacks = json!([{"name": "NotBefore", "until": stamp(735)}, {"name": "RefusalGone", "refusal": "CoolDown"}]);
    run.history[1]["status"]["missing"] = lacks;
    assert_eq!(run.broken(), ["I10"]);
    run.history[1]["status"]["refusals"] = json!(["NotHeld", "CoolDown"]);
    assert_eq!(run.broken(), [""; 0]);

    let mut run = good();
    run.show(FENCED, |status| {
        status["refusals"] = json!(["ObligationOpen", "CoolDown"]);
        status["missing"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "RefusalGone", "refusal": "CoolDown"}));
    });
    run.from(FENCED, |journal| journal["coolDownUntil"] = json!(stamp(UNTIL - 100)));
    assert_eq!(run.broken(), [""; 0]);
    run.from(FENCED, |journal| journal["coolDownUntil"] = json!(stamp(UNTIL - 200)));
    assert_eq!(run.broken(), ["I10"]);
}

#[test]
fn i10_what_refuses_is_not_named() {
    let mut run = good();
    run.history[0]["status"]["refusals"] = json!(["Suspended"]);
    assert_eq!(run.broken(), ["I10"]);
}

#[test]
fn i7_and_i10_without_statuses_are_not_judged_and_that_is_said() {
    let mut run = good();
    run.show(0, |status| *status = json!(null));
    let verdict = breakwater_checkers::judge(&run.ledger, &run.history, &run.context).unwrap();
    assert_eq!(verdict.violations, []);
    let skipped: Vec<&str> = verdict.skipped.iter().map(|skipped| skipped.invariant).collect();
    assert_eq!(skipped, ["I7", "I10"]);
}

#[test]
fn cause_a_call_without_one() {
    let mut run = good();
    run.call(STOP)["because"] = json!(null);
    assert_eq!(run.broken(), ["cause"]);
    run.call(STOP)["because"] = json!(999);
    assert_eq!(run.broken(), ["cause"]);
}

#[test]
fn cause_a_call_that_did_not_wait_for_it() {
    let mut run = good();
    run.call(STOP)["arrived_micros"] = json!(micros(1509) - 1);
    run.ledger["reads"].as_array_mut().unwrap().iter_mut().for_each(|read| {
        if read["number"] == STOP - 1 {
            read["arrived_micros"] = json!(micros(1508));
        }
    });
    assert_eq!(run.broken(), ["cause"]);
}

#[test]
fn journal_first_a_call_that_nothing_announced() {
    let mut run = good();
    run.history[1]["at"] = json!(ms(651));
    assert_eq!(run.broken(), ["journal-first"]);
}

#[test]
fn journal_first_a_pool_is_never_changed() {
    let mut run = good();
    let detail = json!({"op": "patch-pool", "account": "a", "id": "east", "patch": {"enabled": false}});
    run.add([call(651, 121, "cloudflare", None, "patch-pool", "east", detail)]);
    run.call(121)["because"] = json!(PATCH_ORDER - 1);
    assert_eq!(run.broken(), ["journal-first"]);
}

#[test]
fn journal_first_what_a_person_does_is_a_persons() {
    let mut run = good();
    let detail = json!({"op": "patch-pool", "account": "a", "id": "east", "patch": {"enabled": false}});
    run.add([call(651, 121, "cloudflare", None, "patch-pool", "east", detail)]);
    run.call(121)["vantage"] = json!("person");
    assert_eq!(run.broken(), [""; 0]);
}

#[test]
fn exclusion_a_geographic_list_still_leads_there() {
    let mut run = good();
    run.remove(|event| event["event"] == "balancer" && event["call"] == PATCH_EXCLUDE);
    let mut left = balancer(775, &["west"], Some(PATCH_EXCLUDE));
    left["lists"]["east"] = json!(["region_pools.ENAM"]);
    run.add([left]);
    assert_eq!(run.broken(), ["exclusion"]);
}

#[test]
fn fence_owed_the_obligation_is_dropped() {
    let mut run = good();
    run.ledger["writable"][2]["to"] = json!(ms(1800));
    run.from(1100, |journal| journal["obligations"] = json!([]));
    run.remove(|event| event["event"] == "call" && event["number"] == STOP);
    assert_eq!(run.broken(), ["fence-owed"]);
}

/// A run in which both write for minutes, and the journal from before the move is put back meanwhile.
fn put_back(until: i64) -> Documents {
    let mut run = short();
    run.ledger["writable"][2]["to"] = json!(ms(until));
    run.remove(|event| event["event"] == "call" && event["number"] == STOP);
    let backup = run.history[1]["journal"].clone();
    run.history.as_array_mut().unwrap().truncate(7);
    run.write(RETURNS + 50, |journal| *journal = backup.clone());
    run.history[7]["restored"] = json!(true);
    run
}

fn owes_no_fence(run: &Documents) -> bool {
    run.broken().contains(&"fence-owed")
}

#[test]
fn fence_owed_a_restored_journal_is_given_the_time_to_look() {
    assert!(!owes_no_fence(&put_back(RETURNS + 50 + 119)));
    assert!(owes_no_fence(&put_back(RETURNS + 50 + 130)));
    // As long as nobody holds the lease nobody looks.
    let mut run = put_back(RETURNS + 50 + 130);
    run.context["leases"] = json!([{"holder": "p1", "from": ms(0), "until": ms(RETURNS + 50)},
                                   {"holder": "p1", "from": ms(RETURNS + 65), "until": ms(UNTIL)}]);
    assert!(!owes_no_fence(&run));
}

#[test]
fn fence_owed_a_restored_journal_may_leave_it_to_people() {
    let mut run = put_back(RETURNS + 400);
    let tell = |run: &mut Documents| run.show(RETURNS + 150, |status| status["refusals"] = json!(["UnknownActive"]));
    run.write(RETURNS + 150, |_| {});
    assert!(owes_no_fence(&run));
    tell(&mut run);
    assert!(!owes_no_fence(&run));
    run.history[7]["restored"] = json!(false);
    assert!(owes_no_fence(&run), "nobody put it back");
}

/// A person names W; the other region is excluded, and fenced once W was seen to take writes.
#[test]
fn fence_owed_an_adoption_fences_once_w_takes_writes() {
    let adopted = |excluded: &str, verified: bool| {
        let mut run = short();
        run.ledger["writable"][2]["to"] = json!(ms(1800));
        run.remove(|event| event["event"] == "call" && event["number"] == STOP);
        run.from(1100, |journal| {
            journal["obligations"] = json!([]);
            journal["excluded"] = json!(excluded);
            journal["move"]["type"] = json!("Adopt");
            journal["move"]["verifiedAt"] = json!(verified.then(|| stamp(1100)));
        });
        owes_no_fence(&run)
    };
    assert!(!adopted(EAST, false));
    assert!(adopted(EAST, true));
    assert!(adopted(WEST, false));
}

#[test]
fn measures_of_the_good_run() {
    let run = good();
    let measured = breakwater_checkers::measures(&run.ledger, &run.history, &run.context).unwrap();
    let json = serde_json::to_value(&measured).unwrap();
    assert_eq!(json["promotions"], 1);
    assert_eq!(json["usersOnFormerWriter"], 0);
    assert_eq!(json["twoWritersSeconds"], 60.0);
    assert_eq!(json["ordersLost"], 3);
    assert_eq!(json["moves"][0]["ordersOnFormerWriter"], 1);
    assert_eq!(json["lossSecondsTrue"], 1.5);
    assert_eq!(json["lossSecondsEstimate"], 90.0);
    assert_eq!(json["moves"][0]["writesStoppedLateSeconds"], 20.0);
    // Four calls until the move was complete, 10 ms each; the stop came after it.
    assert_eq!(json["ownOverheadMs"], 40.0);
    assert_eq!(json["calls"], json!({"cloudflare": 2, "rds": 2, "route53": 1}));
    assert_eq!(json["detectionSeconds"], 140.0);
    assert_eq!(json["providerSeconds"], 179.0);
    assert_eq!(json["pollWaitSeconds"], 15.0);
    assert_eq!(json["rtoSeconds"], 495.0);
    assert_eq!(json["moves"][0]["shop"], "shops/shop-ca");
    assert_eq!(json["moves"][0]["number"], 2);
}

#[test]
fn documents_of_another_form_are_refused() {
    let run = good();
    let mut other = good();
    other.ledger["format"] = json!(2);
    let error = breakwater_checkers::check(&other.ledger, &run.history, &run.context).unwrap_err();
    assert_eq!(error.document, "ledger");
    other.history[0]["shop"] = json!("shops/unknown");
    let error = breakwater_checkers::check(&run.ledger, &other.history, &run.context).unwrap_err();
    assert_eq!(error.document, "history");
    other.context["shops"][0]["maxLossSeconds"] = json!(null);
    let error = breakwater_checkers::check(&run.ledger, &run.history, &other.context).unwrap_err();
    assert_eq!(error.document, "context");
}
