//! Who may call what. A static key assumes roles and does nothing else; everything else is done in
//! the session of a role. That is what Breakwater's classes ask for, and a request that skips it is
//! refused with the documents that AWS sends.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::{body::Bytes, http::request::Parts};

use super::{Refusal, sigv4::Signed};
use crate::fixture::Keys;

/// The user that owns the static key.
const USER_ARN: &str = "arn:aws:iam::111122223333:user/breakwater";

#[derive(Clone, Debug)]
struct Session {
    secret: String,
    token: String,
    /// Real time, microseconds since the Unix epoch.
    expires: i64,
    arn: String,
}

/// Who signed a request, and for which service and region.
#[derive(Clone, Debug)]
pub struct Caller {
    /// ARN of the user or of the assumed role.
    pub arn: String,
    /// Whether it is the session of a role.
    pub session: bool,
    /// Region of the credential scope.
    pub region: String,
}

impl Caller {
    /// `AccessDenied` unless the caller has a role.
    pub fn needs_role(&self, action: &str) -> Result<(), Refusal> {
        if self.session {
            return Ok(());
        }
        Err(Refusal::new(
            403,
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: {action} because no identity-based policy allows the {action} action",
                self.arn
            ),
        ))
    }
}

/// The keys, and the sessions that were handed out.
#[derive(Debug)]
pub struct Access {
    keys: Keys,
    sessions: Mutex<HashMap<String, Session>>,
}

impl Access {
    /// Access for these keys; no session yet.
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            sessions: Mutex::default(),
        }
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Checks a request's signature. `now` is real time in microseconds since the Unix epoch.
    pub fn authenticate(&self, signed: &Signed, parts: &Parts, body: &Bytes, now: i64) -> Result<Caller, Refusal> {
        let token = parts
            .headers
            .get("x-amz-security-token")
            .and_then(|value| value.to_str().ok());
        let caller = |arn: &str, session| Caller {
            arn: arn.to_owned(),
            session,
            region: signed.region.clone(),
        };
        if signed.access_key == self.keys.access_key_id {
            if token.is_some() {
                return Err(Refusal::invalid_token());
            }
            signed.verify(&self.keys.secret_access_key, parts, body, now)?;
            return Ok(caller(USER_ARN, false));
        }
        let session = {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.get(&signed.access_key).cloned()
        };
        let session = session.ok_or_else(Refusal::invalid_token)?;
        if token != Some(session.token.as_str()) {
            return Err(Refusal::invalid_token());
        }
        signed.verify(&session.secret, parts, body, now)?;
        if session.expires <= now {
            return Err(Refusal::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ));
        }
        Ok(caller(&session.arn, true))
    }

    /// Whether the caller may assume a role with this external id.
    pub fn may_assume(&self, caller: &Caller, role_arn: &str, external_id: Option<&str>) -> Result<(), Refusal> {
        let role = self.keys.role_arns.iter().any(|arn| arn == role_arn);
        let external = external_id.is_some_and(|id| self.keys.external_ids.iter().any(|known| known == id));
        if role && external && !caller.session {
            return Ok(());
        }
        // AWS does not say which of the conditions failed.
        Err(Refusal::new(
            403,
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn
            ),
        ))
    }

    /// Remembers a session that STS has handed out. `expires` is real time in microseconds.
    pub fn remember(&self, access_key: &str, secret: &str, token: &str, expires: i64, arn: &str) {
        let session = Session {
            secret: secret.to_owned(),
            token: token.to_owned(),
            expires,
            arn: arn.to_owned(),
        };
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(access_key.to_owned(), session);
    }
}
