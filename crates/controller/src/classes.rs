//! Classes: whether what they grant works, told in their Ready condition.

use crate::store::bounded;
use breakwater_api::{Condition, StorefrontClass, StorefrontClassStatus};
use breakwater_providers::{ClassProblem, Clouds};
use jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use std::sync::Arc;

/// Checks a class and writes its status, if that says something new.
pub(crate) async fn check(client: Client, clouds: Arc<Clouds>, class: StorefrontClass, external_id: String) {
    let name = class.name_any();
    let problem = clouds.check_class(&name).await.err();
    let status = status_of(&class, external_id, problem.as_ref());
    if class.status.as_ref() == Some(&status) {
        return;
    }
    let api: Api<StorefrontClass> = Api::all(client);
    let patch = json!({"status": status});
    if let Err(error) = bounded(api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))).await {
        tracing::warn!(class = name, ?error, "status of the class not written");
    }
}

fn status_of(class: &StorefrontClass, external_id: String, problem: Option<&ClassProblem>) -> StorefrontClassStatus {
    let generation = class.metadata.generation.unwrap_or(0);
    let (status, reason, message) = match problem {
        None => ("True", "Granted", "roles assumed, token usable, zones found".to_owned()),
        Some(problem) => ("False", reason(problem), problem.to_string()),
    };
    let before = class
        .status
        .as_ref()
        .and_then(|old| old.conditions.iter().find(|condition| condition.kind == "Ready"));
    let since = before
        .filter(|old| old.status == status)
        .map_or_else(Timestamp::now, |old| old.last_transition_time);
    StorefrontClassStatus {
        observed_generation: generation,
        external_id: Some(external_id),
        conditions: vec![Condition {
            kind: "Ready".into(),
            status: status.into(),
            observed_generation: Some(generation),
            last_transition_time: since,
            reason: reason.into(),
            message,
        }],
    }
}

fn reason(problem: &ClassProblem) -> &'static str {
    match problem {
        ClassProblem::Unknown(_) => "NotRead",
        ClassProblem::NoIdentity(_) => "NoIdentity",
        ClassProblem::RoleDenied { .. } => "RoleDenied",
        ClassProblem::Clock(_) => "ClockOff",
        ClassProblem::Zone { .. } => "ZoneNotReadable",
        ClassProblem::NoToken => "TokenMissing",
        ClassProblem::TokenScope { .. } => "TokenScope",
        ClassProblem::Unreachable { .. } => "Unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakwater_core::Text;
    use breakwater_core::report::reference::is_reason;

    /// `docs/runbook.md` has an entry for each reason that core's reference lists.
    #[test]
    fn a_class_has_reasons_that_the_runbook_tells_of() {
        let text = || Text::from("x");
        let problems = [
            ClassProblem::Unknown(text()),
            ClassProblem::NoIdentity(text()),
            ClassProblem::RoleDenied {
                role: text(),
                external_id: text(),
                text: text(),
            },
            ClassProblem::Clock(text()),
            ClassProblem::Zone {
                zone: text(),
                text: text(),
            },
            ClassProblem::NoToken,
            ClassProblem::TokenScope {
                account: text(),
                text: text(),
            },
            ClassProblem::Unreachable {
                what: text(),
                text: text(),
            },
        ];
        for problem in &problems {
            assert!(is_reason(reason(problem)), "{} is listed", reason(problem));
        }
    }
}
