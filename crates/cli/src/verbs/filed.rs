//! Verbs that file a RegionSwitch: shown first, then asked, then created.

use super::confirm;
use super::read::open_requests;
use crate::args::Asking;
use crate::ask::{self, Asker, Wish};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::show::ahead;
use crate::show::stand::{Stand, command, name_of};
use crate::trouble::Trouble;
use crate::{follow, screen};
use breakwater_api::{RegionSwitch, Storefront};
use breakwater_core::journal::MoveKind;

/// Files a request of this kind, unless it is only to be printed.
pub(super) async fn file(
    cluster: &Cluster,
    storefront: &str,
    kind: MoveKind,
    wish: Wish,
    asking: &Asking,
) -> Result<Exit, Trouble> {
    let shop = cluster.storefront(storefront).await?.typed;
    put(cluster, &shop, kind, &wish, asking).await
}

/// Home: a switchover to the preferred region.
pub(super) async fn back(cluster: &Cluster, storefront: &str, wish: Wish, asking: &Asking) -> Result<Exit, Trouble> {
    let shop = cluster.storefront(storefront).await?.typed;
    let home = Wish {
        to: Some(shop.spec.regions.primary.name.clone()),
        ..wish
    };
    put(cluster, &shop, MoveKind::Switchover, &home, asking).await
}

async fn put(
    cluster: &Cluster,
    shop: &Storefront,
    kind: MoveKind,
    wish: &Wish,
    asking: &Asking,
) -> Result<Exit, Trouble> {
    let stand = Stand::of(shop);
    let open = open_requests(cluster, stand.name()).await;
    ask::may_ask(&stand, kind, &open, cluster.now())?;
    let asker = Asker {
        by: cluster.me().await,
        reason: reason(asking)?,
        now: cluster.now(),
    };
    let switch = ask::request(&stand, kind, wish, asking, asker)?;
    if asking.dry_run {
        screen::print(&ask::manifest(&switch));
        return Ok(Exit::Done);
    }
    screen::tell(&ahead::page(
        shop,
        &open,
        &switch.spec.request,
        cluster.now(),
        screen::width(),
    ));
    confirm(asking.going.yes)?;
    let filed = cluster.create(&switch).await?;
    told(cluster, &filed);
    if !asking.going.wait {
        return Ok(Exit::Done);
    }
    let end = follow::to_its_end(cluster, &filed, asking.going.timeout).await?;
    Ok(follow::exit(end))
}

/// Why, for the record: who asks at a terminal is asked back.
fn reason(asking: &Asking) -> Result<String, Trouble> {
    let missing = || Trouble::Usage("say why with --reason: it stands on the record. Nothing was changed".into());
    let given = match &asking.reason {
        Some(reason) => Some(reason.clone()),
        None if asking.going.yes || asking.dry_run || !screen::can_ask() => None,
        None => screen::ask("Why? (one line, for the record) "),
    };
    given
        .map(|reason| reason.trim().to_owned())
        .filter(|reason| !reason.is_empty())
        .ok_or_else(missing)
}

/// The name goes to scripts, the rest to people.
fn told(cluster: &Cluster, filed: &RegionSwitch) {
    let name = name_of(filed);
    screen::print(&format!("regionswitch.breakwater.dev/{name} created"));
    screen::tell(&format!(
        "Follow it:   {}\nWithdraw it: {}",
        command(
            &cluster.namespace,
            "status",
            &filed.spec.request.storefront_name,
            "--watch"
        ),
        command(&cluster.namespace, "abort", &filed.spec.request.storefront_name, name),
    ));
}
