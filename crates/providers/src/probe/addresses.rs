//! Which addresses a probe may go to: whoever may write a Storefront must not reach the controller's machine, its
//! metadata service, or a private network through it.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;

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

/// The IPv4 address within an IPv6 one: mapped, compatible (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052),
/// 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if v6.is_loopback() || v6.is_unspecified() {
        return address;
    }
    let [.., w, x, y, z] = v6.octets();
    let last = Ipv4Addr::new(w, x, y, z);
    match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            last.into()
        }
        [0x2002, b, c, ..] => {
            let [high_b, low_b] = b.to_be_bytes();
            let [high_c, low_c] = c.to_be_bytes();
            Ipv4Addr::new(high_b, low_b, high_c, low_c).into()
        }
        _ => address,
    }
}

/// Addresses at which a machine's own cloud answers, outside the link-local ranges: Alibaba Cloud, Azure, and what
/// Oracle Cloud uses of the range for protocols (RFC 6890). Each is public or shared by its number alone.
const METADATA_V4: [[u8; 4]; 2] = [[100, 100, 100, 200], [168, 63, 129, 16]];

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Kind::Loopback
    } else if a == 0
        || a >= 224
        || address.is_link_local()
        || address.octets().starts_with(&[192, 0, 0])
        || METADATA_V4.contains(&address.octets())
    {
        // "This network", multicast and reserved; 169.254.169.254 is link-local.
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
        // Of the unique local range: EC2's own services, metadata and the credentials of pods among them (EC2 and
        // EKS docs), and Google Cloud's metadata.
        || address.segments().starts_with(&[0xfd00, 0xec2])
        || address.segments().starts_with(&[0xfd20, 0xce])
        // Teredo (RFC 4380) hides the address that it leads to.
        || address.segments().starts_with(&[0x2001, 0])
    {
        Kind::Never
    } else if address.is_unique_local() || first & 0xffc0 == 0xfec0 || address.segments().starts_with(&[0x64, 0xff9b]) {
        // The last: a network's own NAT64 (RFC 8215) may lead into it.
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

/// We could not look it up.
#[derive(Debug, thiserror::Error)]
#[error("the name could not be looked up: {0}")]
pub(super) struct NoLookUp(pub(super) String);

/// The name resolves to an address that is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ForbiddenAddress(pub(super) String);

/// What a name stands for.
type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks names up.
pub(super) type LookUp = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// The system's resolver.
pub(super) fn by_the_system() -> LookUp {
    Arc::new(|host| Box::pin(async move { Ok(tokio::net::lookup_host((&*host, 0)).await?.collect()) }))
}

/// Why a look-up failed. The resolver's words are the same whether there is no such name or no socket to ask with.
fn failure(error: io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        Ok(_) => NameError(error.to_string()).into(),
        Err(ours) => NoLookUp(ours.to_string()).into(),
    }
}

/// Resolves names and refuses addresses, in one step: a second look-up could answer otherwise.
pub(super) struct Guard {
    pub(super) rules: Rules,
    pub(super) look_up: LookUp,
    /// The class's own proxy may be wherever it is.
    pub(super) proxy_host: Option<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules;
        let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        let free = self.proxy_host.as_deref() == Some(&*host);
        let look_up = self.look_up.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = if is_localhost(&host) {
                // By definition, whatever the system's resolver makes of it.
                vec![(Ipv4Addr::LOCALHOST, 0).into()]
            } else {
                look_up(host.clone()).await.map_err(failure)?
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
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "2001:0:1:2:3:4:5601:5601",
            "fd00:ec2::23",
            "fd20:ce::254",
            "168.63.129.16",
            "192.0.0.192",
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
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::127.0.0.1"] {
            assert!(
                refused(address, none) && refused(address, private) && !refused(address, loopback),
                "{address}"
            );
        }
        for address in [
            "10.0.0.1",
            "172.16.5.5",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "64:ff9b:1::1",
            "::10.0.0.1",
        ] {
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
