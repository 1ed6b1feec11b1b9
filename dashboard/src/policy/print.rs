//! The table as people and programs read it: `docs/policy.md` and `mingjing policy`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Access, MESSAGES, PAGES, Role, Speaker, TABLE, Verb};

impl Access {
    /// Who, in words.
    fn words(self) -> String {
        let names = |roles: &[Role]| {
            let codes: Vec<&str> = roles.iter().map(|role| role.code()).collect();
            codes.join(", ")
        };
        match self {
            Self::Public => "everybody".into(),
            Self::Account => "whoever is signed in".into(),
            Self::SignIn(stages) => {
                let codes: Vec<&str> = stages.iter().map(|stage| stage.code()).collect();
                format!("a session at {}", codes.join(", "))
            }
            Self::Roles(roles) => names(roles),
            Self::LoopbackOr(roles) => format!("the console's own machine, {}", names(roles)),
            Self::Intake => "source, by its token's hash".into(),
        }
    }

    fn roles(self) -> Vec<&'static str> {
        let admitted = Role::ALL.into_iter().filter(|role| self.admits(*role));
        admitted.map(Role::code).collect()
    }
}

impl Verb {
    fn word(self, socket: bool) -> String {
        if socket {
            "SOCKET".into()
        } else {
            self.method().to_string()
        }
    }
}

impl Speaker {
    fn word(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Client => "client",
        }
    }
}

/// The whole of it, as Markdown.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Who may what\n\n\
         Printed by `mingjing policy` from the table that the console itself decides by; a test keeps this page the same. Who is\n\
         not named reads 403. What the path is about must lie where the last column says; elsewhere it is 404, as if it were\n\
         not there. *Own halls* is the subtree of the caller's hall, for a `unit_head` only their unit in it, for a `clerk` only\n\
         their window.\n\n\
         ## Routes\n\n| method | path | who | about |\n|---|---|---|---|\n",
    );
    for row in TABLE {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} |",
            row.method.word(row.socket),
            row.path,
            row.access.words(),
            row.subject.code()
        );
    }
    text.push_str(
        "\n## Messages\n\n| socket | said by | kind | with whom | about |\n|---|---|---|---|---|\n",
    );
    for message in MESSAGES {
        let _ = writeln!(
            text,
            "| `{}` | {} | `{}` | {} | {} |",
            message.socket,
            message.speaker.word(),
            message.kind,
            message.access.words(),
            message.subject.code()
        );
    }
    text.push_str(
        "\n## Menu\n\nA page stands in the menu of whoever may read what it shows first.\n\n| page | needs | who |\n|---|---|---|\n",
    );
    for (page, path) in PAGES {
        let shown = Role::ALL
            .into_iter()
            .filter(|role| role.menu().contains(page));
        let who: Vec<&str> = shown.map(Role::code).collect();
        let _ = writeln!(text, "| {page} | `GET {path}` | {} |", who.join(", "));
    }
    text
}

/// The same for programs.
pub fn json() -> Value {
    let routes: Vec<Value> = TABLE
        .iter()
        .map(|row| {
            json!({
                "method": row.method.method().as_str(), "path": row.path, "socket": row.socket,
                "public": matches!(row.access, Access::Public), "roles": row.access.roles(), "about": row.subject.code(),
            })
        })
        .collect();
    let messages: Vec<Value> = MESSAGES
        .iter()
        .map(|message| {
            json!({
                "socket": message.socket, "said_by": message.speaker.word(), "kind": message.kind,
                "roles": message.access.roles(), "about": message.subject.code(),
            })
        })
        .collect();
    let menu: Vec<Value> = PAGES
        .iter()
        .map(|(page, path)| json!({"page": page, "needs": path}))
        .collect();
    json!({"routes": routes, "messages": messages, "menu": menu})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_page_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            page,
            markdown(),
            "write it anew: mingjing policy > docs/policy.md"
        );
    }

    #[test]
    fn programs_read_every_row() {
        let json = json();
        assert_eq!(json["routes"].as_array().unwrap().len(), TABLE.len());
        assert_eq!(json["messages"].as_array().unwrap().len(), MESSAGES.len());
    }
}
