//! From a verb to a RegionSwitch: one that `kubectl apply` could have made as well. Only what cannot be right whatever the
//! controller says is turned away here; whether it begins is decided by the controller.

use crate::args::Asking;
use crate::show::stand::{Stand, is_of, kind_name, name_of, no_way_back};
use crate::show::text::until;
use crate::trouble::Trouble;
use breakwater_api::region_switch::{RegionSwitch, RegionSwitchSpec, Request};
use breakwater_core::journal::{JOURNAL_VERSION, MoveKind, Phase};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

/// What one verb asks for beside what all do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) to: Option<String>,
    pub(crate) max_write_stop: Option<SignedDuration>,
    pub(crate) allow_data_loss: Option<SignedDuration>,
    pub(crate) lasts: Option<SignedDuration>,
}

/// Who asks, why, and when.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) now: Timestamp,
}

/// The request, or why it makes no sense to file it.
pub(crate) fn request(
    stand: &Stand<'_>,
    kind: MoveKind,
    wish: &Wish,
    asking: &Asking,
    asker: Asker,
) -> Result<RegionSwitch, Trouble> {
    let to = destination(stand, kind, wish)?;
    // Times are read by people: whole seconds.
    let now = Timestamp::from_second(asker.now.as_second()).unwrap_or(asker.now);
    let start_before = asking.start_before.at(now);
    if start_before <= now {
        return Err(Trouble::Usage(format!(
            "--start-before {} lies in the past: it would expire at once. Nothing was changed",
            until(start_before, now)
        )));
    }
    let name = asking.name.clone().unwrap_or_else(|| {
        let at = now.strftime("%Y%m%d-%H%M%S");
        format!("{}-{}-{at}", stand.name(), kind_name(kind).to_ascii_lowercase())
    });
    Ok(RegionSwitch {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(stand.namespace().to_owned()),
            ..ObjectMeta::default()
        },
        spec: RegionSwitchSpec {
            request: Request {
                storefront_name: stand.name().to_owned(),
                kind,
                to,
                expected_epoch: epoch(stand, kind),
                start_before,
                reason: asker.reason,
                requested_by: asker.by,
                overrides: asking.overrides.clone(),
                max_write_stop_seconds: whole_seconds("--max-write-stop", wish.max_write_stop)?,
                allow_data_loss_seconds: whole_seconds("--allow-data-loss", wish.allow_data_loss)?,
                expires_at: wish.lasts.and_then(|lasts| now.checked_add(lasts).ok()),
            },
            approval: None,
            abort: false,
        },
        status: None,
    })
}

/// Whether anything can be asked of this shop now.
pub(crate) fn may_ask(
    stand: &Stand<'_>,
    kind: MoveKind,
    requests: &[RegionSwitch],
    now: Timestamp,
) -> Result<(), Trouble> {
    readable(stand)?;
    if kind == MoveKind::Adopt {
        // The way out: it ends a move in flight, and needs no epoch.
        return Ok(());
    }
    // A traffic shift that holds is no move in flight.
    if let Some(current) = stand.in_flight().filter(|current| current.phase != Phase::Holding) {
        let record = requests.iter().find(|switch| is_of(switch, current));
        let record = record.map_or_else(
            || breakwater_api::record_name(stand.name(), current.number, current.kind),
            |switch| name_of(switch).to_owned(),
        );
        let deadline = current
            .deadline
            .map(|at| format!(", expected by {}", until(at, now)))
            .unwrap_or_default();
        let way = if no_way_back(current.phase) {
            "It cannot be undone any more.".to_owned()
        } else {
            format!("To withdraw it: {}.", stand.command("abort", ""))
        };
        return Err(Trouble::Refused(format!(
            "{} already moves from {} to {} ({record}: {}{deadline}), and one move is in flight at a time. Nothing was changed. \
             {way} To watch it: {}",
            stand.title(),
            current.from,
            current.to,
            current.phase.name(),
            stand.command("status", "--watch")
        )));
    }
    Ok(())
}

/// Whether this build understands what stands there: nothing is changed by somebody who does not.
pub(crate) fn readable(stand: &Stand<'_>) -> Result<(), Trouble> {
    if !stand.was_seen() {
        return Err(Trouble::NeverSeen(stand.title()));
    }
    match stand.other_journal() {
        Some(found) => Err(Trouble::OtherJournal {
            object: stand.title(),
            found,
            known: JOURNAL_VERSION,
        }),
        None => Ok(()),
    }
}

fn destination(stand: &Stand<'_>, kind: MoveKind, wish: &Wish) -> Result<Option<String>, Trouble> {
    let [preferred, other] = stand.regions().map(|region| region.name.as_str());
    if let Some(to) = &wish.to
        && ![preferred, other].contains(&to.as_str())
    {
        return Err(Trouble::Usage(format!(
            "{to} is no region of {}: use {preferred} or {other}. Nothing was changed",
            stand.title()
        )));
    }
    let active = stand.status.active_region.as_deref();
    match kind {
        MoveKind::Adopt | MoveKind::TrafficShift => Ok(wish.to.clone()),
        MoveKind::Drill => Ok(wish.to.clone().or_else(|| stand.status.standby_region.clone())),
        MoveKind::Failover | MoveKind::Switchover => {
            let Some(active) = active else {
                return Err(Trouble::Refused(format!(
                    "nobody can tell where the writer of {} is, so nothing can move it (UnknownActive). Nothing was changed. Look at \
                     both instances, then say where it is: {}",
                    stand.title(),
                    stand.command("adopt", "--writer REGION")
                )));
            };
            let to = wish.to.clone().unwrap_or_else(|| stand.other_region(active).to_owned());
            if to == active {
                return Err(Trouble::Refused(format!(
                    "{} is active in {to} already (AlreadyActive). Nothing was changed, and there is nothing to do",
                    stand.title()
                )));
            }
            Ok(Some(to))
        }
    }
}

/// An Adopt is the way out where epochs went wrong, and does without.
fn epoch(stand: &Stand<'_>, kind: MoveKind) -> Option<i64> {
    match kind {
        MoveKind::Adopt => None,
        MoveKind::Failover | MoveKind::Switchover | MoveKind::TrafficShift | MoveKind::Drill => {
            Some(stand.status.epoch.unwrap_or(0))
        }
    }
}

fn whole_seconds(flag: &str, length: Option<SignedDuration>) -> Result<Option<i32>, Trouble> {
    let Some(length) = length else {
        return Ok(None);
    };
    i32::try_from(length.as_secs())
        .map(Some)
        .map_err(|_| Trouble::Usage(format!("{flag} is too long. Nothing was changed")))
}

/// As `kubectl apply -f -` takes it. `approval` and `abort` belong to people and never into a file.
pub(crate) fn manifest(switch: &RegionSwitch) -> String {
    let mut value = serde_json::to_value(switch).unwrap_or_default();
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("abort");
    }
    serde_yaml_ng::to_string(&value).unwrap_or_default()
}
