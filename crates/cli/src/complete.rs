//! Completion within kubectl: it runs `kubectl_complete-storefront`, which passes its words to the hidden verb `__complete`,
//! and reads candidates, one a line, and a final directive, as programs made with cobra print them.

use crate::args::{Cli, Reach};
use crate::cluster::Cluster;
use crate::show::stand::{is_open, name_of};
use breakwater_core::report::reference;
use clap::CommandFactory as _;

/// `ShellCompDirectiveNoFileComp` of cobra: no file names where nothing fits.
const NO_FILES: &str = ":4";

/// The candidates for the last of these words. Whatever fails leaves none: nobody wants to read errors while typing.
pub(crate) async fn candidates(reach: &Reach, words: &[String]) -> String {
    let (typed, before) = match words.split_last() {
        Some((typed, before)) => (typed.as_str(), before),
        None => ("", words),
    };
    let mut lines: Vec<String> = possible(reach, typed, before).await;
    lines.retain(|line| line.starts_with(typed));
    lines.push(NO_FILES.to_owned());
    lines.join("\n")
}

async fn possible(reach: &Reach, typed: &str, before: &[String]) -> Vec<String> {
    let command = Cli::command();
    let Some((verb, rest)) = before.split_first() else {
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        return verbs.map(|verb| verb.get_name().to_owned()).collect();
    };
    if typed.starts_with('-') {
        let verb = command.get_subcommands().find(|known| known.get_name() == verb);
        let flags = verb
            .into_iter()
            .chain([&command])
            .flat_map(|known| known.get_arguments());
        return flags
            .filter(|flag| !flag.is_hide_set())
            .filter_map(|flag| Some(format!("--{}", flag.get_long()?)))
            .collect();
    }
    let mut reach = reach.clone();
    let positional = positional(rest, &mut reach);
    match rest.last().map(String::as_str) {
        Some("--override") => overridable(),
        Some("--output" | "-o") => ["json", "yaml"].map(str::to_owned).to_vec(),
        Some("--to" | "--writer") => regions(&reach, positional.first()).await,
        Some(flag) if flag.starts_with('-') && !is_switch(flag) => Vec::new(),
        Some(_) | None => names(&reach, verb, &positional).await,
    }
}

/// Flags that take no value, so that a name may follow.
fn is_switch(flag: &str) -> bool {
    matches!(
        flag,
        "--yes" | "-y" | "--wait" | "--watch" | "-w" | "--dry-run" | "--all-namespaces" | "-A"
    ) || flag.contains('=')
}

/// The words that are no flags and no values of flags; the flags of the cluster are taken note of.
fn positional<'a>(words: &'a [String], reach: &mut Reach) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            found.push(word.as_str());
            continue;
        }
        if is_switch(word) && !word.contains('=') {
            continue;
        }
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (word.as_str(), words.next().cloned()),
        };
        match flag {
            "-n" | "--namespace" => reach.namespace = value,
            "--context" => reach.context = value,
            "--kubeconfig" => reach.kubeconfig = value.map(Into::into),
            _ => {}
        }
    }
    found
}

fn overridable() -> Vec<String> {
    let entries = reference::refusals().into_iter().filter(|entry| entry.overridable);
    entries.map(|entry| entry.said.name.to_owned()).collect()
}

async fn regions(reach: &Reach, storefront: Option<&&str>) -> Vec<String> {
    let (Ok(cluster), Some(name)) = (Cluster::reach(reach).await, storefront) else {
        return Vec::new();
    };
    match cluster.storefront(name).await {
        Ok(found) => {
            let regions = found.typed.spec.regions;
            vec![regions.primary.name, regions.secondary.name]
        }
        Err(_) => Vec::new(),
    }
}

/// Names of Storefronts; of records for `report`, of open requests behind the Storefront of `approve` and `abort`.
async fn names(reach: &Reach, verb: &str, positional: &[&str]) -> Vec<String> {
    let Ok(cluster) = Cluster::reach(reach).await else {
        return Vec::new();
    };
    match (verb, positional) {
        ("completion", _) => ["bash", "zsh", "fish", "elvish", "powershell"]
            .map(str::to_owned)
            .to_vec(),
        ("report", []) => cluster.switch_names().await,
        ("approve" | "abort", [storefront]) => match cluster.switches(storefront).await {
            Ok((found, _)) => {
                let open = found.iter().filter(|found| is_open(&found.typed));
                open.map(|found| name_of(&found.typed).to_owned()).collect()
            }
            Err(_) => Vec::new(),
        },
        (_, []) => {
            let found = cluster.storefronts(false).await.unwrap_or_default();
            let named = found
                .into_iter()
                .flatten()
                .filter_map(|found| found.typed.metadata.name);
            named.collect()
        }
        (_, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Reach {
        Reach {
            namespace: None,
            context: None,
            kubeconfig: Some("/nonexistent/kubeconfig".into()),
            impersonate: None,
            groups: Vec::new(),
            time_scale: 1.0,
            scale_start: None,
        }
    }

    fn complete(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let said = runtime.block_on(candidates(&nowhere(), &words));
        said.lines().map(str::to_owned).collect()
    }

    #[test]
    fn verbs_flags_and_refusals_need_no_cluster() {
        assert_eq!(complete(&["fail"]), ["failover", "failback", NO_FILES]);
        assert_eq!(
            complete(&["failover", "shop-ca", "--allow"]),
            ["--allow-data-loss", NO_FILES]
        );
        assert_eq!(
            complete(&["failover", "shop-ca", "--override", "Fro"]),
            ["Frozen", NO_FILES]
        );
        assert_eq!(complete(&["status", ""]), [NO_FILES]);
    }

    #[test]
    fn flags_of_the_cluster_are_taken_note_of() {
        let mut reach = nowhere();
        let words = ["-n", "shops", "--yes", "shop-ca", "--context=prod"].map(str::to_owned);
        assert_eq!(positional(&words, &mut reach), ["shop-ca"]);
        assert_eq!(
            (reach.namespace.as_deref(), reach.context.as_deref()),
            (Some("shops"), Some("prod"))
        );
    }
}
