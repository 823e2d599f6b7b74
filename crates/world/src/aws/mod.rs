//! The AWS side. One endpoint serves all services and regions; which one a request means is read
//! from the credential scope of its signature.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Response, StatusCode, request::Parts},
};
use breakwater_sim::{Answer, Request};
use jiff::Timestamp;

use crate::{reply::request_id, xml::Xml};

pub mod access;
pub mod cloudwatch;
mod cloudwatch_query;
pub mod rds;
pub mod route53;
pub mod sigv4;
pub mod sts;

/// What AWS says instead of doing what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code.
    pub code: &'static str,
    /// Message for people.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// `SignatureDoesNotMatch`.
    pub fn mismatch(message: impl Into<String>) -> Self {
        Self::new(403, "SignatureDoesNotMatch", message)
    }

    /// `InvalidClientTokenId`.
    pub fn invalid_token() -> Self {
        Self::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
    }

    /// `InvalidAction`, for an operation that this world does not have.
    pub fn no_such_action(action: &str, version: &str) -> Self {
        Self::new(
            400,
            "InvalidAction",
            format!("Could not find operation {action} for version {version}"),
        )
    }

    /// `InvalidParameterValue`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValue", message)
    }

    /// `MissingParameter`.
    pub fn missing(name: &str) -> Self {
        Self::new(
            400,
            "MissingParameter",
            format!("The request must contain the parameter {name}."),
        )
    }
}

/// How a service writes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// XML, with a namespace, and the request id in the document.
    Xml {
        /// Namespace of the documents.
        namespace: &'static str,
    },
    /// Smithy RPC v2 with CBOR, "query compatible".
    Cbor,
    /// AWS JSON 1.0, "query compatible".
    Json,
}

/// Namespace of Route 53's documents.
pub const ROUTE53: Form = Form::Xml {
    namespace: "https://route53.amazonaws.com/doc/2013-04-01/",
};
/// Namespace of RDS's documents.
pub const RDS: Form = Form::Xml {
    namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
};
/// Namespace of STS's documents.
pub const STS: Form = Form::Xml {
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
};
/// Namespace of CloudWatch's documents in the older query protocol.
pub const CLOUDWATCH_QUERY: Form = Form::Xml {
    namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
};

impl Form {
    /// The form in which a request is answered when its signature cannot be read, judged by how it
    /// was written.
    pub fn guess(parts: &Parts) -> Self {
        if parts.uri.path().starts_with("/2013-04-01/") {
            ROUTE53
        } else if parts.uri.path().starts_with("/service/") {
            Form::Cbor
        } else if parts.headers.contains_key(cloudwatch::TARGET_HEADER) {
            Form::Json
        } else {
            STS
        }
    }

    /// An error in this form.
    pub fn error(self, status: u16, code: &str, message: &str) -> Response<Body> {
        let id = request_id();
        // AWS blames the sender for everything below 500.
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        match self {
            Form::Xml { namespace } => {
                let document = Xml::document("ErrorResponse", namespace, |xml| {
                    xml.node("Error", |xml| {
                        xml.text("Type", kind);
                        xml.text("Code", code);
                        xml.text("Message", message);
                    });
                    xml.text("RequestId", &id);
                });
                respond(status, "text/xml", &id, document)
            }
            Form::Cbor | Form::Json => cloudwatch::error(self, status, kind, code, message, &id),
        }
    }

    /// A refusal in this form.
    pub fn refusal(self, refusal: &Refusal) -> Response<Body> {
        self.error(refusal.status, refusal.code, &refusal.message)
    }
}

