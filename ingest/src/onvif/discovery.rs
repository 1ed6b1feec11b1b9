//! Cameras in the networks of this machine, by WS-Discovery: one question to a multicast group, and whoever is a camera answers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::xml::Node;

/// Where cameras listen.
const GROUP: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 3702));

/// Cameras that are listed at most.
const MOST: usize = 500;

/// Asked so often: a datagram may be lost.
const TIMES: u32 = 2;

/// A camera that answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// Where its device service is, at the address from which it answered.
    pub service: Url,
    /// What it calls itself.
    pub name: Option<String>,
    /// What it is, as it says.
    pub hardware: Option<String>,
}

/// How long answers are gathered.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks in every network that this machine has an IPv4 address in, and gathers answers for three seconds; each camera once, by address.
pub async fn discover() -> Vec<Found> {
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    let own = own
        .into_iter()
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
    let until = Instant::now() + PATIENCE;
    let found = join_all(own.map(|from| ask(from, until))).await;
    let found = found.into_iter().flatten();
    let by_address: BTreeMap<String, Found> = found
        .map(|camera| (camera.service.to_string(), camera))
        .collect();
    by_address.into_values().take(MOST).collect()
}

/// From one address: bound to it, the question goes out into its network.
async fn ask(from: Ipv4Addr, until: Instant) -> Vec<Found> {
    let Ok(socket) = UdpSocket::bind((from, 0)).await else {
        return Vec::new();
    };
    let question = question();
    for _ in 0..TIMES {
        if let Err(error) = socket.send_to(question.as_bytes(), GROUP).await {
            tracing::debug!(%error, "cameras cannot be looked for in one of the networks");
            return Vec::new();
        }
    }
    let (mut found, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while found.len() < MOST {
        match timeout_at(until, socket.recv_from(&mut buffer)).await {
            Ok(Ok((length, sender))) => {
                let text = String::from_utf8_lossy(&buffer[..length]);
                found.extend(answer(&text, sender.ip()));
            }
            Ok(Err(_)) | Err(_) => break,
        }
    }
    found
}

fn question() -> String {
    let id: [u8; 16] = rand::random();
    let id = hex::encode(id);
    let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" \
         xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><s:Header><a:MessageID>urn:uuid:{parts}</a:MessageID>\
         <a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>\
         <a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>\
         <s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    )
}

/// What an answer tells. Of the addresses that a camera names that is taken which it answered from, so that nobody answers for another.
fn answer(text: &str, sender: IpAddr) -> Vec<Found> {
    let Some(read) = Node::read(text) else {
        return Vec::new();
    };
    let camera = |matched: &Node| {
        let addresses = &matched.find("XAddrs")?.text;
        let mut services = addresses
            .split_whitespace()
            .filter_map(|it| it.parse::<Url>().ok());
        let service = services.find(|url| {
            let named = url.host_str().and_then(|host| host.parse::<IpAddr>().ok());
            matches!(url.scheme(), "http" | "https") && named == Some(sender)
        })?;
        let scopes = matched.find("Scopes").map_or("", |scopes| &scopes.text);
        let scope = |what: &str| {
            let mut all = scopes.split_whitespace();
            let value = all.find_map(|it| {
                it.strip_prefix("onvif://www.onvif.org/")?
                    .strip_prefix(what)
            })?;
            Some(plain(value)).filter(|value| !value.is_empty())
        };
        Some(Found {
            service,
            name: scope("name/"),
            hardware: scope("hardware/"),
        })
    };
    read.all("ProbeMatch")
        .into_iter()
        .filter_map(camera)
        .collect()
}

/// A scope is a part of an address: `%20` is a space.
fn plain(value: &str) -> String {
    let decoded: String = url::form_urlencoded::parse(value.replace('+', "%2B").as_bytes())
        .map(|(key, _)| key.into_owned())
        .next()
        .unwrap_or_default();
    decoded
        .chars()
        .filter(|c| !c.is_control())
        .take(80)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<e:Envelope xmlns:e='x'><e:Body><d:ProbeMatches><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/type/video_encoder \
        onvif://www.onvif.org/name/IPC%20HFW onvif://www.onvif.org/hardware/DS-2CD</d:Scopes>\
        <d:XAddrs>http://10.0.0.9/onvif/device_service http://192.168.1.64/onvif/device_service</d:XAddrs></d:ProbeMatch>\
        </d:ProbeMatches></e:Body></e:Envelope>";

    #[test]
    fn a_camera_answers_for_itself_alone() {
        let found = answer(ANSWER, "192.168.1.64".parse().unwrap());
        assert_eq!(
            found[0].service.as_str(),
            "http://192.168.1.64/onvif/device_service"
        );
        assert_eq!(found[0].name.as_deref(), Some("IPC HFW"));
        assert_eq!(found[0].hardware.as_deref(), Some("DS-2CD"));
        assert!(answer(ANSWER, "192.168.1.65".parse().unwrap()).is_empty());
        assert!(answer("rubbish", "192.168.1.64".parse().unwrap()).is_empty());
    }
}
