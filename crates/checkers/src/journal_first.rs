//! "Journal first. Epoch, phase and step are written by compare-and-swap before the call they announce; no write, no
//! call."
//!
//! A call is announced when an entry that was the newest one at some moment of the 60 s before it was sent (no call's
//! whole budget is longer) says what the call brings about:
//!
//! | Call | The entry says |
//! |---|---|
//! | promotion | I1's matter |
//! | CNAME created | W is that instance's region |
//! | TXT created | epoch, W and the excluded region are those of the TXT; or an adoption has begun |
//! | pool order | `front` is the region of the new first pool, and of the fallback |
//! | geographic lists | a region is, or has been, excluded |
//! | `read_only=1` | `Unfence` or `FenceFormerWriter` is owed there |
//! | `read_only` back | `Unfence` is owed there, or W is there, or it is the group of a standby in the making |
//! | stop | `FenceFormerWriter` is owed there, and W is elsewhere; or a former writer whose place was taken is meant |
//! | copy of a group, new replica | `RebuildStandby` is owed there, and the entry names what is made |
//! | start | W is there |
//! | tag `breakwater:fenced` on | as `read_only=1`; or a former writer whose place was taken is meant |
//! | other tags on | W is there |
//! | tags off | as `read_only` back, or nothing moves (the object is let go) |
//!
//! Anything else (a change of a pool, for one) no entry can announce.

use crate::history::{Entry, Journal, ObligationKind};
use crate::ledger::{Call, Region};
use crate::run::{LICENCE_LASTS, Run, Shop};
use crate::{Verdict, Violation};
use serde_json::Value;

const NAME: &str = "journal-first";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    let calls = run
        .controller_calls()
        .filter(|(_, call)| call.op != "promote-read-replica");
    for (at, call) in calls {
        let sent = run.sent(at, call);
        let shop = run.shop_of(call);
        if let Err(why) = announced(run, shop, call, sent) {
            verdict.violations.push(Violation {
                invariant: NAME,
                at: sent,
                shop: shop.map(|shop| shop.key.clone()),
                what: format!(
                    "{} of {} (call {}) was sent and the journal did not announce it: {why}",
                    call.op, call.target, call.number
                ),
            });
        }
    }
}

fn announced(run: &Run, shop: Option<&Shop>, call: &Call, sent: i64) -> Result<(), String> {
    let shop = shop.ok_or("it concerns no shop of the context")?;
    let mut why = "there is no journal yet".to_owned();
    for entry in shop.in_force(sent - LICENCE_LASTS, sent).iter().rev() {
        match announces(run, shop, entry, call) {
            Ok(()) => return Ok(()),
            Err(own) => why = own,
        }
    }
    Err(why)
}

/// Whether this entry announces the call; if not, why not.
pub(crate) fn announces(run: &Run, shop: &Shop, entry: &Entry, call: &Call) -> Result<(), String> {
    let journal = &entry.journal;
    let here = call.region.as_deref().unwrap_or_default();
    let writer_here = || {
        demand(journal.active_region.as_deref() == Some(here), || {
            format!("W is not {here}")
        })
    };
    match call.op.as_str() {
        // Whether it was allowed is I1; whether this entry is about it at all is what matters here.
        "promote-read-replica" => {
            let own = journal.in_flight().is_some_and(|current| current.to == here);
            demand(own, || format!("no move into {here} is in flight"))
        }
        "change-records" => records(run, shop, entry, call),
        "patch-balancer" => pools(shop, entry, call),
        "modify-parameter" if is_read_only(call, "1") => to_be_fenced(journal, here),
        "modify-parameter" => to_be_freed(journal, here)
            .or_else(|_| writer_here())
            .or_else(|_| to_be_made(journal, here, &call.target)),
        "copy-parameter-group" | "create-read-replica" => to_be_made(journal, here, &call.target),
        "stop-instance" if is_retired(journal, here, &call.target) => Ok(()),
        "stop-instance" => {
            let owed = journal.owes(ObligationKind::FenceFormerWriter, here);
            demand(owed, || format!("no FenceFormerWriter is owed in {here}"))?;
            demand(journal.active_region.as_deref() != Some(here), || {
                format!("W is {here}")
            })
        }
        "start-instance" => writer_here(),
        "add-tags" if fences(call) && is_retired(journal, here, &call.target) => Ok(()),
        "add-tags" if fences(call) => to_be_fenced(journal, here),
        "add-tags" => writer_here(),
        "remove-tags" => to_be_freed(journal, here)
            .or_else(|_| demand(journal.in_flight().is_none(), || "a move is in flight".to_owned())),
        other => Err(format!("nothing can announce {other} of {}", call.api)),
    }
}

