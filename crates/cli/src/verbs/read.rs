//! Verbs that show: `status`, `explain`, `history`, `report`. They change nothing.

use crate::args::{Output, ReadArgs, ReportArgs, StatusArgs};
use crate::cluster::{Cluster, Found};
use crate::exit::Exit;
use crate::screen;
use crate::show::stand::is_open;
use crate::show::{explain, history, report, status};
use crate::trouble::Trouble;
use crate::watch;
use breakwater_api::{RegionSwitch, Storefront};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) async fn status(cluster: &Cluster, args: &StatusArgs) -> Result<Exit, Trouble> {
    let Some(name) = &args.storefront else {
        return all(cluster, args).await;
    };
    if args.watch {
        return watch::status(cluster, name).await;
    }
    let found = cluster.storefront(name).await?;
    if let Some(output) = args.output {
        print(output, &found.raw)?;
        return Ok(Exit::Done);
    }
    let open = open_requests(cluster, name).await;
    screen::print(&status::tree(&found.typed, &open, cluster.now(), screen::width()));
    Ok(Exit::Done)
}

/// Requests that are open; none where RegionSwitches may not be read: the tree is worth more than the refusal.
pub(crate) async fn open_requests(cluster: &Cluster, storefront: &str) -> Vec<RegionSwitch> {
    match cluster.switches(storefront).await {
        Ok((switches, _)) => typed(switches).into_iter().filter(is_open).collect(),
        Err(trouble) => {
            screen::complain(&format!("requests are not shown: {trouble}"));
            Vec::new()
        }
    }
}

/// A line for each shop. One that does not read is told, shown by name, and is the exit code.
async fn all(cluster: &Cluster, args: &StatusArgs) -> Result<Exit, Trouble> {
    let found = cluster.storefronts(args.all_namespaces).await?;
    let mut exit = Exit::Done;
    let mut raw = Vec::new();
    let mut lines: Vec<Result<Storefront, String>> = Vec::new();
    for found in found {
        match found {
            Ok(found) => {
                raw.push(found.raw);
                lines.push(Ok(found.typed));
            }
            Err(trouble) => {
                screen::complain(&trouble.to_string());
                exit = trouble.exit();
                lines.push(Err(match trouble {
                    Trouble::Malformed { object, .. } => object.rsplit(' ').next().unwrap_or_default().to_owned(),
                    other => other.to_string(),
                }));
            }
        }
    }
    if let Some(output) = args.output {
        print(output, &json!({"apiVersion": "v1", "kind": "List", "items": raw}))?;
    } else if lines.is_empty() {
        let place = if args.all_namespaces {
            "this cluster".to_owned()
        } else {
            format!("namespace {}", cluster.namespace)
        };
        screen::tell(&format!("No Storefronts in {place}."));
    } else {
        screen::print(&status::table(&lines, args.all_namespaces));
    }
    Ok(exit)
}

pub(super) async fn explain(cluster: &Cluster, args: &ReadArgs) -> Result<Exit, Trouble> {
    let found = cluster.storefront(&args.storefront).await?;
    let open = open_requests(cluster, &args.storefront).await;
    match args.output {
        Some(output) => print(output, &explain::data(&found.typed, &open))?,
        None => screen::print(&explain::page(&found.typed, &open, cluster.now(), screen::width())),
    }
    Ok(Exit::Done)
}

/// Records outlive their Storefront: it is missing only when there are none either.
pub(super) async fn history(cluster: &Cluster, args: &ReadArgs) -> Result<Exit, Trouble> {
    let (switches, unread) = cluster.switches(&args.storefront).await?;
    if switches.is_empty() && unread == 0 {
        cluster.storefront(&args.storefront).await?;
    }
    if let Some(output) = args.output {
        let items: Vec<Value> = switches.into_iter().map(|found| found.raw).collect();
        print(output, &json!({"apiVersion": "v1", "kind": "List", "items": items}))?;
    } else if switches.is_empty() {
        screen::tell(&history::none(&args.storefront));
    } else {
        screen::print(&history::table(&typed(switches), cluster.now()));
    }
    if unread > 0 {
        screen::complain(&format!(
            "{unread} RegionSwitches do not read and are not listed: they were written by another version than this plugin. \
             `kubectl get rsw -n {}` lists all",
            cluster.namespace
        ));
        return Ok(Exit::Missing);
    }
    Ok(Exit::Done)
}

pub(super) async fn report(cluster: &Cluster, args: &ReportArgs) -> Result<Exit, Trouble> {
    let record = cluster.switch(&args.record).await?.typed;
    let name = &record.spec.request.storefront_name;
    let shop = match cluster.storefront(name).await {
        Ok(found) => Some(found.typed),
        Err(Trouble::Missing { .. }) => None,
        Err(trouble) => return Err(trouble),
    };
    let told = cluster.told(name).await;
    screen::print(&report::markdown(&record, shop.as_ref(), &told, cluster.now()));
    Ok(Exit::Done)
}

pub(super) fn typed(found: Vec<Found<RegionSwitch>>) -> Vec<RegionSwitch> {
    found.into_iter().map(|found| found.typed).collect()
}

/// What a script reads.
pub(super) fn print(output: Output, data: &impl Serialize) -> Result<(), Trouble> {
    let wrong = |error: &dyn std::fmt::Display| Trouble::Usage(format!("cannot be printed: {error}"));
    let text = match output {
        Output::Json => serde_json::to_string_pretty(data).map_err(|error| wrong(&error))?,
        Output::Yaml => serde_yaml_ng::to_string(data).map_err(|error| wrong(&error))?,
    };
    screen::print(&text);
    Ok(())
}
