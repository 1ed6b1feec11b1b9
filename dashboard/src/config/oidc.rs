//! `[oidc]`: single sign-on through the county's provider of OpenID Connect.

use std::path::PathBuf;

use mingjing_ingest::camera::Secret;
use serde::Deserialize;
use url::{Host, Url};

use super::ConfigError;
use crate::policy::Role;

/// `[oidc]`
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Section")]
pub struct Oidc {
    /// The provider, letter by letter as it calls itself in its discovery document.
    pub issuer: Address,
    /// What the console is called there.
    pub client_id: String,
    /// What proves that it is the console; none for a public client.
    client_secret: Option<Secret>,
    client_secret_file: Option<PathBuf>,
    /// Where browsers reach the console: `https://` and its name, nothing after it.
    pub public_address: Address,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds the groups; dots lead into it.
    pub groups_claim: String,
    /// Words of `amr` by which the provider says that it asked for a second factor.
    pub second_factor_amr: Vec<String>,
    /// Values of `acr` that say so; they are asked for.
    pub second_factor_acr: Vec<String>,
    /// What the button says.
    pub label: Label,
    /// Authorities (PEM) that vouch for the provider's certificate, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What the groups mean; the first that fits counts.
    pub groups: Vec<Group>,
}

/// What the button of the sign-in page says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Label {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Default for Label {
    fn default() -> Self {
        Self {
            zh: "单位账号登录".into(),
            en: "Sign in with the county account".into(),
        }
    }
}

/// `[[oidc.group]]`: what a group of the provider is here.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "GroupSection")]
pub struct Group {
    /// As the provider names it.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The hall whose subtree it covers; the county where it is left out.
    pub hall: Option<String>,
    /// For a `unit_head`, and only for one.
    pub unit: Option<String>,
    /// For a `clerk`, and only for one.
    pub window: Option<String>,
}

/// An address that secrets may go to: HTTPS, or plain HTTP on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(String);

impl Address {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{text:?} {why}"));
        let Ok(url) = Url::parse(&text) else {
            return wrong("is no address: write it like https://id.county.example");
        };
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return wrong("must be https:// (http:// only for this machine)"),
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return wrong("must have no ?, # or user in it");
        }
        Ok(Self(text))
    }
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    issuer: Address,
    client_id: String,
    client_secret: Option<Secret>,
    client_secret_file: Option<PathBuf>,
    public_address: Address,
    scopes: Option<Vec<String>>,
    groups_claim: Option<String>,
    second_factor_amr: Option<Vec<String>>,
    #[serde(default)]
    second_factor_acr: Vec<String>,
    #[serde(default)]
    label: Label,
    ca_file: Option<PathBuf>,
    #[serde(default, rename = "group")]
    groups: Vec<Group>,
}

impl TryFrom<Section> for Oidc {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        if section.client_id.trim().is_empty() {
            return Err("[oidc] client_id is empty".into());
        }
        if section.client_secret.is_some() && section.client_secret_file.is_some() {
            return Err("[oidc] takes client_secret or client_secret_file, not both".into());
        }
        let public = Url::parse(section.public_address.as_str()).map(|url| url.path() == "/");
        if public != Ok(true) {
            return Err(
                "[oidc] public_address is scheme, name and port of the console: nothing after it"
                    .into(),
            );
        }
        if section.groups.is_empty() {
            return Err("[oidc] needs at least one [[oidc.group]]: nobody could come in".into());
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok(Self {
            issuer: section.issuer,
            client_id: section.client_id,
            client_secret: section.client_secret,
            client_secret_file: section.client_secret_file,
            public_address: section.public_address,
            scopes: section
                .scopes
                .unwrap_or_else(|| words(&["profile", "groups"])),
            groups_claim: section.groups_claim.unwrap_or_else(|| "groups".into()),
            second_factor_amr: section.second_factor_amr.unwrap_or_else(|| words(&["mfa"])),
            second_factor_acr: section.second_factor_acr,
            label: section.label,
            ca_file: section.ca_file,
            groups: section.groups,
        })
    }
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupSection {
    name: String,
    role: Role,
    hall: Option<String>,
    unit: Option<String>,
    window: Option<String>,
}

impl TryFrom<GroupSection> for Group {
    type Error = String;

