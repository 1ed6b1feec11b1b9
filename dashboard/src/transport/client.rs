//! Who is at the other end of a connection: address and scheme, as far as they can be trusted.
//!
//! Whoever sends a request can write anything into its headers. What a proxy says about its client counts only when the
//! connection itself comes from a proxy that the configuration names (`server.trusted_proxies`); else it is passed over. Limits,
//! the audit log and the log all take the address from here.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use serde::Deserialize;

use crate::app::App;
use crate::problem::Problem;

/// `X-Forwarded-For`
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Proto`
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A network in the configuration: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let one = || IpAddr::from_str(&text).map(IpNet::from);
        text.parse::<IpNet>()
            .or_else(|_| one())
            .map(|net| Self(net.trunc()))
            .map_err(|_| format!("{text:?} is no network: write it like 10.0.0.0/8 or 192.0.2.7"))
    }
}

/// Which header the proxies write. One only: a header that a proxy does not write comes from whoever asks, unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word counts.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    trusted: Vec<Network>,
    header: ProxyHeader,
}

impl Proxies {
    /// Those of the configuration.
    pub fn new(trusted: &[Network], header: ProxyHeader) -> Self {
        Self {
            trusted: trusted.to_vec(),
            header,
        }
    }

    /// Whether `address` is one of them.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.0.contains(&address))
    }
}

/// Marks a request that came over the console's own TLS.
#[derive(Debug, Clone, Copy)]
pub struct Encrypted;

/// Who sends a request. Handlers take it as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    address: IpAddr,
    https: bool,
    here: bool,
}

impl Client {
    /// Tells it from the connection's peer, from whether the connection is `encrypted`, and from what a trusted proxy says.
    pub fn new(peer: IpAddr, encrypted: bool, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let peer = peer.to_canonical();
        let told = headers.contains_key(&FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
        let mut client = Self {
            address: peer,
            https: encrypted,
            here: peer.is_loopback() && !told,
        };
        if !proxies.trusts(peer) {
            return client;
        }
        let (nodes, scheme) = match proxies.header {
            ProxyHeader::XForwarded => x_forwarded(headers),
            ProxyHeader::Forwarded => forwarded(headers),
        };
        // From the nearest hop outwards, as long as the one who says it is trusted.
        for node in nodes.iter().rev() {
            let Some(address) = node.filter(|_| proxies.trusts(client.address)) else {
                break;
            };
            client.address = address;
        }
        if let Some(scheme) = scheme {
            client.https = scheme.eq_ignore_ascii_case("https");
        }
        client
    }

    /// The address from which the request comes: the proxy's client where a trusted proxy stands between.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether the outermost connection is HTTPS.
    pub fn https(&self) -> bool {
        self.https
    }

    /// Whether the request comes from this machine, and through no proxy on it.
    pub fn is_here(&self) -> bool {
        self.here
    }

    /// Whether a browser's `Origin` is the address under which it reaches the console: scheme, host and port. Programs send
    /// none.
    pub fn owns_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        let text = |value: &axum::http::HeaderValue| value.to_str().map(str::to_owned).ok();
        let (Some(origin), Some(host)) = (text(origin), headers.get(header::HOST).and_then(text))
        else {
            return false;
        };
        let scheme = if self.https { "https://" } else { "http://" };
        origin
            .strip_prefix(scheme)
            .is_some_and(|origin| origin.eq_ignore_ascii_case(&host))
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        of(&parts.extensions).ok_or_else(|| Problem::internal("a request came without its client"))
    }
}

/// The client of a request that has passed [`note`].
pub fn of(extensions: &axum::http::Extensions) -> Option<Client> {
    extensions.get::<Client>().copied()
}

/// Notes who sends a request, for everything behind it.
pub async fn note(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Problem::ambiguous().into_response();
    }
    let peer = peer(request.extensions());
    let encrypted = request.extensions().get::<Encrypted>().is_some();
    let client = Client::new(peer, encrypted, request.headers(), app.proxies());
    request.extensions_mut().insert(client);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(client);
    response
}

/// The other end of a request's connection: a client, or a proxy.
pub fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    // No listener: nobody is trusted.
    peer.map_or(IpAddr::from(Ipv6Addr::UNSPECIFIED), |peer| peer.0.ip())
}

/// Addresses (the newest last; `None` for what is no address) and scheme.
type Told<'a> = (Vec<Option<IpAddr>>, Option<&'a str>);

fn x_forwarded(headers: &HeaderMap) -> Told<'_> {
    let nodes = elements(headers, FORWARDED_FOR).map(address);
    // The nearest proxy's own word is the last.
    let scheme = elements(headers, FORWARDED_PROTO).last();
    (nodes.collect(), scheme)
}

fn forwarded(headers: &HeaderMap) -> Told<'_> {
    let mut nodes = Vec::new();
    let mut scheme = None;
    for element in elements(headers, header::FORWARDED) {
        let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        let mut node = None;
        scheme = None;
        for (name, value) in pairs {
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => node = address(value),
                "proto" => scheme = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        nodes.push(node);
    }
    (nodes, scheme)
}

/// The comma-separated elements of all lines of a header.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// `192.0.2.1`, `192.0.2.1:47`, `"[2001:db8::1]:47"`, `2001:db8::1`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn proxies(header: ProxyHeader) -> Proxies {
        let net = |text: &str| Network::try_from(text.to_owned()).unwrap();
        Proxies::new(&[net("10.0.0.0/8"), net("2001:db8::/32")], header)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_stranger_says_nothing_about_itself() {
        let forged = headers(&[
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=127.0.0.1;proto=https"),
        ]);
        for header in [ProxyHeader::XForwarded, ProxyHeader::Forwarded] {
            let client = Client::new(ip("198.51.100.7"), false, &forged, &proxies(header));
            assert_eq!(client.address(), ip("198.51.100.7"));
            assert!(!client.https() && !client.is_here());
        }
    }

    #[test]
    fn the_last_untrusted_hop_is_the_client() {
        let chain = headers(&[
            ("x-forwarded-for", "203.0.113.66, 198.51.100.7"),
            ("x-forwarded-for", "10.1.1.1"),
            ("x-forwarded-proto", "http, https"),
        ]);
        let x = proxies(ProxyHeader::XForwarded);
        let client = Client::new(ip("::ffff:10.0.0.1"), false, &chain, &x);
        // 203.0.113.66 is only what 198.51.100.7 says.
        assert_eq!(client.address(), ip("198.51.100.7"));
        assert!(client.https());
        let chain = headers(&[(
            "forwarded",
            "for=\"[2001:db8::5]:4711\";proto=http, for=198.51.100.7:80;proto=https;by=10.0.0.1",
        )]);
        let client = Client::new(
            ip("10.0.0.1"),
            false,
            &chain,
            &proxies(ProxyHeader::Forwarded),
        );
        assert_eq!(client.address(), ip("198.51.100.7"));
        assert!(client.https());
    }

    #[test]
    fn a_header_that_the_proxy_does_not_write_is_passed_over() {
        let both = headers(&[
            ("x-forwarded-for", "198.51.100.7"),
            ("forwarded", "for=127.0.0.1;proto=https"),
        ]);
        let client = Client::new(
            ip("10.0.0.1"),
            false,
            &both,
            &proxies(ProxyHeader::XForwarded),
        );
        assert_eq!(client.address(), ip("198.51.100.7"));
        assert!(!client.https());
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        for odd in [
            "unknown",
            "_hidden",
            "",
            "1.2.3.4.5",
            "198.51.100.7, unknown",
        ] {
            let odd = headers(&[("x-forwarded-for", odd)]);
            let client = Client::new(
                ip("10.0.0.1"),
                true,
                &odd,
                &proxies(ProxyHeader::XForwarded),
            );
            assert_eq!(client.address(), ip("10.0.0.1"));
            assert!(client.https(), "the console's own TLS stays");
        }
    }

    #[test]
    fn loopback_is_here_unless_a_proxy_on_this_machine_speaks() {
        let none = Proxies::default();
        let here =
            |headers: &HeaderMap| Client::new(ip("127.0.0.1"), false, headers, &none).is_here();
        assert!(here(&HeaderMap::new()));
        assert!(!here(&headers(&[("x-forwarded-for", "127.0.0.1")])));
        assert!(!here(&headers(&[("forwarded", "for=127.0.0.1")])));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let client = |https| Client {
            address: ip("192.0.2.1"),
            https,
            here: false,
        };
        let sent = |origin: &str| headers(&[("host", "hall.example:8443"), ("origin", origin)]);
        assert!(client(true).owns_origin(&sent("https://hall.example:8443")));
        assert!(client(false).owns_origin(&sent("http://HALL.example:8443")));
        assert!(client(true).owns_origin(&HeaderMap::new()));
        for foreign in [
            "http://hall.example:8443",
            "https://hall.example",
            "https://evil.example:8443",
            "null",
            "https://",
        ] {
            assert!(!client(true).owns_origin(&sent(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_network_is_a_prefix_or_an_address() {
        assert!(
            Network::try_from("10.0.0.7/8".to_owned())
                .unwrap()
                .0
                .contains(&ip("10.200.0.1"))
        );
        assert!(Network::try_from("192.0.2.7".to_owned()).is_ok());
        assert!(
            Network::try_from("all".to_owned())
                .unwrap_err()
                .contains("10.0.0.0/8")
        );
    }
}
