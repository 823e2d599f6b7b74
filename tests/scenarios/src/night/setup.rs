//! The world of a script.

use super::Trouble;
use super::clock::BEGIN;
use super::script::Script;
use breakwater_sim::Setup;
use serde_json::Value;

/// Before the begin the shops are adopted, and stand ready for a while.
const BEFORE: i64 = 20 * 60 * 1000;

/// The demo's world with only the script's shops, few shoppers and no record of reads, and the script's changes.
pub(super) fn of(name: &str, script: &Script) -> Result<(Setup, i64), Trouble> {
    let wrong = |why: String| Trouble::Script {
        script: name.to_owned(),
        why,
    };
    let mut setup = Setup::demo();
    let begin = setup.start + BEGIN * 1000;
    setup.start = if script.new { begin } else { begin - BEFORE };
    setup.keep_reads = false;
    let all: Vec<String> = setup.shops.iter().map(|shop| shop.name.clone()).collect();
    if let Some(unknown) = script.shops.iter().find(|shop| !all.contains(shop)) {
        return Err(wrong(format!(
            "there is no {unknown}: the shops are {}",
            all.join(", ")
        )));
    }
    setup.shops.retain(|shop| script.shops.contains(&shop.name));
    for shop in &mut setup.shops {
        shop.orders_per_second = 0.5;
        shop.jobs_per_minute = 2.0;
    }
    let patched = |value: Result<Value, serde_json::Error>, patch: &Value| {
        let mut value = value.map_err(|error| error.to_string())?;
        if !patch.is_null() {
            json_patch::merge(&mut value, patch);
        }
        Ok::<Value, String>(value)
    };
    for shop in &mut setup.shops {
        let value = patched(serde_json::to_value(&*shop), &script.shop).map_err(&wrong)?;
        *shop = serde_json::from_value(value).map_err(|error| wrong(format!("shop: {error}")))?;
    }
    let value = patched(serde_json::to_value(&setup), &script.world).map_err(&wrong)?;
    let setup = serde_json::from_value(value).map_err(|error| wrong(format!("world: {error}")))?;
    Ok((setup, begin))
}