    fn try_from(group: GroupSection) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("[[oidc.group]] {:?}: {why}", group.name));
        if group.name.is_empty() {
            return wrong("a group has a name");
        }
        match group.role {
            Role::Sysadmin | Role::Secadmin | Role::Auditor => {
                return wrong(
                    "administrators have local accounts: their power comes from two people, and they are the emergency door",
                );
            }
            Role::Source | Role::Edge | Role::Reader => {
                return wrong("this role is for programs: they have tokens");
            }
            Role::Unassigned => return wrong("unassigned opens nothing"),
            _ => {}
        }
        if (group.role == Role::UnitHead) != group.unit.is_some() {
            return wrong("unit goes with the role unit_head, and only with it");
        }
        if (group.role == Role::Clerk) != group.window.is_some() {
            return wrong("window goes with the role clerk, and only with it");
        }
        if group.role == Role::Clerk && group.hall.is_none() {
            return wrong("the window of a clerk is one of a hall: give hall too");
        }
        Ok(Self {
            name: group.name,
            role: group.role,
            hall: group.hall,
            unit: group.unit,
            window: group.window,
        })
    }
}

impl Oidc {
    /// What proves to the provider that it is the console who asks.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn secret(&self) -> Result<Option<String>, ConfigError> {
        if let Some(path) = &self.client_secret_file {
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::SecretFile {
                path: path.clone(),
                error,
            })?;
            return Ok(Some(text.trim().to_owned()));
        }
        let secret = self.client_secret.as_ref();
        Ok(secret.map(|secret| secret.expose().to_owned()))
    }

    /// An address of the console, as browsers and the provider know it.
    pub fn at(&self, path: &str) -> String {
        format!(
            "{}{path}",
            self.public_address.as_str().trim_end_matches('/')
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;

    const WHOLE: &str = "[oidc]\nissuer = \"https://id.county.example/realms/gov\"\nclient_id = \"mingjing\"\n\
        client_secret = \"s3cret\"\npublic_address = \"https://mingjing.county.example\"\n\
        [[oidc.group]]\nname = \"inspectors\"\nrole = \"inspector\"\n";

    #[test]
    fn the_section_is_read_and_its_secret_not_printed() {
        let config = load(WHOLE).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        let oidc = config.oidc.unwrap();
        assert_eq!(oidc.secret().unwrap().as_deref(), Some("s3cret"));
        assert_eq!(oidc.at("/signin"), "https://mingjing.county.example/signin");
        assert_eq!(oidc.scopes, ["profile", "groups"]);
        assert_eq!(oidc.second_factor_amr, ["mfa"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_without_the_secret() {
        let line = |n: usize, new: &str| {
            let mut lines: Vec<&str> = WHOLE.lines().collect();
            lines[n - 1] = new;
            lines.join("\n")
        };
        for (text, at, word) in [
            (
                line(2, "issuer = \"http://id.county.example\""),
                "line 2",
                "https://",
            ),
            (line(2, "issuer = \"id\""), "line 2", "no address"),
            (line(3, "client = \"mingjing\""), "line 3", "client"),
            (line(3, "client_id = \" \""), "line 1", "client_id"),
            (line(4, "client_secret = 17"), "line 4", "client_secret"),
            (
                line(4, "client_secret = \"s3cret\"\nclient_secret_file = \"f\""),
                "line 1",
                "not both",
            ),
            (
                line(5, "public_address = \"https://h.example/mingjing\""),
                "line 1",
                "public_address",
            ),
            (line(8, "role = \"sysadmin\""), "line 6", "emergency door"),
            (line(8, "role = \"reader\""), "line 6", "tokens"),
            (line(8, "role = \"unit_head\""), "line 6", "unit goes"),
            (line(8, "role = \"king\""), "line 8", "king"),
            (line(8, "role = \"leader\"\nhal = \"T1\""), "line 9", "hal"),
            (
                WHOLE.lines().take(5).collect::<Vec<_>>().join("\n"),
                "line 1",
                "group",
            ),
        ] {
            let error = load(&text).unwrap_err().to_string();
            assert!(
                error.contains(at) && error.contains(word),
                "{text}\n{error}"
            );
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for (address, taken) in [
            ("http://127.0.0.1:7100", true),
            ("http://localhost:7100", true),
            ("http://[::1]:7100", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
            ("https://u@h.example", false),
            ("https://h.example?x", false),
            ("ftp://h.example", false),
        ] {
            assert_eq!(
                super::Address::try_from(address.to_owned()).is_ok(),
                taken,
                "{address}"
            );
        }
    }
}
