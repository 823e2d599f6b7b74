//! Whether the API server refuses a RegionSwitch in another's name, tried with dry runs. Where it does not, whoever may write
//! one can approve a move as somebody else.

use breakwater_api::region_switch::{Approval, Request};
use breakwater_api::{REQUESTED_BY_CONTROLLER, RegionSwitch, RegionSwitchSpec};
use breakwater_core::Text;
use breakwater_core::facts::Unverified;
use breakwater_core::journal::MoveKind;
use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// What was refused once is tried again after this: somebody may delete the policy. What was not, at every reminder.
const HOLDS_FOR: Duration = Duration::from_secs(3600);
/// Time-out of one dry run (real time).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Nobody's name: `.invalid` is reserved.
const FORGED: &str = "somebody-else@forged.invalid";

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// Both forged names were refused, by a policy that names the field.
    Refused,
    /// One was admitted: this field takes any name.
    Admitted(&'static str),
    /// It could not be tried, and why.
    Unclear(Text),
}

/// What is known of each namespace.
#[derive(Default)]
pub(crate) struct Approvers(BTreeMap<Text, (Tried, Instant)>);

impl Approvers {
    /// The namespaces among these in which it is time to try.
    pub(crate) fn due(&self, wanted: &BTreeSet<Text>, now: Instant) -> Vec<Text> {
        let holds = |namespace: &&Text| match self.0.get(*namespace) {
            Some((Tried::Refused, at)) => now.saturating_duration_since(*at) < HOLDS_FOR,
            Some((Tried::Admitted(_) | Tried::Unclear(_), _)) | None => false,
        };
        wanted.iter().filter(|namespace| !holds(namespace)).cloned().collect()
    }

    /// Takes the end of a try; says whether it is another one than before.
    pub(crate) fn note(&mut self, namespace: Text, tried: Tried, now: Instant) -> bool {
        let before = self.0.insert(namespace.clone(), (tried.clone(), now));
        let news = before.as_ref().map(|(before, _)| before) != Some(&tried);
        if news {
            tell(&namespace, &tried);
        }
        news
    }

    /// Where nothing shows that names are true, and why.
    pub(crate) fn unverified(&self) -> BTreeMap<Text, Unverified> {
        let why = |tried: &Tried| match tried {
            Tried::Refused => None,
            Tried::Admitted(_) => Some(Unverified::Admitted),
            Tried::Unclear(_) => Some(Unverified::Unclear),
        };
        let all = self.0.iter();
        all.filter_map(|(namespace, (tried, _))| Some((namespace.clone(), why(tried)?)))
            .collect()
    }
}

fn tell(namespace: &str, tried: &Tried) {
    match tried {
        Tried::Refused => tracing::info!(namespace, "a RegionSwitch with a forged name is refused"),
        Tried::Admitted(field) => tracing::warn!(
            namespace,
            field,
            "ApproverUnverified: a RegionSwitch with a forged name is admitted; apply the admission policies (docs/access.md)"
        ),
        Tried::Unclear(why) => tracing::warn!(
            namespace,
            %why,
            "ApproverUnverified: it could not be tried whether a RegionSwitch with a forged name is refused"
        ),
    }
}

/// Tries each name that a RegionSwitch bears. Nothing is stored.
pub(crate) async fn try_in(client: &Client, namespace: &str) -> Tried {
    let api: Api<RegionSwitch> = Api::namespaced(client.clone(), namespace);
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    for (field, forged) in forged() {
        let answer = timeout(REQUEST_TIMEOUT, api.create(&params, &forged)).await;
        match judge(field, answer) {
            Tried::Refused => {}
            other @ (Tried::Admitted(_) | Tried::Unclear(_)) => return other,
        }
    }
    Tried::Refused
}