fn demand(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn to_be_fenced(journal: &Journal, region: &str) -> Result<(), String> {
    let owed = journal.owes(ObligationKind::FenceFormerWriter, region) || journal.owes(ObligationKind::Unfence, region);
    demand(owed, || {
        format!("neither FenceFormerWriter nor Unfence is owed in {region}")
    })
}

fn to_be_freed(journal: &Journal, region: &str) -> Result<(), String> {
    let owed = journal.owes(ObligationKind::Unfence, region);
    demand(owed, || format!("no Unfence is owed in {region}"))
}

fn to_be_made(journal: &Journal, region: &str, made: &str) -> Result<(), String> {
    let named = journal
        .rebuild
        .as_ref()
        .is_some_and(|own| own.region == region && (own.instance == made || own.group == made));
    demand(named && journal.owes(ObligationKind::RebuildStandby, region), || {
        format!("no {made} is to be made in {region}")
    })
}

fn is_retired(journal: &Journal, region: &str, instance: &str) -> bool {
    let mut retired = journal.retired.iter();
    retired.any(|own| own.region == region && own.instance == instance)
}

fn is_read_only(call: &Call, value: &str) -> bool {
    let field = |key: &str| call.detail.get(key).and_then(Value::as_str);
    field("name") == Some("read_only") && field("value") == Some(value)
}

fn fences(call: &Call) -> bool {
    let tags = call.detail.get("tags").and_then(Value::as_object);
    tags.is_some_and(|tags| tags.contains_key("breakwater:fenced"))
}

fn pools(shop: &Shop, entry: &Entry, call: &Call) -> Result<(), String> {
    let journal = &entry.journal;
    let patch = call.detail.get("patch").unwrap_or(&Value::Null);
    let front = journal.front.as_ref().or(journal.active_region.as_ref());
    let wanted = front
        .and_then(|region| shop.region(region))
        .map(|region| region.pool.as_str());
    let first = patch
        .get("default_pools")
        .map(|pools| pools.get(0).and_then(Value::as_str));
    let fallback = patch.get("fallback_pool").map(Value::as_str);
    for (place, pool) in [("first", first), ("fallback", fallback)] {
        let Some(pool) = pool else { continue };
        demand(wanted.is_some() && pool == wanted, || {
            format!("the {place} pool {pool:?} is not that of the front, {front:?}")
        })?;
    }
    let by_order = first.is_some() || fallback.is_some();
    let excluded = shop
        .history
        .iter()
        .any(|earlier| earlier.at <= entry.at && earlier.journal.excluded.is_some());
    demand(by_order || excluded, || "no region is or was excluded".to_owned())
}

fn records(run: &Run, shop: &Shop, entry: &Entry, call: &Call) -> Result<(), String> {
    let changes = call
        .detail
        .get("changes")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut names_something = false;
    for change in changes {
        let field = |key: &str| change.get("record").and_then(|record| record.get(key));
        let kind = field("kind").and_then(Value::as_str).unwrap_or_default();
        let gone = change.get("action").and_then(Value::as_str) == Some("DELETE");
        let value = field("values").and_then(|values| values.get(0)).and_then(Value::as_str);
        match (kind, gone, value) {
            (_, true, _) => {}
            ("CNAME", false, Some(host)) => writer_name(run, shop, &entry.journal, host)?,
            ("TXT", false, Some(text)) => owner_record(&entry.journal, text)?,
            _ => return Err(format!("a {kind} record is none of ours")),
        }
        names_something |= !gone;
    }
    // Nothing created: our TXT goes, when the object is let go.
    let quiet = entry.journal.in_flight().is_none();
    demand(names_something || quiet, || {
        "records are deleted while a move is in flight".to_owned()
    })
}

fn writer_name(run: &Run, shop: &Shop, journal: &Journal, host: &str) -> Result<(), String> {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let leads_to = |region: &&Region| plain(&region.endpoint) == plain(host);
    let set_up = shop
        .set_up
        .regions
        .iter()
        .find(leads_to)
        .map(|region| region.region.as_str());
    // The name of an instance that was made later begins with its identifier, as every endpoint does.
    let made = || run.region_of(shop, host.split('.').next().unwrap_or(host));
    let region = set_up.or_else(made);
    demand(region.is_some() && region == journal.active_region.as_deref(), || {
        format!("W is {:?}, the name leads to {host}", journal.active_region)
    })
}

fn owner_record(journal: &Journal, text: &str) -> Result<(), String> {
    let told = Told::parse(text).ok_or_else(|| format!("a TXT of another form: {text}"))?;
    let level =
        told.epoch == journal.epoch && told.region == journal.active_region && told.excluded == journal.excluded;
    let claim = journal.adopting_since.is_some() && told.epoch <= journal.last_number;
    demand(level || claim, || {
        format!(
            "the TXT says {told:?}, the journal epoch {} of {:?} without {:?}",
            journal.epoch, journal.active_region, journal.excluded
        )
    })
}

/// What the owner's TXT says: `v=1 owner=<..> epoch=<n> region=<r> excluded=<r or ->`.
#[derive(Debug)]
pub(crate) struct Told {
    pub epoch: i64,
    pub region: Option<String>,
    pub excluded: Option<String>,
}

impl Told {
    pub(crate) fn parse(value: &str) -> Option<Told> {
        let text = value.replace('"', "");
        let field = |key: &str| {
            text.split_ascii_whitespace()
                .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        };
        let region = |key: &str| field(key).filter(|value| *value != "-").map(str::to_owned);
        Some(Told {
            epoch: field("epoch")?.parse().ok()?,
            region: region("region"),
            excluded: region("excluded"),
        })
    }
}
