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
    // A person is asked why when they have seen what it would do.
    let asks_why = asking.reason.is_none() && !asking.going.yes && !asking.dry_run && screen::can_ask();
    let given = if asks_why {
        String::new()
    } else {
        reason(asking.reason.clone())?
    };
    let asker = Asker {
        by: cluster.me().await,
        reason: given,
        now: cluster.now(),
    };
    let mut switch = ask::request(&stand, kind, wish, asking, asker)?;
    if asking.dry_run {
        screen::print(&ask::manifest(&switch));
        return Ok(Exit::Done);
    }
    let page = ahead::page(shop, &open, &switch.spec.request, cluster.now(), screen::width());
    screen::tell(&page);
    if asks_why {
        switch.spec.request.reason = reason(screen::ask("Why? (one line, for the record) "))?;
    }
    confirm(asking.going.yes)?;
    let filed = cluster.create(&switch).await?;
    told(cluster, &filed);
    if !asking.going.wait {
        return Ok(Exit::Done);
    }
    let end = follow::to_its_end(cluster, &filed, asking.going.timeout).await?;
    Ok(follow::exit(end))
}

/// Why, for the record.
fn reason(given: Option<String>) -> Result<String, Trouble> {
    let given = given
        .map(|reason| reason.trim().to_owned())
        .filter(|reason| !reason.is_empty());
    given.ok_or_else(|| Trouble::Usage("say why with --reason: it stands on the record. Nothing was changed".into()))
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
