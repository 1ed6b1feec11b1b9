//! From what a provider says of a person to what the console keeps.

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::{self, oidc::Group};

/// Longest subject (OpenID Connect Core, section 2).
const SUBJECT: usize = 255;
/// Longest name of a person, in characters.
const NAME: usize = 100;
/// Longest login before the `@sso`, in characters.
const LOGIN: usize = 40;
/// Groups of a person that are looked at, and letters of each.
const GROUPS: (usize, usize) = (500, 200);

/// Claims that the library does not know: the groups are among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for Extra {}

/// What the provider says of a person who is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// Who it is, for this provider, for ever.
    pub subject: String,
    /// What to call the account on the screens.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
    /// The provider asked for a second factor.
    pub second_factor: bool,
    /// What it calls its own session.
    pub sid: Option<String>,
    /// The token that says all this; it asks the provider to end its session.
    pub id_token: String,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl Told {
    /// Reads checked claims. `None`: they name nobody.
    pub fn read(
        claims: &Map<String, Value>,
        id_token: String,
        settings: &config::Oidc,
    ) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let subject = text("sub").filter(|sub| !sub.is_empty() && sub.len() <= SUBJECT)?;
        let called = text("preferred_username").unwrap_or_default();
        let login = login(called).unwrap_or_else(|| "user".into());
        let name = one_line(text("name").unwrap_or_default());
        let amr = words(claims.get("amr"));
        let acr = text("acr");
        let second_factor = amr
            .iter()
            .any(|word| settings.second_factor_amr.contains(word))
            || settings
                .second_factor_acr
                .iter()
                .any(|value| Some(value.as_str()) == acr);
        Some(Self {
            subject: subject.to_owned(),
            name: if name.is_empty() { login.clone() } else { name },
            login,
            groups: words(at(claims, &settings.groups_claim)),
            second_factor,
            sid: text("sid").map(str::to_owned),
            id_token,
        })
    }

    /// What the person is here: of the groups in the configuration the first that the provider names. So whoever writes it puts
    /// what should win on top.
    pub fn group<'a>(&self, settings: &'a config::Oidc) -> Option<&'a Group> {
        settings
            .groups
            .iter()
            .find(|group| self.groups.contains(&group.name))
    }
}

/// The claim of this name, or where its dots lead: `realm_access.roles`.
pub fn at<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        at(claims.get(first)?.as_object()?, rest)
    })
}

/// One word or several.
fn words(value: Option<&Value>) -> Vec<String> {
    let (most, longest) = GROUPS;
    let fit = |value: &Value| {
        let word = value.as_str().filter(|word| word.len() <= longest)?;
        Some(word.to_owned())
    };
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(fit).take(most).collect(),
        Some(value) => fit(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// What may stand in a login (`auth::login`), in small letters; `None` when nothing is left.
fn login(called: &str) -> Option<String> {
    let fit = |c: &char| c.is_alphanumeric() || "._-".contains(*c);
    // Of an address of mail, what stands before the sign.
    let called = called.split('@').next().unwrap_or_default().to_lowercase();
    let login: String = called.chars().filter(fit).take(LOGIN).collect();
    (!login.is_empty()).then_some(login)
}

fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(NAME)
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(more: &str) -> config::Oidc {
        let text = format!(
            "issuer = \"https://id.example\"\nclient_id = \"m\"\npublic_address = \"https://h.example\"\n{more}\n\
             [[group]]\nname = \"inspectors\"\nrole = \"inspector\"\n\
             [[group]]\nname = \"leaders\"\nrole = \"leader\"\n"
        );
        toml::from_str(&text).unwrap()
    }

    fn read(claims: Value, settings: &config::Oidc) -> Option<Told> {
        Told::read(claims.as_object().unwrap(), "token".into(), settings)
    }

    #[test]
    fn the_first_group_of_the_configuration_wins() {
        let settings = settings("");
        let role = |groups: Value| {
            let told = read(json!({"sub": "1", "groups": groups}), &settings).unwrap();
            told.group(&settings).map(|group| group.role.code())
        };
        assert_eq!(role(json!(["leaders", "inspectors"])), Some("inspector"));
        assert_eq!(role(json!(["x", "leaders"])), Some("leader"));
        assert_eq!(role(json!("leaders")), Some("leader"));
        for none in [
            json!(["Leaders"]),
            json!([]),
            json!(null),
            json!({"leaders": 1}),
            json!([7]),
        ] {
            assert_eq!(role(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn groups_may_lie_deep() {
        let settings = settings("groups_claim = \"realm_access.roles\"");
        let claims = json!({"sub": "1", "realm_access": {"roles": ["leaders"]}});
        assert_eq!(read(claims, &settings).unwrap().groups, ["leaders"]);
        let claims = json!({"sub": "1", "realm_access.roles": ["inspectors"]});
        assert_eq!(read(claims, &settings).unwrap().groups, ["inspectors"]);
        assert!(
            read(json!({"sub": "1", "realm_access": 7}), &settings)
                .unwrap()
                .groups
                .is_empty()
        );
    }

    #[test]
    fn a_second_factor_is_what_the_configuration_takes_for_one() {
        let both = settings("second_factor_amr = [\"otp\"]\nsecond_factor_acr = [\"gold\"]");
        let told = |claims: Value| read(claims, &both).unwrap().second_factor;
        assert!(told(json!({"sub": "1", "amr": ["pwd", "otp"]})));
        assert!(told(json!({"sub": "1", "acr": "gold"})));
        assert!(!told(json!({"sub": "1", "amr": ["pwd"], "acr": "silver"})));
        assert!(!told(json!({"sub": "1", "amr": ["mfa"]})));
        assert!(!told(json!({"sub": "1"})));
    }

    #[test]
    fn what_people_are_called_is_cleaned_and_names_nobody() {
        let settings = settings("");
        let called = |username: &str, name: &str| {
            let claims = json!({"sub": "1", "preferred_username": username, "name": name});
            let told = read(claims, &settings).unwrap();
            (told.login, told.name)
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(called("Li.Min", "李敏"), pair("li.min", "李敏"));
        assert_eq!(called("li@county.example", ""), pair("li", "li"));
        assert_eq!(called("<li>\n min", " 李\u{0}敏\n "), pair("limin", "李敏"));
        assert_eq!(called("@", ""), pair("user", "user"));
        assert_eq!(called(&"x".repeat(300), "").0.len(), LOGIN);
        for nobody in [
            json!({}),
            json!({"sub": ""}),
            json!({"sub": "x".repeat(256)}),
        ] {
            assert!(read(nobody, &settings).is_none());
        }
    }
}
