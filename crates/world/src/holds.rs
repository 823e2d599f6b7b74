//! Holding a chosen request back, before or after its effect: how tests and demos reach the moments
//! that matter, without sleeping and hoping.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use breakwater_sim::{Meta, Request};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// On which side of its effect a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Nothing has happened yet. On release it takes effect, even if its client has gone.
    Before,
    /// It took effect; the answer is kept back.
    After,
}

/// What becomes of held requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// They go on.
    Deliver,
    /// They are lost: one held before its effect never has any, one held after it is never
    /// answered. The client's connection is reset.
    Drop,
}

/// Which requests to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `rds`, `cloudwatch`, `route53`, `sts`, `cloudflare` or `http`.
    pub api: String,
    /// The operation in kebab-case (`promote-read-replica`, `patch-balancer`, ...; `get` for http);
    /// any if absent.
    #[serde(default)]
    pub op: Option<String>,
    /// Only requests whose JSON contains this text: an instance, a region, a URL.
    #[serde(default)]
    pub containing: Option<String>,
    /// On which side of the effect.
    pub when: When,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many are held then.
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

const APIS: [&str; 6] = ["rds", "cloudwatch", "route53", "sts", "cloudflare", "http"];
const OPS: [&str; 26] = [
    "describe-instances",
    "promote-read-replica",
    "describe-parameters",
    "modify-parameter",
    "stop-instance",
    "start-instance",
    "add-tags",
    "remove-tags",
    "get-metric-data",
    "get-hosted-zone",
    "list-records",
    "change-records",
    "get-change",
    "assume-role",
    "get-caller-identity",
    "verify-token",
    "list-pools",
    "get-pool",
    "pool-health",
    "patch-pool",
    "get-monitor",
    "list-balancers",
    "get-balancer",
    "patch-balancer",
    "get",
    "any",
];

/// A held request, as the control API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Caught {
    /// The request.
    pub request: Request,
    /// Who asks, and why.
    pub meta: Meta,
    /// Its number in the ledger, once it has one.
    pub number: Option<u64>,
    /// Whether its client has gone.
    pub gone: bool,
}

#[derive(Debug)]
struct State {
    skip: u32,
    count: u32,
    caught: Vec<Caught>,
    then: Option<Then>,
}

#[derive(Debug)]
struct Hold {
    id: u64,
    spec: Spec,
    state: watch::Sender<State>,
}

/// A hold, as the control API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// Id.
    pub id: u64,
    /// What it catches.
    pub spec: Spec,
    /// What it has caught.
    pub caught: Vec<Caught>,
    /// What became of it, once released.
    pub released: Option<Then>,
}

impl Hold {
    fn view(&self) -> View {
        let state = self.state.borrow();
        View {
            id: self.id,
            spec: self.spec.clone(),
            caught: state.caught.clone(),
            released: state.then,
        }
    }

    fn matches(&self, when: When, request: &Request) -> bool {
        if self.spec.when != when {
            return false;
        }
        let api = request.api().name().replace('-', "");
        let containing = self
            .spec
            .containing
            .as_ref()
            .is_none_or(|text| serde_json::to_string(request).is_ok_and(|document| document.contains(text)));
        self.spec.api.replace('-', "") == api && self.spec.op.as_ref().is_none_or(|op| op == request.op()) && containing
    }

    /// Takes the request if it is this hold's turn; its place among the caught.
    fn take(&self, caught: &Caught) -> Option<usize> {
        let mut place = None;
        self.state.send_if_modified(|state| {
            if state.then.is_some() || state.count == 0 {
                return false;
            }
            if state.skip > 0 {
                state.skip -= 1;
                return false;
            }
            state.count -= 1;
            place = Some(state.caught.len());
            state.caught.push(caught.clone());
            true
        });
        place
    }
}

/// All holds of a world.
#[derive(Debug, Default)]
pub struct Holds {
    next: AtomicU64,
    list: Mutex<Vec<Arc<Hold>>>,
}

impl Holds {
    fn list(&self) -> Vec<Arc<Hold>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn find(&self, id: u64) -> Option<Arc<Hold>> {
        self.list().into_iter().find(|hold| hold.id == id)
    }

