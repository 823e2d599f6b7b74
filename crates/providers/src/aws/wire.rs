//! One request to AWS: the headers that number it, what was seen of its answer, and what went wrong.

use super::whole::{is_document, is_whole};
use crate::fault::{Fault, retry_after};
use crate::probe::Broke;
use crate::text::clean;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use breakwater_core::Text;
use breakwater_core::reading::Cause;
use jiff::civil::DateTime;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Codes that mean "not now"; Route 53 sends some of them with status 400.
const THROTTLING: [&str; 9] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "PriorRequestNotComplete",
    "SlowDown",
];

/// Codes that mean "you may not", whatever the status.
const DENYING: [&str; 10] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "NotAuthorized",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "ExpiredToken",
    "ExpiredTokenException",
    "OptInRequired",
    "SignatureDoesNotMatch",
];

/// Roots under which AWS sends errors as XML. Route 53 has one of its own for a refused batch.
const ERROR_ROOTS: [&str; 2] = ["ErrorResponse", "InvalidChangeBatch"];

/// One request: its numbers, and what its answer looked like.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    number: Option<Cause>,
    because: Option<Cause>,
    /// Whether an answer may hold keys: then nothing of one that cannot be read is repeated.
    private: bool,
    answered: Arc<AtomicBool>,
    foreign: Arc<AtomicBool>,
}

impl Wire {
    /// Of a question.
    pub(crate) fn asking(number: Cause) -> Self {
        Wire {
            number: Some(number),
            because: None,
            private: false,
            answered: Arc::default(),
            foreign: Arc::default(),
        }
    }

    /// Of a call.
    pub(crate) fn calling(number: Cause, because: Cause) -> Self {
        Wire {
            because: Some(because),
            ..Wire::asking(number)
        }
    }

    /// Of a request that is none of the engine's.
    pub(crate) fn own() -> Self {
        Wire {
            number: None,
            ..Wire::asking(Cause(0))
        }
    }

    /// Of one whose answer holds keys: STS.
    pub(crate) fn of_keys() -> Self {
        Wire {
            private: true,
            ..Wire::own()
        }
    }

    /// An answer that the SDK could read, if it is AWS' own and whole: the SDK reads generously (see `whole`).
    pub(crate) fn accept<T>(&self, output: T) -> Result<T, Fault> {
        if self.foreign.load(Ordering::Relaxed) {
            return Err(Fault::Foreign("not the whole of AWS' answer, or not AWS'".into()));
        }
        Ok(output)
    }

    /// What went wrong.
    pub(crate) fn fault<E>(&self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let answered = self.answered.load(Ordering::Relaxed);
        match error {
            SdkError::ConstructionFailure(_) => Fault::Ours(of_chain(error)),
            SdkError::TimeoutError(_) => Fault::TimedOut { answered },
            SdkError::DispatchFailure(failure) => match () {
                () if no_identity(error) => Fault::Ours(identity_text(error)),
                () if failure.is_timeout() => Fault::TimedOut { answered },
                () if failure.is_user() => Fault::Ours(of_chain(error)),
                () => match crate::probe::broke(error) {
                    Broke::Here(text) => Fault::Ours(text),
                    Broke::InTls(text) => Fault::Lost { answered: true, text },
                    Broke::There(text) => Fault::Lost { answered, text },
                },
            },
            SdkError::ResponseError(cut) => match cut.raw().body().bytes() {
                // Headers came, the body did not.
                None => Fault::Lost {
                    answered: true,
                    text: of_chain(error),
                },
                Some(body) => self.of_answer(cut.raw(), body, None, None),
            },
            SdkError::ServiceError(refused) => {
                let body = refused.raw().body().bytes().unwrap_or_default();
                self.of_answer(refused.raw(), body, refused.err().code(), refused.err().message())
            }
            other => Fault::Ours(of_chain(other)),
        }
    }

