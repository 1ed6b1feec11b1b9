//! Where channels may connect to: the world outside, and inside only what the configuration names.
//!
//! The name of a receiver is looked up once, what it leads to is checked, and the connection is made to exactly these
//! addresses: a name that answers differently a moment later leads nowhere else. Redirects are not followed, proxies of the
//! environment are not asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use mingjing_alerts::channel::Kind;
use mingjing_alerts::channel::settings::Target;
use serde::Deserialize;

/// A name that is not found within this is not found.
const LOOKUP: Duration = Duration::from_secs(5);

/// An entry of `[channels] inside`: a network or address, and with `:port` only that port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Inside {
    network: IpNet,
    port: Option<u16>,
}

impl TryFrom<String> for Inside {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self {
                network: address.ip().into(),
                port: Some(address.port()),
            });
        }
        let network = |text: &str| {
            let one = text.parse::<IpAddr>().map(IpNet::from);
            one.or_else(|_| text.parse::<IpNet>())
        };
        if let Ok(network) = network(&text) {
            return Ok(Self {
                network,
                port: None,
            });
        }
        let with_port = text.rsplit_once(':').and_then(|(before, port)| {
            let before = before.trim_matches(['[', ']']);
            Some(Self {
                network: network(before).ok()?,
                port: Some(port.parse().ok()?),
            })
        });
        with_port.ok_or_else(|| {
            format!("{text:?} is no address: give 10.20.0.5, 10.20.0.5:8443, 10.20.0.0/24 or 10.20.0.0/24:25")
        })
    }
}

impl Inside {
    fn holds(&self, address: IpAddr, port: u16) -> bool {
        self.network.contains(&address) && self.port.is_none_or(|own| own == port)
    }
}

/// Why a receiver is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It lies inside.
    #[error("{0} leads to an address inside, which [channels] inside does not name")]
    Inside(String),
    /// The port.
    #[error(
        "port {0} is not one that such a channel connects to, unless [channels] inside names it"
    )]
    Port(u16),
    /// Not encrypted.
    #[error("connections outside must be encrypted")]
    Plain,
    /// No such name.
    #[error("{0} cannot be looked up")]
    Unknown(String),
}

/// The addresses that a channel of this kind may connect to for this target.
///
/// # Errors
/// There is none.
pub async fn addresses(
    kind: Kind,
    target: &Target,
    inside: &[Inside],
) -> Result<Vec<SocketAddr>, Refusal> {
    let host = target.host.trim_matches(['[', ']']);
    let unknown = || Refusal::Unknown(host.chars().take(100).collect());
    let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host((host, target.port)))
        .await
        .map_err(|_| unknown())?
        .map_err(|_| unknown())?;
    choose(kind, target, inside, found.collect())
}

fn choose(
    kind: Kind,
    target: &Target,
    inside: &[Inside],
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Refusal> {
    let named = |address: &SocketAddr| {
        inside
            .iter()
            .any(|it| it.holds(address.ip().to_canonical(), address.port()))
    };
    let (named, others): (Vec<_>, Vec<_>) = found.into_iter().partition(named);
    if !named.is_empty() {
        return Ok(named);
    }
    let ports: &[u16] = match kind {
        Kind::Mail => &[25, 465, 587],
        _ => &[443, 8443],
    };
    let public: Vec<SocketAddr> = others
        .into_iter()
        .filter(|address| is_outside(address.ip()))
        .collect();
    if public.is_empty() {
        return Err(Refusal::Inside(target.host.chars().take(100).collect()));
    }
    if !target.encrypted {
        return Err(Refusal::Plain);
    }
    if !ports.contains(&target.port) {
        return Err(Refusal::Port(target.port));
    }
    Ok(public)
}

/// Whether an address is one of the public internet: of nobody's machine, network, provider or test.
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_outside_v4(v4),
        IpAddr::V6(v6) => is_outside_v6(v6),
    }
}

fn is_outside_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let inside = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_multicast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !inside
}

