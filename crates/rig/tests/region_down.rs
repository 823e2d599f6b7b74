//! The main job in virtual time.
use breakwater_rig::{Options, Rig};
use breakwater_sim::{Fault, Setup};
use std::time::Duration;

#[test]
fn a_dead_region_is_left() {
    let mut rig = Rig::new(Setup::demo(), 7, &Options::default());
    let names = ["shop-ca", "shop-geo", "shop-west"];
    rig.run_for(Duration::from_secs(600));
    for name in names {
        let key = rig.key(name);
        let status = rig.status(&key).expect("a status");
        println!("{name}: {:?} {:?}", status.journal.active_region, status.report.message);
        for c in &status.report.conditions {
            println!("   {} {:?} {} {}", c.kind, c.status, c.reason, c.message);
        }
        for c in &status.report.blockers {
            println!("   blocker {} {}", c.name, c.message);
        }
    }
    let t0 = rig.millis();
    let fault = rig.inject(Fault::RegionDown {
        region: "ca-central-1".into(),
        names_vanish: false,
    });
    rig.run_for(Duration::from_secs(1800));
    rig.clear(fault);
    rig.run_for(Duration::from_secs(4800));
    for (at, event) in rig.events() {
        println!(
            "{:>7.1} {} {} {}",
            (*at - t0) as f64 / 1000.0,
            event.key,
            event.reason,
            event.message
        );
    }
    for name in names {
        let key = rig.key(name);
        println!("{name} {:?}", rig.journal(&key).expect("journal").excluded);
        println!("{:?}", rig.status(&key).unwrap().report.message);
        println!("{:?}", rig.world.glance().shops.iter().find(|s| *s.name == *name));
    }
    let mut n = 0;
    for h in rig
        .history()
        .iter()
        .filter(|h| &*h.shop.name == "shop-geo" && h.at > t0 - 480_000)
    {
        n += 1;
        if n < 60 {
            println!(
                "{:.1} {:?} {} {:?}",
                (h.at - t0) as f64 / 1000.0,
                h.status.report.diagnosis,
                h.status.report.reason,
                h.status.report.missing
            );
        }
    }
    println!("steps {} history {}", rig.steps(), rig.history().len());
}
