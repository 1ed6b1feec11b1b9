//! What `docs/security.md` says is tested by something is tested by something: each test, module and file that it names is there.

use std::collections::HashSet;
use std::path::Path;

use mingjing_tests::stage::project;

/// Names of functions and modules of the workspace, and every source file.
#[derive(Default)]
struct Sources {
    names: HashSet<String>,
}

impl Sources {
    fn read(&mut self, directory: &Path) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(
                    name.as_str(),
                    "node_modules" | "target" | "dist" | "results"
                ) && !name.starts_with('.')
                {
                    self.names.insert(name);
                    self.read(&path);
                }
            } else if let Some(module) = name.strip_suffix(".rs") {
                self.names.insert(module.to_owned());
                let text = std::fs::read_to_string(&path).unwrap();
                let after_fn = text.split("fn ").skip(1);
                let functions = after_fn.filter_map(|rest| rest.split(['(', '<']).next());
                self.names.extend(functions.map(str::to_owned));
            }
        }
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn what_the_page_on_security_names_is_there() {
    let root = project();
    let mut sources = Sources::default();
    for member in ["monitor", "alerts", "ingest", "dashboard", "tests"] {
        sources.names.insert(member.to_owned());
        sources.read(&root.join(member));
    }
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let is_name = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let mut looked_up = 0;
    let mut missing = Vec::new();
    for name in quoted(&page) {
        let parts: Vec<&str> = name.split("::").collect();
        // A test of which the file is not said has a long name.
        let is_test = parts.len() > 1 || name.matches('_').count() >= 4;
        let there =
            if name.contains('/') && [".rs", ".ts", ".md"].iter().any(|end| name.ends_with(end)) {
                root.join(name).is_file()
            } else if is_test && parts.iter().all(|part| is_name(part)) {
                parts.iter().all(|part| sources.names.contains(*part))
            } else {
                continue;
            };
        looked_up += 1;
        if !there {
            missing.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "docs/security.md names what is not there: {missing:#?}"
    );
    assert!(looked_up > 40, "{looked_up}");
}
