//! From a request to its answer, or to the lack of one: holds, delays, silence, resets.

use std::{future::pending, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    http::Response,
};
use breakwater_sim::{Answer, Delivery, Meta, Reply, Request, Vantage};
use tokio::{sync::oneshot, time::sleep};

use crate::{
    Inner,
    holds::{Grip, Then, When},
    line::Line,
};

/// Who asks, on which connection.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub line: Line,
    pub vantage: Vantage,
    pub meta: Meta,
}

/// A reply on its way. If it is dropped before it was sent, its asker has gone.
struct Pending {
    inner: Arc<Inner>,
    reply: Reply,
    sent: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.sent {
            self.inner.live.gave_up(self.reply.number);
        }
    }
}

/// An answer that the asker shall get.
pub(crate) struct Delivered(Pending);

impl Delivered {
    /// The answer.
    pub(crate) fn answer(&self) -> &Answer {
        &self.0.reply.answer
    }

    /// Stamps the answer as sent; one that is to be truncated loses the rest of its body here.
    pub(crate) async fn send(mut self, response: Response<Body>) -> Response<Body> {
        let response = match self.0.reply.delivery {
            Delivery::Truncated { percent, .. } => cut_off(response, percent).await,
            Delivery::After(_) | Delivery::Never | Delivery::Reset(_) | Delivery::NoSuchHost => response,
        };
        self.0.sent = true;
        self.0.inner.live.answered(self.0.reply.number);
        response
    }
}

/// The same answer with so much of its body: a whole HTTP message around a document that breaks off.
async fn cut_off(response: Response<Body>, percent: u8) -> Response<Body> {
    let (parts, body) = response.into_parts();
    // Our own bodies are whole in memory: reading one cannot fail. An empty body would be truncated, too.
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let left = whole.len() * usize::from(percent.min(99)) / 100;
    Response::from_parts(parts, Body::from(whole.slice(..left)))
}

/// Asks the world and waits as long as its answer takes. Does not return when there is none: the
/// future is dropped when the connection ends, by the asker or by us.
pub(crate) async fn deliver(inner: &Arc<Inner>, asker: Asker, request: Request) -> Delivered {
    let line = asker.line.clone();
    let pending_reply = match inner.holds.catch(When::Before, &request, &asker.meta, None) {
        Some(grip) => match held_before(inner, asker.clone(), request.clone(), grip).await {
            Some(reply) => reply,
            None => cut(&line).await,
        },
        None => ask(inner, asker.clone(), request.clone()),
    };
    let number = pending_reply.reply.number;
    if let Some(grip) = inner.holds.catch(When::After, &request, &asker.meta, Some(number)) {
        let client = grip.watch_client();
        let then = grip.released().await;
        client.disarm();
        if then == Then::Drop {
            return cut(&line).await;
        }
    }
    let clock = inner.live.clock();
    match pending_reply.reply.delivery {
        Delivery::After(span) | Delivery::Truncated { after: span, .. } => sleep(clock.real_span(span)).await,
        Delivery::Never => pending().await,
        Delivery::Reset(span) => {
            sleep(clock.real_span(span)).await;
            cut(&line).await
        }
        // The name did resolve, or we would not be here; to the asker a reset is as good.
        Delivery::NoSuchHost => cut(&line).await,
    }
    Delivered(pending_reply)
}

fn ask(inner: &Arc<Inner>, asker: Asker, request: Request) -> Pending {
    let reply = inner.live.ask(asker.vantage, asker.meta, request);
    Pending {
        inner: inner.clone(),
        reply,
        sent: false,
    }
}

/// Waits for the release in a task of its own: on release the request takes effect whether or not
/// its client is still there, as one does that has left the client's machine.
async fn held_before(inner: &Arc<Inner>, asker: Asker, request: Request, grip: Grip) -> Option<Pending> {
    let (sender, receiver) = oneshot::channel();
    let client = grip.watch_client();
    let inner = inner.clone();
    tokio::spawn(async move {
        if grip.released().await == Then::Deliver {
            let reply = ask(&inner, asker, request);
            grip.numbered(reply.reply.number);
            // If the client has gone the reply comes back here, and dropping it says so.
            drop(sender.send(reply));
        }
    });
    let reply = receiver.await.ok();
    client.disarm();
    reply
}

async fn cut<T>(line: &Line) -> T {
    line.cut();
    pending().await
}
