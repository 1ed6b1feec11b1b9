//! The names of halls, units, items and steps, as rows show them.

use std::collections::HashMap;
use std::sync::Arc;

use mingjing_alerts::supervisor::Reference;
use mingjing_monitor::item::ItemVersion;
use mingjing_monitor::store::statistics::{By, Filter};

use super::table::{Cell, Words};
use crate::app::App;
use crate::directory::Directory;

/// What is known of names at one moment.
pub struct Names {
    directory: Arc<Directory>,
    reference: Option<Arc<Reference>>,
}

/// The names of steps.
#[derive(Default)]
pub struct Steps<'a> {
    of_unit: HashMap<(&'a str, &'a str), &'a str>,
    of_any: HashMap<&'a str, &'a str>,
}

impl Steps<'_> {
    /// Of a step that a unit did; its code where no item has it.
    pub fn name(&self, unit: &str, step: &str) -> Words {
        let name = self.of_unit.get(&(unit, step));
        let name = name.or_else(|| self.of_any.get(step)).copied();
        Words::same(name.unwrap_or(step))
    }
}

/// What stands where no event named a unit or an item.
fn unknown() -> Words {
    Words::new("未注明", "Not given")
}

impl Names {
    pub fn new(app: &App) -> Self {
        Self {
            directory: app.directory(),
            reference: app.reference(),
        }
    }

    /// What a row stands for.
    pub fn cell(&self, by: By, key: &str) -> Cell {
        let name = match by {
            By::Hall => self.hall(key),
            By::Unit => self.unit(key),
            By::Item => self.item(key),
            By::Whole => Words::new("合计", "Total"),
            By::Day | By::Month => Words::same(key),
        };
        Cell::label(key, name)
    }

    pub fn hall(&self, code: &str) -> Words {
        self.directory.hall(code).map_or_else(
            || Words::same(code),
            |hall| named(&hall.name, &hall.name_en),
        )
    }

    pub fn unit(&self, code: &str) -> Words {
        if code.is_empty() {
            return unknown();
        }
        let unit = self.directory.units().find(|unit| unit.code == code);
        unit.map_or_else(
            || Words::same(code),
            |unit| named(&unit.name, &unit.name_en),
        )
    }

    pub fn item(&self, code: &str) -> Words {
        if code.is_empty() {
            return unknown();
        }
        self.version(code).map_or_else(
            || Words::same(code),
            |item| named(&item.name, &item.name_en),
        )
    }

    /// The item in its newest version.
    pub fn version(&self, code: &str) -> Option<&ItemVersion> {
        self.reference.as_ref()?.items.get(code)?.versions().last()
    }

    /// The name of a step as the item, in any version, has it.
    pub fn step(&self, item: &str, step: &str) -> Words {
        let known = self.reference.as_ref().and_then(|it| it.items.get(item));
        let mut versions = known
            .map(|item| item.versions())
            .unwrap_or_default()
            .iter()
            .rev();
        let found = versions.find_map(|version| version.step(step));
        let name = found.map(|step| step.name.as_str()).unwrap_or_default();
        Words::same(if name.is_empty() { step } else { name })
    }

    /// The names of the steps of all items, as the item with the first code has them; those of a unit's items before others.
    pub fn steps(&self) -> Steps<'_> {
        let items = self.reference.iter().flat_map(|it| &it.items);
        let mut items: Vec<_> = items.collect();
        items.sort_unstable_by_key(|(code, _)| code.as_str());
        let mut steps = Steps::default();
        for version in items
            .iter()
            .flat_map(|(_, item)| item.versions().iter().rev())
        {
            for step in version.steps.iter().filter(|step| !step.name.is_empty()) {
                let (code, name) = (step.code.as_str(), step.name.as_str());
                let unit = version.unit.as_deref().unwrap_or_default();
                steps.of_unit.entry((unit, code)).or_insert(name);
                steps.of_any.entry(code).or_insert(name);
            }
        }
        steps
    }

    /// The span, the halls, and what else narrows it.
    pub fn about(&self, filter: &Filter) -> Words {
        let mut about = self.hall(&filter.hall);
        let narrowed = [
            filter.unit.as_deref().map(|unit| self.unit(unit)),
            filter.item.as_deref().map(|item| self.item(item)),
        ];
        for Words { zh, en } in narrowed.into_iter().flatten() {
            about.zh.push_str(&format!(" · {zh}"));
            about.en.push_str(&format!(" · {en}"));
        }
        let Filter { from, to, .. } = filter;
        Words::new(
            format!("{}，{from} 至 {to}", about.zh),
            format!("{}, {from} to {to}", about.en),
        )
    }
}

/// A name in both languages; the Chinese one where there is no other.
pub fn named(name: &str, name_en: &str) -> Words {
    Words::new(name, if name_en.is_empty() { name } else { name_en })
}
