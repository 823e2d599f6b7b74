//! What a failed GET means, from the chain of its errors.

use super::addresses::{ForbiddenAddress, NameError};
use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::reading::ProbeSeen;
use std::error::Error;
use std::io;

/// What was seen. `secure`: the URL is https; `proxied`: the class names a proxy.
pub(super) fn seen(error: &reqwest::Error, secure: bool, proxied: bool) -> ProbeSeen {
    let chain = Chain::of(error);
    let direct = if let Some(forbidden) = chain.find::<ForbiddenAddress>() {
        ProbeSeen::Forbidden(clean(&forbidden.0))
    } else if error.is_timeout() {
        ProbeSeen::TimedOut
    } else if chain.find::<NameError>().is_some() {
        ProbeSeen::NameError
    } else if let Some(tls) = chain.find::<rustls::Error>() {
        of_tls(tls)
    } else if let Some(io) = chain.find::<io::Error>() {
        of_io(io, secure && error.is_connect())
    } else if chain.says("connection closed") || chain.says("end of file") {
        ProbeSeen::Reset
    } else {
        ProbeSeen::Ours(chain_text(error))
    };
    // Through a proxy a failed connection is the proxy's, or the proxy's word for it. A certificate is the
    // service's all the same, and slowness cannot be told apart.
    match direct {
        ProbeSeen::Refused | ProbeSeen::Reset | ProbeSeen::NameError | ProbeSeen::Ours(_) if proxied => {
            ProbeSeen::Proxy
        }
        other => other,
    }
}

fn of_tls(error: &rustls::Error) -> ProbeSeen {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => ProbeSeen::BadCertificate,
        rustls::Error::FailedToGetCurrentTime | rustls::Error::FailedToGetRandomBytes => {
            ProbeSeen::Ours(clean(&error.to_string()))
        }
        _ => ProbeSeen::HandshakeAborted,
    }
}

fn of_io(error: &io::Error, handshake: bool) -> ProbeSeen {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeSeen::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => {
            // The connection was made and broke before TLS was up.
            if handshake {
                ProbeSeen::HandshakeAborted
            } else {
                ProbeSeen::Reset
            }
        }
        // A router's word that nobody is there: the same as no answer.
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => ProbeSeen::TimedOut,
        // No route, no address, no descriptor: our side.
        _ => ProbeSeen::Ours(clean(&error.to_string())),
    }
}

/// An error and everything behind it.
struct Chain<'a>(Vec<&'a (dyn Error + 'static)>);

impl<'a> Chain<'a> {
    fn of(error: &'a (dyn Error + 'static)) -> Self {
        let mut chain = vec![];
        let mut next = Some(error);
        while let Some(error) = next {
            chain.push(error);
            // `io::Error::source` skips the error that it wraps.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        Chain(chain)
    }

    /// The innermost error of this type: the outer ones are wrappers.
    fn find<E: Error + 'static>(&self) -> Option<&'a E> {
        self.0.iter().rev().find_map(|error| error.downcast_ref())
    }

    fn says(&self, words: &str) -> bool {
        self.0.iter().any(|error| error.to_string().contains(words))
    }
}

/// The words of the innermost error: the outer ones repeat the URL.
pub(crate) fn chain_text(error: &(dyn Error + 'static)) -> Text {
    let chain = Chain::of(error);
    clean(&chain.0.last().map(ToString::to_string).unwrap_or_default())
}

/// What was seen, in words.
pub(super) fn words(seen: &ProbeSeen) -> Text {
    match seen {
        ProbeSeen::Status(status) => clean(&format!("HTTP {status}")),
        ProbeSeen::OtherRegion(region) => clean(&format!("an answer of region {region}")),
        ProbeSeen::Refused => "connection refused".into(),
        ProbeSeen::Reset => "connection closed before an answer".into(),
        ProbeSeen::TimedOut => "no answer in time".into(),
        ProbeSeen::NameError => "the name does not resolve".into(),
        ProbeSeen::HandshakeAborted => "TLS handshake aborted".into(),
        ProbeSeen::BadCertificate => "the certificate does not verify".into(),
        ProbeSeen::Proxy => "the proxy answered instead".into(),
        ProbeSeen::Forbidden(text) | ProbeSeen::Ours(text) => text.clone(),
    }
}
