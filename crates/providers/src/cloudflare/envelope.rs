//! Cloudflare's envelope, and what an answer means by its status and by it.

use crate::fault::Fault;
use crate::text::clean;
use breakwater_core::Text;
use serde::Deserialize;
use serde_json::Value;

/// The envelope; lists that are null are the same as empty ones, keys that we do not know are ignored.
#[derive(Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    errors: Option<Vec<CodeAndText>>,
    #[serde(default)]
    result: Value,
}

#[derive(Deserialize)]
struct CodeAndText {
    /// A number of any size; some proxies of theirs make it text.
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: Option<String>,
}

impl CodeAndText {
    fn code(&self) -> Option<String> {
        match &self.code {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The result, or why there is none.
pub(super) fn judge(status: u16, after: Option<u32>, body: &[u8], operation: &str) -> Result<Value, Fault> {
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
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
        (401 | 403, Some(envelope)) => Err(Fault::Denied(said(&envelope))),
        (200..300 | 400..500, Some(envelope)) => {
            let code = envelope.errors.iter().flatten().find_map(CodeAndText::code);
            let code = clean(&code.unwrap_or_else(|| status.to_string()));
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
    let code = envelope.errors.iter().flatten().find_map(CodeAndText::code);
    let words = words(envelope, status, operation);
    match code {
        Some(code) => clean(&format!("{code}: {words}")),
        None => words,
    }
}

/// The words of all errors; without any, what was asked and the status.
fn words(envelope: &Envelope, status: u16, operation: &str) -> Text {
    let said: Vec<&str> = envelope
        .errors
        .iter()
        .flatten()
        .filter_map(|error| error.message.as_deref())
        .filter(|message| !message.trim().is_empty())
        .collect();
    if said.is_empty() {
        clean(&format!("HTTP {status} to {operation}"))
    } else {
        clean(&said.join("; "))
    }
}
