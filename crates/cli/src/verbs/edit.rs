//! Verbs that change one field: approve and abort a request, suspend and resume a shop.

use super::confirm;
use crate::args::{AbortArgs, ApproveArgs, EditArgs};
use crate::ask;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::show::consent;
use crate::show::stand::{Stand, is_of, is_open, kind_name, name_of};
use crate::trouble::Trouble;
use crate::{follow, screen};
use breakwater_api::{RegionSwitch, Storefront};
use breakwater_core::journal::MoveOutcome;
use serde_json::json;

pub(super) async fn approve(cluster: &Cluster, args: &ApproveArgs) -> Result<Exit, Trouble> {
    let shop = cluster.storefront(&args.storefront).await?.typed;
    let stand = Stand::of(&shop);
    ask::readable(&stand)?;
    let open = requests(cluster, &stand).await?;
    let waiting: Vec<&RegionSwitch> = open
        .iter()
        .filter(|switch| switch.spec.approval.is_none() && !switch.spec.abort)
        .collect();
    let switch = the_one(&stand, "approve", &open, &waiting, args.request.as_deref())?;
    if let Some(approval) = &switch.spec.approval {
        return Err(Trouble::Refused(format!(
            "{} is approved already, by {}. Nothing was changed",
            name_of(switch),
            approval.by
        )));
    }
    screen::tell(&consent::approval(&shop, switch, cluster.now(), screen::width()));
    confirm(args.going.yes)?;
    let by = cluster.me().await;
    let mut approval = json!({"by": by});
    if let Some(note) = &args.note {
        approval["note"] = note.as_str().into();
    }
    let uid = switch.metadata.uid.as_deref();
    cluster
        .patch::<RegionSwitch>(name_of(switch), uid, json!({"approval": approval}))
        .await?;
    screen::print(&format!("regionswitch.breakwater.dev/{} approved", name_of(switch)));
    if !args.going.wait {
        return Ok(Exit::Done);
    }
    Ok(follow::exit(
        follow::to_its_end(cluster, switch, args.going.timeout).await?,
    ))
}

pub(super) async fn abort(cluster: &Cluster, args: &AbortArgs) -> Result<Exit, Trouble> {
    let shop = cluster.storefront(&args.storefront).await?.typed;
    let stand = Stand::of(&shop);
    ask::readable(&stand)?;
    let open = requests(cluster, &stand).await?;
    let going_on: Vec<&RegionSwitch> = open.iter().filter(|switch| !switch.spec.abort).collect();
    // Who says abort while something moves means that.
    let moving: Vec<&RegionSwitch> = going_on
        .iter()
        .copied()
        .filter(|switch| stand.in_flight().is_some_and(|current| is_of(switch, current)))
        .collect();
    let candidates = if moving.is_empty() { going_on } else { moving };
    let switch = the_one(&stand, "abort", &open, &candidates, args.request.as_deref())?;
    if switch.spec.abort {
        screen::print(&format!(
            "regionswitch.breakwater.dev/{} is withdrawn already",
            name_of(switch)
        ));
    } else {
        screen::tell(&consent::withdrawal(&shop, switch, cluster.now(), screen::width()));
        confirm(args.going.yes)?;
        let uid = switch.metadata.uid.as_deref();
        cluster
            .patch::<RegionSwitch>(name_of(switch), uid, json!({"abort": true}))
            .await?;
        screen::print(&format!("regionswitch.breakwater.dev/{} withdrawn", name_of(switch)));
    }
    if !args.going.wait {
        return Ok(Exit::Done);
    }
    // What was wished for here is that it does not happen.
    match follow::to_its_end(cluster, switch, args.going.timeout).await? {
        MoveOutcome::Aborted | MoveOutcome::RolledBack | MoveOutcome::Refused | MoveOutcome::Expired => Ok(Exit::Done),
        MoveOutcome::Completed => Err(Trouble::Refused(format!(
            "{} was past its point of no return and completed",
            name_of(switch)
        ))),
    }
}

pub(super) async fn suspend(cluster: &Cluster, args: &EditArgs, suspend: bool) -> Result<Exit, Trouble> {
    let shop = cluster.storefront(&args.storefront).await?.typed;
    let stand = Stand::of(&shop);
    let (done, verb) = if suspend {
        ("suspended", "resume")
    } else {
        ("resumed", "suspend")
    };
    if shop.spec.suspend == suspend {
        let so = if suspend {
            "is suspended already"
        } else {
            "is not suspended"
        };
        screen::print(&format!("storefront.breakwater.dev/{} {so}", stand.name()));
        return Ok(Exit::Done);
    }
    // At rest it is undone as easily; in the midst of a move it leaves everything as it is just then.
    if suspend && let Some(current) = stand.in_flight() {
        screen::tell(&consent::suspension(&stand, current, cluster.now(), screen::width()));
        confirm(args.yes)?;
    }
    let uid = shop.metadata.uid.as_deref();
    cluster
        .patch::<Storefront>(stand.name(), uid, json!({"suspend": suspend}))
        .await?;
    screen::print(&format!("storefront.breakwater.dev/{} {done}", stand.name()));
    if suspend {
        screen::tell(&format!(
            "No call is made about it any more, fences too. Go on with: {}\nKeep suspend out of Git: a sync would undo this.",
            stand.command(verb, "")
        ));
    }
    Ok(Exit::Done)
}

/// The open requests; that they cannot be read is an error here.
async fn requests(cluster: &Cluster, stand: &Stand<'_>) -> Result<Vec<RegionSwitch>, Trouble> {
    let (switches, _) = cluster.switches(stand.name()).await?;
    Ok(super::read::typed(switches).into_iter().filter(is_open).collect())
}

/// The request that is meant: the named one, or the only one.
fn the_one<'a>(
    stand: &Stand<'_>,
    verb: &str,
    open: &'a [RegionSwitch],
    candidates: &[&'a RegionSwitch],
    named: Option<&str>,
) -> Result<&'a RegionSwitch, Trouble> {
    if let Some(name) = named {
        return open.iter().find(|switch| name_of(switch) == name).ok_or_else(|| {
            Trouble::Refused(format!(
                "{name} is no open request of {}: it has ended, or was never there. Nothing was changed. {}",
                stand.title(),
                stand.command("history", "")
            ))
        });
    }
    match candidates {
        [one] => Ok(one),
        [] => Err(Trouble::Refused(format!(
            "there is no request of {} to {verb}. Nothing was changed. {}",
            stand.title(),
            stand.command("history", "")
        ))),
        more => {
            let names: Vec<String> = more
                .iter()
                .map(|switch| {
                    let asked = &switch.spec.request;
                    format!(
                        "{} ({} by {})",
                        name_of(switch),
                        kind_name(asked.kind),
                        asked.requested_by
                    )
                })
                .collect();
            Err(Trouble::Usage(format!(
                "{} has several open requests: {}. Nothing was changed. Name one: {}",
                stand.title(),
                names.join(", "),
                stand.command(verb, "REQUEST")
            )))
        }
    }
}