/// A response with the id of the request in the usual header.
pub(crate) fn respond(status: u16, content_type: &'static str, id: &str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// A time as AWS's XML writes it.
pub(crate) fn iso8601(millis: i64) -> String {
    // Only times outside the years -9999 to 9999 are refused; none of ours is.
    let time = Timestamp::from_millisecond(millis).unwrap_or_default();
    format!("{time:.3}")
}

/// One request of a service, understood.
#[derive(Debug)]
pub enum Call {
    /// RDS.
    Rds(rds::Call),
    /// STS.
    Sts(sts::Call),
    /// Route 53.
    Route53(route53::Call),
    /// CloudWatch.
    CloudWatch(cloudwatch::Call),
}

impl Call {
    /// What is asked of the simulated world.
    pub fn request(&self) -> &Request {
        match self {
            Call::Rds(call) => &call.request,
            Call::Sts(call) => &call.request,
            Call::Route53(call) => &call.request,
            Call::CloudWatch(call) => &call.request,
        }
    }

    /// The answer on the wire.
    pub fn encode(&self, answer: &Answer) -> Response<Body> {
        if let Answer::Error { status, code, message } = answer {
            return self.form().error(*status, code, message);
        }
        match self {
            Call::Rds(call) => call.encode(answer),
            Call::Sts(call) => call.encode(answer),
            Call::Route53(call) => call.encode(answer),
            Call::CloudWatch(call) => call.encode(answer),
        }
    }

    fn form(&self) -> Form {
        match self {
            Call::Rds(_) => RDS,
            Call::Sts(_) => STS,
            Call::Route53(_) => ROUTE53,
            Call::CloudWatch(call) => call.form,
        }
    }
}

/// The answer to give when the simulated world answers something that the operation has no document
/// for: a mistake of ours, said as AWS says its own.
pub(crate) fn unexpected(form: Form, answer: &Answer) -> Response<Body> {
    tracing::error!(
        ?answer,
        "the simulated world gave an answer that does not belong to the request"
    );
    form.error(
        500,
        "InternalFailure",
        "The request processing has failed because of an unknown error.",
    )
}

/// Reads and admits one request: signature, permission, operation.
pub fn admit(
    access: &access::Access,
    parts: &Parts,
    body: &Bytes,
    now: i64,
) -> Result<(access::Caller, Call), Box<Response<Body>>> {
    let guess = Form::guess(parts);
    let signed = sigv4::Signed::read(&parts.headers).map_err(|refusal| Box::new(guess.refusal(&refusal)))?;
    let form = match signed.service.as_str() {
        "rds" => RDS,
        "sts" => STS,
        "route53" => ROUTE53,
        "monitoring" if matches!(guess, Form::Cbor | Form::Json) => guess,
        "monitoring" => CLOUDWATCH_QUERY,
        _ => guess,
    };
    let refuse = |refusal: Refusal| Box::new(form.refusal(&refusal));
    let caller = access.authenticate(&signed, parts, body, now).map_err(refuse)?;
    let call = match signed.service.as_str() {
        "rds" => rds::decode(&caller, parts, body).map(Call::Rds),
        "sts" => sts::decode(access, &caller, parts, body).map(Call::Sts),
        "route53" => route53::decode(&caller, parts, body).map(Call::Route53),
        "monitoring" => cloudwatch::decode(&caller, form, parts, body).map(Call::CloudWatch),
        other => Err(Refusal::mismatch(format!(
            "Credential should be scoped to correct service, not '{other}'."
        ))),
    };
    call.map(|call| (caller, call)).map_err(refuse)
}

/// The form parameters of a query-protocol request: in the body of a POST, or in the query string.
pub(crate) fn form_params(parts: &Parts, body: &Bytes, version: &str) -> Result<crate::params::Params, Refusal> {
    let text = String::from_utf8_lossy(body);
    let raw = if body.is_empty() {
        parts.uri.query().unwrap_or_default()
    } else {
        &text
    };
    let params = crate::params::Params::parse(raw);
    match params.get("Version") {
        Some(given) if given == version => Ok(params),
        Some(given) => Err(Refusal::no_such_action(params.get("Action").unwrap_or_default(), given)),
        None => Err(Refusal::missing("Version")),
    }
}