    /// What an answer that is no success says. Only the provider's own form carries a meaning beyond its status.
    fn of_answer(&self, response: &HttpResponse, body: &[u8], code: Option<&str>, message: Option<&str>) -> Fault {
        let status = response.status().as_u16();
        let after = retry_after(response.headers().get("retry-after"));
        let text = String::from_utf8_lossy(body);
        let (code, message) = match root(body) {
            Some(root) if ERROR_ROOTS.contains(&root) && !is_document(body, root) => (None, None),
            Some(root) if root == "InvalidChangeBatch" => (Some(root.to_owned()), element(&text, "Message")),
            Some(root) if ERROR_ROOTS.contains(&root) => (
                code.map(str::to_owned).or_else(|| element(&text, "Code")),
                message.map(str::to_owned).or_else(|| element(&text, "Message")),
            ),
            Some(_) => (None, None),
            None => (code.map(str::to_owned), message.map(str::to_owned)),
        };
        let Some(code) = code.filter(|code| !code.is_empty()) else {
            let shown = match text.trim() {
                "" => "empty",
                _ if self.private => "it is not repeated, because it may hold keys",
                text => text,
            };
            let text = clean(&format!("HTTP {status}, not AWS' answer: {shown}"));
            return match status {
                429 => Fault::Throttled { after, text },
                500.. => Fault::Server(text),
                _ => Fault::Foreign(text),
            };
        };
        let said = message.unwrap_or_default();
        let text = clean(&format!("{code}: {said}"));
        if status == 429 || THROTTLING.contains(&&*code) {
            Fault::Throttled { after, text }
        } else if let Some(text) = clock_trouble(&code, &said) {
            Fault::Clock(text)
        } else if status >= 500 {
            Fault::Server(text)
        } else if matches!(status, 401 | 403) || DENYING.contains(&&*code) {
            Fault::Denied(text)
        } else if (400..500).contains(&status) {
            Fault::Refused {
                status,
                code: clean(&code),
                text: clean(&said),
            }
        } else {
            Fault::Foreign(text)
        }
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "BreakwaterWire"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        if let Some(Cause(number)) = self.number {
            headers.insert("x-breakwater-query", number.to_string());
        }
        if let Some(Cause(number)) = self.because {
            headers.insert("x-breakwater-because", number.to_string());
        }
        Ok(())
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.answered.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        let whole = is_whole(body, config.load::<Metadata>());
        self.foreign.store(!whole, Ordering::Relaxed);
        Ok(())
    }
}

/// A wrong clock shows up as a bad signature: "Signature expired: <signed> is now earlier than ... (<now> - 15
/// min.)", or "Signature not yet current: <signed> is still later than ... (<now> + 5 min.)".
fn clock_trouble(code: &str, said: &str) -> Option<Text> {
    let skewed = matches!(code, "RequestTimeTooSkewed" | "RequestExpired")
        || said.contains("Signature expired")
        || said.contains("Signature not yet current");
    if !skewed {
        return None;
    }
    let stamps: Vec<DateTime> = said
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| DateTime::strptime("%Y%m%dT%H%M%SZ", word).ok())
        .collect();
    let by = match (stamps.first(), stamps.last()) {
        (Some(signed), Some(theirs)) if stamps.len() >= 3 => {
            let seconds = signed.duration_since(*theirs).as_secs();
            let side = if seconds < 0 { "behind" } else { "ahead" };
            format!("our clock is {} s {side} AWS' ({code}: {said})", seconds.abs())
        }
        _ => format!("our clock differs from AWS' ({code}: {said})"),
    };
    Some(clean(&by))
}

/// The name of an XML document's root element, without its prefix; `None` if it is no XML.
pub(crate) fn root(body: &[u8]) -> Option<&str> {
    let mut rest = std::str::from_utf8(body)
        .ok()?
        .trim_start_matches('\u{feff}')
        .trim_start();
    while let Some(after) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        rest = after.split_once('>')?.1.trim_start();
    }
    let name = rest.strip_prefix('<')?;
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?;
    let name = &name[..end];
    Some(name.rsplit_once(':').map_or(name, |(_, local)| local))
}

/// The text of the first element of this name, with the five entities decoded.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    Some(text.replace("&amp;", "&"))
}

/// Whether the controller's own credentials could not be had.
fn no_identity<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if error.is::<CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// How every text about a missing identity begins; a class's check looks for it.
pub(crate) const NO_IDENTITY: &str = "no AWS identity of our own";

fn identity_text<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> Text {
    clean(&format!("{NO_IDENTITY}: {}", of_chain(error)))
}

/// The innermost words of an error: the outer ones only say that it failed.
fn of_chain(error: &dyn Error) -> Text {
    let mut texts = vec![];
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = error.source();
    }
    if texts.is_empty() {
        clean(&error.to_string())
    } else {
        clean(&texts.join(": "))
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