/// One that somebody else asked for, and one that somebody else approved.
fn forged() -> [(&'static str, RegionSwitch); 2] {
    let approved = Approval {
        by: FORGED.to_owned(),
        note: None,
    };
    [
        ("spec.request.requestedBy", switch(FORGED, None)),
        ("spec.approval.by", switch(REQUESTED_BY_CONTROLLER, Some(approved))),
    ]
}

fn switch(requested_by: &str, approval: Option<Approval>) -> RegionSwitch {
    let request = Request {
        storefront_name: "dry-run".to_owned(),
        kind: MoveKind::Drill,
        to: None,
        expected_epoch: Some(0),
        // It would have expired long ago.
        start_before: Timestamp::UNIX_EPOCH,
        reason: "a dry run: is a forged name refused?".to_owned(),
        requested_by: requested_by.to_owned(),
        overrides: Vec::new(),
        max_write_stop_seconds: None,
        allow_data_loss_seconds: None,
        expires_at: None,
    };
    let mut switch = RegionSwitch::new(
        "",
        RegionSwitchSpec {
            request,
            approval,
            abort: false,
        },
    );
    switch.metadata.name = None;
    switch.metadata.generate_name = Some("breakwater-dry-run-".to_owned());
    switch
}

/// Only a refusal by admission that speaks of this field shows that the field is looked at: RBAC, the schema and a cluster
/// that is away refuse too, and whatever the name.
fn judge(field: &'static str, answer: Result<kube::Result<RegionSwitch>, tokio::time::error::Elapsed>) -> Tried {
    match answer {
        Ok(Ok(_)) => Tried::Admitted(field),
        Ok(Err(kube::Error::Api(status))) => {
            let message = &status.message;
            let by_admission = ["ValidatingAdmissionPolicy", "admission webhook"]
                .iter()
                .any(|kind| message.contains(kind));
            if by_admission && message.contains(field) {
                Tried::Refused
            } else {
                Tried::Unclear(breakwater_providers::clean(message))
            }
        }
        Ok(Err(error)) => Tried::Unclear(breakwater_providers::clean(&error.to_string())),
        Err(_) => Tried::Unclear("the API server did not answer in time".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    const FIELD: &str = "spec.approval.by";

    fn says(message: &str) -> Tried {
        let status = Status {
            message: message.to_owned(),
            code: 403,
            ..Status::default()
        };
        judge(FIELD, Ok(Err(kube::Error::Api(Box::new(status)))))
    }

    #[test]
    fn only_a_policy_that_names_the_field_counts() {
        let policy = "ValidatingAdmissionPolicy 'breakwater-actors' with binding 'breakwater-actors' denied request: ";
        assert_eq!(says(&format!("{policy}spec.approval.by is somebody")), Tried::Refused);
        let webhook = "admission webhook \"actors.example.com\" denied the request: spec.approval.by is forged";
        assert_eq!(says(webhook), Tried::Refused);
        let others = [
            format!("{policy}every object needs a label"),
            "regionswitches.breakwater.dev is forbidden: User \"breakwater\" cannot create resource".to_owned(),
            "RegionSwitch \"x\" is invalid: spec.approval.by: Too long".to_owned(),
        ];
        for other in others {
            assert!(matches!(says(&other), Tried::Unclear(_)), "{other}");
        }
        assert_eq!(judge(FIELD, Ok(Ok(switch("x", None)))), Tried::Admitted(FIELD));
    }

    #[test]
    fn what_was_refused_holds_for_an_hour_and_all_else_is_tried_again() {
        let mut approvers = Approvers::default();
        let wanted: BTreeSet<Text> = ["good", "bad", "away", "new"].map(Text::from).into();
        let now = Instant::now();
        assert!(approvers.note("good".into(), Tried::Refused, now));
        assert!(approvers.note("bad".into(), Tried::Admitted(FIELD), now));
        assert!(approvers.note("away".into(), Tried::Unclear("no answer".into()), now));
        assert!(!approvers.note("bad".into(), Tried::Admitted(FIELD), now), "no news");
        let due = |at| approvers.due(&wanted, at).join(" ");
        assert_eq!(due(now + HOLDS_FOR / 2), "away bad new");
        assert_eq!(due(now + HOLDS_FOR), "away bad good new");
        let unverified = BTreeMap::from([
            (Text::from("away"), Unverified::Unclear),
            (Text::from("bad"), Unverified::Admitted),
        ]);
        assert_eq!(approvers.unverified(), unverified);
    }
}
