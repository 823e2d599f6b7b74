//! Which addresses a probe may go to: whoever may write a Storefront must not reach the controller's machine, its
//! metadata service, or a private network through it.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a class and the command line allow beside public addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Loopback, for demos.
    pub(super) loopback: bool,
    /// Private networks.
    pub(super) private: bool,
}

impl Rules {
    /// Why this address is refused, if it is.
    pub(super) fn refusal(self, address: IpAddr) -> Option<&'static str> {
        let address = embedded(address);
        let kind = match address {
            IpAddr::V4(address) => kind_of_v4(address),
            IpAddr::V6(address) => kind_of_v6(address),
        };
        match kind {
            Kind::Public => None,
            Kind::Loopback if self.loopback => None,
            Kind::Private if self.private => None,
            Kind::Loopback => Some("a loopback address"),
            Kind::Private => Some("a private address, and the class does not allow those"),
            Kind::Never => Some("a link-local, metadata or special address"),
        }
    }
}

enum Kind {
    Public,
    Loopback,
    Private,
    Never,
}

/// The IPv4 address within an IPv6 one: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, ..] = v6.segments();
    let [.., w, x, y, z] = v6.octets();
    match (v6.to_ipv4_mapped(), a, b) {
        (Some(v4), _, _) => v4.into(),
        (None, 0x64, 0xff9b) => Ipv4Addr::new(w, x, y, z).into(),
        (None, 0x2002, _) => {
            let [high_b, low_b] = b.to_be_bytes();
            let [high_c, low_c] = c.to_be_bytes();
            Ipv4Addr::new(high_b, low_b, high_c, low_c).into()
        }
        (None, _, _) => address,
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Kind::Loopback
    } else if a == 0 || a >= 224 || address.is_link_local() || address.octets() == [100, 100, 100, 200] {
        // "This network", multicast and reserved; 169.254.169.254 is link-local; 100.100.100.200 is a metadata
        // service inside the shared range.
        Kind::Never
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) || (a == 198 && (b == 18 || b == 19)) {
        Kind::Private
    } else {
        Kind::Public
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    let first = address.segments()[0];
    if address.is_loopback() {
        Kind::Loopback
    } else if address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        // The EC2 metadata service over IPv6 (EC2 docs), inside the unique local range.
        || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
    {
        Kind::Never
    } else if address.is_unique_local() || first & 0xffc0 == 0xfec0 {
        Kind::Private
    } else {
        Kind::Public
    }
}

/// Whether the name means this machine (RFC 6761).
pub(super) fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// The name does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve: {0}")]
pub(super) struct NameError(String);

/// The name resolves to an address that is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ForbiddenAddress(pub(super) String);

/// Resolves names and refuses addresses, in one step: a second look-up could answer otherwise.
pub(super) struct Guard {
    pub(super) rules: Rules,
    /// The class's own proxy may be wherever it is.
    pub(super) proxy_host: Option<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules;
        let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        let free = self.proxy_host.as_deref() == Some(&*host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = if is_localhost(&host) {
                // By definition, whatever the system's resolver makes of it.
                vec![(Ipv4Addr::LOCALHOST, 0).into()]
            } else {
                tokio::net::lookup_host((&*host, 0))
                    .await
                    .map_err(|error| NameError(error.to_string()))?
                    .collect()
            };
            if found.is_empty() {
                return Err(NameError("no address".into()).into());
            }
            // One bad address spoils the name: which of them is taken is not ours to choose.
            for address in &found {
                if let (false, Some(reason)) = (free, rules.refusal(address.ip())) {
                    return Err(ForbiddenAddress(format!("{host} is {}, {reason}", address.ip())).into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, rules: Rules) -> bool {
        rules.refusal(address.parse().unwrap()).is_some()
    }

    #[test]
    fn special_addresses_are_refused_whatever_is_allowed() {
        let all = Rules {
            loopback: true,
            private: true,
        };
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "fe80::1",
            "::",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(refused(address, all), "{address}");
        }
    }

    #[test]
    fn loopback_and_private_addresses_need_their_own_permission() {
        let none = Rules {
            loopback: false,
            private: false,
        };
        let loopback = Rules {
            loopback: true,
            private: false,
        };
        let private = Rules {
            loopback: false,
            private: true,
        };
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(
                refused(address, none) && refused(address, private) && !refused(address, loopback),
                "{address}"
            );
        }
        for address in ["10.0.0.1", "172.16.5.5", "192.168.1.1", "100.64.0.1", "fd12::1"] {
            assert!(
                refused(address, none) && refused(address, loopback) && !refused(address, private),
                "{address}"
            );
        }
        for address in ["192.0.2.1", "8.8.8.8", "172.32.0.1", "2001:db8::1", "100.128.0.1"] {
            assert!(!refused(address, none), "{address}");
        }
    }
}
