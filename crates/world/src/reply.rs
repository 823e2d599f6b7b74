//! Ids of requests.

use std::sync::atomic::{AtomicU64, Ordering};

/// The id of a request as the providers show it: a UUID in form, a counter in fact, so that two
/// answers are never confused and a log can be followed.
pub(crate) fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("b4ea0000-0000-4000-8000-{number:012x}")
}
