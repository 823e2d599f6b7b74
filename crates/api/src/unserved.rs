//! Requests about Storefronts that nobody looks after: what is said to them. Core answers those whose Storefront it knows.

use crate::render::Unusable;
use breakwater_core::journal::MoveOutcome;
use breakwater_core::report::Answered;
use breakwater_core::request::Request;
use breakwater_core::shop::ShopKey;
use jiff::Timestamp;
use std::time::Duration;

/// A request waits so long for its Storefront to be looked after: tools apply kinds in any order, and watches bring them
/// in any.
pub const COMES_WITHIN: Duration = Duration::from_secs(60);

/// Why nobody looks after the Storefront that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// There is none of this name in the namespace of the request.
    Missing,
    /// It does not decode.
    Unreadable {
        /// Why.
        why: String,
    },
    /// It is there and cannot be looked after.
    Unusable(Unusable),
}

impl Unserved {
    /// The reason constant.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Unserved::Missing => "StorefrontMissing",
            Unserved::Unreadable { .. } => "StorefrontUnreadable",
            Unserved::Unusable(why) => why.reason(),
        }
    }

    /// What is so, and what to do.
    #[must_use]
    pub fn message(&self, key: &ShopKey) -> String {
        let ShopKey { namespace, name } = key;
        match self {
            Unserved::Missing => format!(
                "There is no Storefront {name} in namespace {namespace}. Look for its name (kubectl get sf -n {namespace}) \
                 and correct spec.request.storefrontName."
            ),
            Unserved::Unreadable { why } => format!(
                "Storefront {name} cannot be read ({why}). Apply it anew in the form of the installed version (kubectl \
                 explain storefront.spec)."
            ),
            Unserved::Unusable(why) => why.message(),
        }
    }
}

/// What is said to a request whose Storefront nobody has looked after for this long; `None` to a record of the controller,
/// which asks for nothing. `now` is the wall clock.
#[must_use]
pub fn answer_unserved(
    key: &ShopKey,
    request: &Request,
    why: &Unserved,
    waited: Duration,
    now: Timestamp,
) -> Option<Answered> {
    if request.record_of.is_some() {
        return None;
    }
    let words = why.message(key);
    let (outcome, reason, message) = if request.abort {
        let message = "It was withdrawn before it began. Nothing was changed.".to_owned();
        (Some(MoveOutcome::Aborted), "Withdrawn", message)
    } else if now >= request.start_before {
        let message =
            format!("Its startBefore passed while it waited for its Storefront: {words} Then file a new request.");
        (Some(MoveOutcome::Expired), why.reason(), message)
    } else if waited < COMES_WITHIN {
        let message = format!("Waiting for at most a minute until the Storefront is looked after: {words}");
        (None, why.reason(), message)
    } else {
        let message = format!("Refused: {words} Nothing was changed. Then file a new request.");
        (Some(MoveOutcome::Refused), why.reason(), message)
    };
    Some(Answered {
        request: request.name.clone(),
        uid: request.uid.clone(),
        outcome,
        reason,
        message: message.into(),
        refusals: Vec::new(),
    })
}