    /// Places a hold; names that no request can have are refused, as such a hold would wait for ever.
    pub fn place(&self, spec: Spec) -> Result<u64, String> {
        if !APIS.contains(&spec.api.replace('-', "").as_str()) {
            return Err(format!(
                "no api is called {:?}; choose one of {}",
                spec.api,
                APIS.join(", ")
            ));
        }
        if let Some(op) = spec.op.as_ref().filter(|op| !OPS.contains(&op.as_str())) {
            return Err(format!(
                "no operation is called {op:?}; choose one of {}",
                OPS.join(", ")
            ));
        }
        let op = spec.op.clone().filter(|op| op != "any");
        let spec = Spec { op, ..spec };
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let state = State {
            skip: spec.skip,
            count: spec.count,
            caught: Vec::new(),
            then: None,
        };
        let hold = Hold {
            id,
            spec,
            state: watch::Sender::new(state),
        };
        self.list
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(hold));
        Ok(id)
    }

    /// All holds, oldest first.
    pub fn views(&self) -> Vec<View> {
        self.list().iter().map(|hold| hold.view()).collect()
    }

    /// Waits until a hold has caught something or was released, at most this long (real time).
    pub async fn wait(&self, id: u64, patience: Duration) -> Option<View> {
        let hold = self.find(id)?;
        let mut changes = hold.state.subscribe();
        // Out of patience is an answer too: the view says that nothing was caught.
        let _ = tokio::time::timeout(
            patience,
            changes.wait_for(|state| !state.caught.is_empty() || state.then.is_some()),
        )
        .await;
        Some(hold.view())
    }

    /// Releases what a hold has caught; it catches nothing more. The first release counts.
    pub fn release(&self, id: u64, then: Then) -> Option<View> {
        let hold = self.find(id)?;
        hold.state.send_modify(|state| {
            state.then.get_or_insert(then);
        });
        Some(hold.view())
    }

    /// Holds the request if a hold wants it.
    pub(crate) fn catch(&self, when: When, request: &Request, meta: &Meta, number: Option<u64>) -> Option<Grip> {
        let holds = self.list();
        if holds.is_empty() {
            return None;
        }
        let caught = Caught {
            request: request.clone(),
            meta: meta.clone(),
            number,
            gone: false,
        };
        holds
            .into_iter()
            .filter(|hold| hold.matches(when, request))
            .find_map(|hold| hold.take(&caught).map(|place| Grip { hold, place }))
    }
}

/// A request in the grip of a hold.
#[derive(Clone, Debug)]
pub(crate) struct Grip {
    hold: Arc<Hold>,
    place: usize,
}

impl Grip {
    /// Waits for the release.
    pub(crate) async fn released(&self) -> Then {
        let mut changes = self.hold.state.subscribe();
        // The sender lives in `self.hold`, so waiting ends only by a release.
        changes
            .wait_for(|state| state.then.is_some())
            .await
            .ok()
            .and_then(|state| state.then)
            .unwrap_or(Then::Drop)
    }

    /// The request has a number in the ledger now.
    pub(crate) fn numbered(&self, number: u64) {
        self.note(|caught| caught.number = Some(number));
    }

    /// Watches the client: dropped before it is disarmed, it notes that the client has gone.
    pub(crate) fn watch_client(&self) -> Watch {
        Watch(Some(self.clone()))
    }

    fn note(&self, change: impl FnOnce(&mut Caught)) {
        self.hold.state.send_modify(|state| {
            if let Some(caught) = state.caught.get_mut(self.place) {
                change(caught);
            }
        });
    }
}

/// See [`Grip::watch_client`].
#[derive(Debug)]
pub(crate) struct Watch(Option<Grip>);

impl Watch {
    /// The wait is over and the client still there.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(grip) = self.0.take() {
            grip.note(|caught| caught.gone = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakwater_sim::{RdsOp, StsOp};

    fn promote(id: &str) -> Request {
        let op = RdsOp::PromoteReadReplica {
            id: id.to_owned(),
            backup_retention_period: None,
        };
        Request::Rds {
            region: "us-west-2".to_owned(),
            op,
        }
    }

    fn spec(json: &str) -> Spec {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn catches_what_it_names_and_no_more() {
        let holds = Holds::default();
        let id = holds
            .place(spec(
                r#"{"api":"rds","op":"promote-read-replica","when":"before","skip":1,"containing":"shop-usw2"}"#,
            ))
            .unwrap();
        let meta = Meta::default();
        let catch = |when, request: &Request| holds.catch(when, request, &meta, None).is_some();
        assert!(!catch(When::Before, &promote("other")));
        assert!(!catch(When::After, &promote("shop-usw2")));
        let identity = Request::Sts {
            region: "us-west-2".to_owned(),
            op: StsOp::GetCallerIdentity,
        };
        assert!(!catch(When::Before, &identity));
        assert!(!catch(When::Before, &promote("shop-usw2")), "the first one is skipped");
        assert!(catch(When::Before, &promote("shop-usw2")));
        assert!(!catch(When::Before, &promote("shop-usw2")), "one was asked for");
        assert_eq!(holds.views()[0].caught.len(), 1);
        assert_eq!(holds.release(id, Then::Drop).unwrap().released, Some(Then::Drop));
        assert_eq!(
            holds.release(id, Then::Deliver).unwrap().released,
            Some(Then::Drop),
            "the first release counts"
        );
        assert!(holds.release(id + 1, Then::Drop).is_none());
    }

    #[test]
    fn refuses_names_that_no_request_has() {
        let holds = Holds::default();
        assert!(holds.place(spec(r#"{"api":"rdz","when":"before"}"#)).is_err());
        assert!(
            holds
                .place(spec(r#"{"api":"rds","op":"promote","when":"before"}"#))
                .is_err()
        );
        assert!(
            holds
                .place(spec(r#"{"api":"cloud-watch","op":"get-metric-data","when":"after"}"#))
                .is_ok()
        );
    }
}
