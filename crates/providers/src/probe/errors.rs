//! What a failed GET means, from the chain of its errors.

use super::addresses::{ForbiddenAddress, NameError, NoLookUp};
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
    } else if let Some(ours) = chain.find::<NoLookUp>() {
        ProbeSeen::Ours(clean(&ours.to_string()))
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

/// Whose fault it is that a connection could not be made or broke.
pub(crate) enum Broke {
    /// Ours: no descriptor, no route, no name; nothing was sent.
    Here(Text),
    /// In the TLS handshake: somebody answered.
    InTls(Text),
    /// At the other end, or on the way to it.
    There(Text),
}

/// How a connection broke.
pub(crate) fn broke(error: &(dyn Error + 'static)) -> Broke {
    let chain = Chain::of(error);
    let text = chain_text(error);
    if chain.find::<rustls::Error>().is_some() {
        return Broke::InTls(text);
    }
    // A name that does not resolve is an error without a kind.
    match chain.find::<io::Error>().map(|io| of_io(io, false)) {
        Some(ProbeSeen::Ours(_)) => Broke::Here(text),
        Some(_) | None => Broke::There(text),
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    /// Case N3: what fails on our side before a byte was sent (no descriptor, no memory, no address, no route, not
    /// permitted) says nothing of the service.
    #[test]
    fn our_own_troubles_are_ours() {
        // Linux, errno(3): EPERM, ENOMEM, EACCES, ENFILE, EMFILE, EADDRINUSE, EADDRNOTAVAIL, ENETDOWN, ENETUNREACH, ENOBUFS.
        for number in [1, 12, 13, 23, 24, 98, 99, 100, 101, 105] {
            let error = io::Error::from_raw_os_error(number);
            assert!(matches!(of_io(&error, false), ProbeSeen::Ours(_)), "{error}");
        }
        // ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH are words of the other end, or of the way to it.
        for (number, seen) in [
            (111, ProbeSeen::Refused),
            (104, ProbeSeen::Reset),
            (110, ProbeSeen::TimedOut),
            (113, ProbeSeen::TimedOut),
        ] {
            assert_eq!(of_io(&io::Error::from_raw_os_error(number), false), seen);
        }
    }

    /// Case N4: a certificate that ran out at midnight is a misconfiguration, whatever stands behind it.
    #[test]
    fn no_certificate_that_does_not_verify_is_an_outage() {
        for wrong in [
            CertificateError::Expired,
            CertificateError::NotValidYet,
            CertificateError::NotValidForName,
            CertificateError::UnknownIssuer,
            CertificateError::Revoked,
            CertificateError::BadSignature,
        ] {
            let seen = of_tls(&rustls::Error::InvalidCertificate(wrong.clone()));
            assert_eq!(seen, ProbeSeen::BadCertificate, "{wrong:?}");
        }
    }
}