fn is_outside_v6(v6: Ipv6Addr) -> bool {
    let parts = v6.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_outside_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // NAT64 and 6to4 carry an address of version 4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID, documentation.
        [0x2001, 0 | 0x10..=0x2f | 0xdb8, ..] => false,
        // What is public begins with 001; that leaves out ::, loopback, unique local, link local, site local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, port: u16, encrypted: bool) -> Target {
        Target {
            host: host.into(),
            port,
            encrypted,
        }
    }

    #[test]
    fn every_way_to_write_an_address_inside_is_refused() {
        for inside in [
            "127.0.0.1",
            "127.8.9.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "203.0.113.5",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_outside(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "8.8.8.8",
            "106.11.43.1",
            "172.32.0.1",
            "100.128.0.1",
            "2400:3200::1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ] {
            assert!(is_outside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn names_and_numbers_that_lead_inside_are_refused_unless_named() {
        for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
            let refused = addresses(Kind::Webhook, &target(host, 443, true), &[]).await;
            assert!(
                matches!(refused, Err(Refusal::Inside(_))),
                "{host}: {refused:?}"
            );
        }
        // As a browser's address bar reads them, so does ours.
        for written in [
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://0177.0.0.1/",
        ] {
            let url = url::Url::parse(written).unwrap();
            assert_eq!(url.host_str(), Some("127.0.0.1"), "{written}");
        }
        let inside = ["127.0.0.1:7501".to_owned().try_into().unwrap()];
        let allowed = addresses(Kind::Webhook, &target("127.0.0.1", 7501, false), &inside).await;
        assert_eq!(allowed.unwrap(), ["127.0.0.1:7501".parse().unwrap()]);
        let other = addresses(Kind::Webhook, &target("127.0.0.1", 7502, false), &inside).await;
        assert!(matches!(other, Err(Refusal::Inside(_))));
    }

    #[test]
    fn outside_only_encrypted_and_to_the_usual_ports() {
        let found = |port| vec![SocketAddr::new("8.8.8.8".parse().unwrap(), port)];
        let choose = |kind, port, encrypted| {
            choose(
                kind,
                &target("a.example", port, encrypted),
                &[],
                found(port),
            )
        };
        assert!(choose(Kind::Webhook, 443, true).is_ok() && choose(Kind::Mail, 587, true).is_ok());
        assert_eq!(choose(Kind::Webhook, 80, false), Err(Refusal::Plain));
        assert_eq!(choose(Kind::Webhook, 22, true), Err(Refusal::Port(22)));
        assert_eq!(choose(Kind::Mail, 443, true), Err(Refusal::Port(443)));
    }

    #[test]
    fn of_a_name_that_leads_both_ways_only_the_public_address_is_taken() {
        let both: Vec<SocketAddr> = vec![
            "127.0.0.1:443".parse().unwrap(),
            "8.8.8.8:443".parse().unwrap(),
        ];
        let chosen = choose(Kind::Webhook, &target("a.example", 443, true), &[], both).unwrap();
        assert_eq!(chosen, ["8.8.8.8:443".parse().unwrap()]);
    }

    #[test]
    fn entries_are_read_with_and_without_a_port() {
        let read = |text: &str| Inside::try_from(text.to_owned());
        let net = read("10.20.0.0/24:25").unwrap();
        assert!(
            net.holds("10.20.0.9".parse().unwrap(), 25)
                && !net.holds("10.20.0.9".parse().unwrap(), 26)
        );
        assert!(
            read("10.20.0.5")
                .unwrap()
                .holds("10.20.0.5".parse().unwrap(), 1)
        );
        assert!(
            read("[fd00::5]:25")
                .unwrap()
                .holds("fd00::5".parse().unwrap(), 25)
        );
        assert!(
            read("fd00::/8")
                .unwrap()
                .holds("fd00::5".parse().unwrap(), 443)
        );
        assert!(read("mail.county").unwrap_err().contains("10.20.0.5"));
    }
}
