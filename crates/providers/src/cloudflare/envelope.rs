//! Cloudflare's envelope, and what an answer means by its status and by it.

use crate::fault::Fault;
use crate::text::clean;
use breakwater_core::Text;
use serde_json::Value;

/// The envelope; lists that are null are the same as empty ones, keys that we do not know are ignored.
struct Envelope {
    success: bool,
    errors: Vec<CodeAndText>,
    result: Value,
}

struct CodeAndText {
    /// A number of any size; some proxies of theirs make it text.
    code: Option<String>,
    message: Option<String>,
}

impl Envelope {
    /// `None` if it is none.
    fn of(body: &[u8]) -> Option<Self> {
        let mut document = crate::unique::read(body).ok()?;
        let errors = match document.get("errors") {
            None | Some(Value::Null) => vec![],
            Some(Value::Array(errors)) => errors.iter().map(CodeAndText::of).collect::<Option<_>>()?,
            Some(_) => return None,
        };
        Some(Envelope {
            success: document.get("success")?.as_bool()?,
            errors,
            result: document.remove("result").unwrap_or_default(),
        })
    }

    /// The first code.
    fn code(&self) -> Option<&str> {
        self.errors.iter().find_map(|error| error.code.as_deref())
    }
}

impl CodeAndText {
    fn of(error: &Value) -> Option<Self> {
        let error = error.as_object()?;
        Some(CodeAndText {
            code: match error.get("code") {
                Some(Value::Number(number)) => Some(number.to_string()),
                Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
                Some(_) | None => None,
            },
            message: error.get("message").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// The result, or why there is none.
pub(super) fn judge(status: u16, after: Option<u32>, body: &[u8], operation: &str) -> Result<Value, Fault> {
    let envelope = Envelope::of(body);
    let said = |envelope: &Envelope| text(envelope, status, operation);
    match (status, envelope) {
        // The front that limits rates knows no envelope, it sends a page.
        (429, Some(envelope)) => Err(Fault::Throttled {
            after,
            text: said(&envelope),
        }),
        (429, None) => Err(Fault::Throttled {
            after,
            text: page(status, body, operation),
        }),
        (500.., Some(envelope)) => Err(Fault::Server(said(&envelope))),
        (500.., None) => Err(Fault::Server(page(status, body, operation))),
        (_, None) => Err(Fault::Foreign(page(status, body, operation))),
        (200..300, Some(envelope)) if envelope.success => Ok(envelope.result),
        // Status and envelope contradict each other: one of the two is somebody else's.
        (_, Some(envelope)) if envelope.success => Err(Fault::Foreign(page(status, body, operation))),
        // Cloudflare names what it did not find; without that it may be a path that some proxy does not know.
        (404, Some(envelope)) if envelope.code().is_none() => Err(Fault::Foreign(page(status, body, operation))),
        (401 | 403, Some(envelope)) => Err(Fault::Denied(said(&envelope))),
        (200..300 | 400..500, Some(envelope)) => {
            let code = envelope.code().map_or_else(|| clean(&status.to_string()), clean);
            Err(Fault::Refused {
                status,
                code,
                text: words(&envelope, status, operation),
            })
        }
        (_, Some(_)) => Err(Fault::Foreign(page(status, body, operation))),
    }
}

fn page(status: u16, body: &[u8], operation: &str) -> Text {
    // Only the beginning: the rest is cut anyway.
    let head = String::from_utf8_lossy(&body[..body.len().min(2048)]);
    clean(&format!(
        "HTTP {status} to {operation}, not Cloudflare's answer: {head}"
    ))
}

/// Code and words.
fn text(envelope: &Envelope, status: u16, operation: &str) -> Text {
    let words = words(envelope, status, operation);
    match envelope.code() {
        Some(code) => clean(&format!("{code}: {words}")),
        None => words,
    }
}

/// The words of all errors; without any, what was asked and the status.
fn words(envelope: &Envelope, status: u16, operation: &str) -> Text {
    let said: Vec<&str> = envelope
        .errors
        .iter()
        .filter_map(|error| error.message.as_deref())
        .filter(|message| !message.trim().is_empty())
        .collect();
    if said.is_empty() {
        clean(&format!("HTTP {status} to {operation}"))
    } else {
        clean(&said.join("; "))
    }
}
