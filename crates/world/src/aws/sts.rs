//! AWS STS: the query protocol, version 2011-06-15.

use axum::{
    body::{Body, Bytes},
    http::{Response, request::Parts},
};
use breakwater_sim::{Answer, Request, StsOp};

use super::{
    Refusal, STS,
    access::{Access, Caller},
    form_params, iso8601, respond, unexpected,
};
use crate::{reply::request_id, xml::Xml};

const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// One call of STS.
#[derive(Debug)]
pub struct Call {
    action: &'static str,
    /// What is asked of the simulated world.
    pub request: Request,
    /// Who asks, for `GetCallerIdentity`: the wire knows it from the signature.
    caller: String,
}

/// Reads a call. `AssumeRole` is refused here unless role and external id are known.
pub fn decode(access: &Access, caller: &Caller, parts: &Parts, body: &Bytes) -> Result<Call, Refusal> {
    let params = form_params(parts, body, VERSION)?;
    let need = |name: &str| params.owned(name).ok_or_else(|| Refusal::missing(name));
    let (action, op) = match params.get("Action") {
        Some("AssumeRole") => {
            let role_arn = need("RoleArn")?;
            let external_id = params.owned("ExternalId");
            access.may_assume(caller, &role_arn, external_id.as_deref())?;
            (
                "AssumeRole",
                StsOp::AssumeRole {
                    role_arn,
                    session_name: need("RoleSessionName")?,
                    external_id,
                },
            )
        }
        Some("GetCallerIdentity") => ("GetCallerIdentity", StsOp::GetCallerIdentity),
        Some(other) => return Err(Refusal::no_such_action(other, VERSION)),
        None => return Err(Refusal::missing("Action")),
    };
    let request = Request::Sts {
        region: caller.region.clone(),
        op,
    };
    Ok(Call {
        action,
        request,
        caller: caller.arn.clone(),
    })
}

/// `arn:aws:sts::111122223333:assumed-role/name/session` split into account and the rest.
fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

impl Call {
    /// Writes the answer. `expires` of credentials is real time here: signatures are.
    pub fn encode(&self, answer: &Answer) -> Response<Body> {
        match answer {
            Answer::Credentials {
                access_key,
                secret_key,
                session_token,
                expires,
                arn,
            } => self.result(|xml| {
                xml.node("Credentials", |xml| {
                    xml.text("AccessKeyId", access_key);
                    xml.text("SecretAccessKey", secret_key);
                    xml.text("SessionToken", session_token);
                    xml.text("Expiration", iso8601(*expires));
                });
                xml.node("AssumedRoleUser", |xml| {
                    let session = arn.rsplit('/').next().unwrap_or_default();
                    xml.text("AssumedRoleId", format!("AROABREAKWATER:{session}"));
                    xml.text("Arn", arn);
                });
            }),
            Answer::Caller { .. } => self.result(|xml| {
                xml.text("Arn", &self.caller);
                xml.text("UserId", "AIDABREAKWATER");
                xml.text("Account", account(&self.caller));
            }),
            other => unexpected(STS, other),
        }
    }

    fn result(&self, content: impl FnOnce(&mut Xml)) -> Response<Body> {
        let id = request_id();
        let document = Xml::document(&format!("{}Response", self.action), NAMESPACE, |xml| {
            xml.node(&format!("{}Result", self.action), content);
            xml.node("ResponseMetadata", |xml| xml.text("RequestId", &id));
        });
        respond(200, "text/xml", &id, document)
    }
}
