//! What went wrong, what that means, and what to do; each with its exit code. Nothing was changed unless it says so.

use crate::exit::Exit;
use crate::show::text::plain;
use kube::core::Status;

/// Why a verb ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("no usable kubeconfig: {0}. Name one with --kubeconfig or KUBECONFIG, and a context with --context")]
    NoConfig(String),
    #[error(
        "the API server cannot be reached ({doing}): {why}. Nothing is known to have been changed. Check the context with \
             `kubectl cluster-info`"
    )]
    Unreachable { doing: String, why: String },
    #[error(
        "there is no {kind} {name} in namespace {namespace}. `kubectl get {plural} -A` lists all; -n names another namespace"
    )]
    Missing {
        kind: &'static str,
        plural: &'static str,
        namespace: String,
        name: String,
    },
    #[error(
        "this cluster has no {plural}.breakwater.dev: the CRDs of Breakwater are not installed here. Check --context, or \
             apply the CRDs (breakwater crds | kubectl apply --server-side -f -)"
    )]
    NoCrds { plural: &'static str },
    #[error(
        "{object} does not read: {why}. Nothing was changed. It was written by another version than this plugin: use the \
             plugin of the controller's version, or look at it with `kubectl get {plural} -o yaml`"
    )]
    Malformed {
        object: String,
        plural: &'static str,
        why: String,
    },
    #[error(
        "no controller has looked at {0} yet, so nobody knows its epoch and its active region. Nothing was changed. Is the \
             controller running, and does it see this namespace? `kubectl get deploy,pods -n breakwater`"
    )]
    NeverSeen(String),
    #[error(
        "the journal of {object} has version {found}, this plugin knows version {known}. Nothing was changed. Use the plugin \
             of the controller's version"
    )]
    OtherJournal { object: String, found: i32, known: i32 },
    #[error(
        "the API server denies this ({doing}): {why}. Nothing was changed. Ask for the right, or use -n, --context, --as"
    )]
    Denied { doing: String, why: String },
    #[error("the API server does not accept this ({doing}): {why}. Nothing was changed")]
    Invalid { doing: String, why: String },
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Usage(String),
    #[error("not confirmed: nothing was changed")]
    Declined,
    #[error(
        "{0} was deleted while it was followed; what became of it is unknown. `kubectl storefront history` shows the rest"
    )]
    Vanished(String),
    #[error(
        "not in time: {0} is still open and goes on without you. Follow it with `kubectl wait`, or withdraw it with \
             `kubectl storefront abort`"
    )]
    TimedOut(String),
}

impl Trouble {
    /// Its exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Trouble::NoConfig(_) | Trouble::Unreachable { .. } | Trouble::Usage(_) => Exit::Trouble,
            Trouble::Missing { .. }
            | Trouble::NoCrds { .. }
            | Trouble::Malformed { .. }
            | Trouble::NeverSeen(_)
            | Trouble::OtherJournal { .. }
            | Trouble::Vanished(_) => Exit::Missing,
            Trouble::Refused(_) => Exit::Refused,
            Trouble::TimedOut(_) => Exit::TimedOut,
            Trouble::Declined => Exit::Declined,
            Trouble::Denied { .. } | Trouble::Invalid { .. } => Exit::Denied,
        }
    }
}

/// What was asked of the API server, for its troubles.
#[derive(Clone, Debug)]
pub(crate) struct Doing<'a> {
    /// `get`, `list`, `create`, `patch`.
    pub(crate) verb: &'static str,
    /// `Storefront`.
    pub(crate) kind: &'static str,
    /// `storefronts`.
    pub(crate) plural: &'static str,
    /// Where.
    pub(crate) namespace: &'a str,
    /// Which; empty for all.
    pub(crate) name: &'a str,
}

impl Doing<'_> {
    fn words(&self) -> String {
        if self.name.is_empty() {
            format!("{} {} in {}", self.verb, self.plural, self.namespace)
        } else {
            format!("{} {} {}/{}", self.verb, self.kind, self.namespace, self.name)
        }
    }

    /// It did not answer in this time.
    pub(crate) fn silent(&self, waited: std::time::Duration) -> Trouble {
        Trouble::Unreachable {
            doing: self.words(),
            why: format!("no answer within {} s", waited.as_secs()),
        }
    }

    /// What an error of the client means.
    pub(crate) fn failed(&self, error: &kube::Error) -> Trouble {
        let doing = self.words();
        match error {
            kube::Error::Api(status) => self.answered(status, doing),
            kube::Error::SerdeError(why) => Trouble::Malformed {
                object: format!("{} {}/{}", self.kind, self.namespace, self.name),
                plural: self.plural,
                why: plain(&why.to_string()).into_owned(),
            },
            // kube's own enum; all the rest is a connection, a certificate or a credential.
            other => Trouble::Unreachable {
                doing,
                why: plain(&chain(other)).into_owned(),
            },
        }
    }

    fn answered(&self, status: &Status, doing: String) -> Trouble {
        let why = plain(&status.message).into_owned();
        let names_an_object = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        match status.code {
            404 if names_an_object => Trouble::Missing {
                kind: self.kind,
                plural: self.plural,
                namespace: self.namespace.to_owned(),
                name: self.name.to_owned(),
            },
            404 => Trouble::NoCrds { plural: self.plural },
            401 | 403 => Trouble::Denied { doing, why },
            // Not now: overloaded, or a kind whose storage is being set up.
            408 | 429 => Trouble::Unreachable { doing, why },
            400..500 => Trouble::Invalid { doing, why },
            _ => Trouble::Unreachable { doing, why },
        }
    }
}

/// An error with its causes: `ServiceError` alone says nothing.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !said.contains(&words) {
            said = format!("{said}: {words}");
        }
        source = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, name: &str) -> Trouble {
        let doing = Doing {
            verb: "get",
            kind: "Storefront",
            plural: "storefronts",
            namespace: "shops",
            name: "shop-ca",
        };
        let status: Status = serde_json::from_value(serde_json::json!({
            "code": code, "message": "words \u{1b}[2J", "reason": "", "status": "Failure",
            "details": {"name": name, "kind": "storefronts"}
        }))
        .unwrap();
        doing.failed(&kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn a_404_of_an_object_is_not_a_404_of_the_kind() {
        assert!(matches!(answer(404, "shop-ca"), Trouble::Missing { .. }));
        assert!(matches!(answer(404, ""), Trouble::NoCrds { .. }));
    }

    #[test]
    fn each_kind_of_answer_has_its_exit_code() {
        assert_eq!(answer(404, "shop-ca").exit(), Exit::Missing);
        assert_eq!(answer(403, "shop-ca").exit(), Exit::Denied);
        assert_eq!(answer(422, "shop-ca").exit(), Exit::Denied);
        assert_eq!(answer(503, "").exit(), Exit::Trouble);
        assert_eq!(answer(429, "").exit(), Exit::Trouble);
    }

    #[test]
    fn words_of_the_api_server_do_not_reach_the_terminal_as_they_are() {
        assert!(!answer(403, "").to_string().contains('\u{1b}'));
    }
}
