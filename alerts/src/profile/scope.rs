//! For which part of a county numbers hold.

use mingjing_monitor::org::Level;

use super::numbers::Scope;

/// What a case is judged as: decides which overrides fit.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Level of its hall; `None` when the hall is not known.
    pub level: Option<Level>,
    /// Code of its hall.
    pub hall: &'a str,
    /// Code of its unit.
    pub unit: &'a str,
    /// Code of its item.
    pub item: &'a str,
}

impl Scope {
    /// Whether it names nothing, and so would hold everywhere.
    pub(super) fn is_empty(&self) -> bool {
        let named = [&self.hall, &self.unit, &self.item];
        self.level.is_none() && named.iter().all(|name| name.is_none())
    }

    /// Whether it holds for a case.
    pub(super) fn fits(&self, subject: &Subject<'_>) -> bool {
        let fits =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        self.level.is_none_or(|level| Some(level) == subject.level)
            && fits(&self.hall, subject.hall)
            && fits(&self.unit, subject.unit)
            && fits(&self.item, subject.item)
    }
}
