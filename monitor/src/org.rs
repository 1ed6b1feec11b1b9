//! Who is supervised: the tree of halls, their windows, and the units that staff them.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::calendar::OpeningHours;

/// The administrative level of a hall, highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// County hall 县政务服务大厅.
    County,
    /// Town centre 镇政务服务中心.
    Town,
    /// Village query point 村政务查询点.
    Village,
}

impl Level {
    /// The word for it, as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::County => "county",
            Self::Town => "town",
            Self::Village => "village",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::County, Self::Town, Self::Village];
        all.into_iter().find(|level| level.as_str() == word)
    }
}

/// A service hall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hall {
    /// Stable code, e.g. `320382-T07`.
    pub code: String,
    /// Code of the hall above; `None` at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Administrative level.
    pub level: Level,
    /// Name in Chinese.
    pub name: String,
    /// Name in English; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_en: String,
    /// When it is open to the public. Decides presence only, never a statutory clock.
    #[serde(default)]
    pub opening: OpeningHours,
}

/// A window (窗口) of a hall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Code of its hall.
    pub hall: String,
    /// Number or name inside the hall, as events give it.
    pub no: String,
    /// Code of the unit that staffs it; `None` for a window shared by all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Name in Chinese.
    pub name: String,
    /// Name in English; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_en: String,
}

/// A unit (进驻单位): the department that staffs windows, often in several halls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Code, as events give it.
    pub code: String,
    /// Name in Chinese.
    pub name: String,
    /// Name in English; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_en: String,
}

/// What makes a list of halls no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Two halls share a code.
    #[error("hall {0} is given twice: every hall needs a code of its own")]
    Duplicate(String),
    /// A parent that does not exist.
    #[error("hall {hall} names {parent} as its parent, and there is no such hall")]
    NoParent {
        /// The hall that names the parent.
        hall: String,
        /// The code that is missing.
        parent: String,
    },
    /// A hall that is its own ancestor.
    #[error("hall {0} stands above itself: follow its parents and break the circle")]
    Circle(String),
}

/// The halls of a county as a tree of any depth. Immutable: a change makes a new tree.
///
/// Each hall gets the half-open range of its subtree in depth-first order, so that [`Tree::contains`] costs two look-ups.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    halls: Vec<Hall>,
    end: Vec<usize>,
    index: HashMap<String, usize>,
}

impl Tree {
    /// Builds the tree; siblings keep the order of `halls`.
    pub fn new(halls: Vec<Hall>) -> Result<Self, TreeError> {
        let mut position = HashMap::with_capacity(halls.len());
        for (i, hall) in halls.iter().enumerate() {
            if position.insert(hall.code.as_str(), i).is_some() {
                return Err(TreeError::Duplicate(hall.code.clone()));
            }
        }
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (i, hall) in halls.iter().enumerate() {
            let parent = match &hall.parent {
                None => None,
                Some(code) => {
                    Some(
                        *position
                            .get(code.as_str())
                            .ok_or_else(|| TreeError::NoParent {
                                hall: hall.code.clone(),
                                parent: code.clone(),
                            })?,
                    )
                }
            };
            children.entry(parent).or_default().push(i);
        }
        let (order, end) = depth_first(&children);
        if order.len() < halls.len() {
            let seen: std::collections::HashSet<usize> = order.iter().copied().collect();
            let lost = (0..halls.len())
                .find(|i| !seen.contains(i))
                .expect("fewer were visited than given");
            return Err(TreeError::Circle(halls[lost].code.clone()));
        }
        let mut slots: Vec<Option<Hall>> = halls.into_iter().map(Some).collect();
        let halls: Vec<Hall> = order.iter().filter_map(|&i| slots[i].take()).collect();
        let index = halls
            .iter()
            .enumerate()
            .map(|(i, hall)| (hall.code.clone(), i))
            .collect();
        Ok(Self { halls, end, index })
    }

    /// Every hall, parents before children.
    pub fn halls(&self) -> &[Hall] {
        &self.halls
    }

    /// The hall with this code.
    pub fn get(&self, code: &str) -> Option<&Hall> {
        self.index.get(code).map(|&i| &self.halls[i])
    }

    /// Whether hall `code` is `scope` or stands below it. False when either is unknown: an unknown hall is in nobody's
    /// subtree.
    pub fn contains(&self, scope: &str, code: &str) -> bool {
        match (self.index.get(scope), self.index.get(code)) {
            (Some(&top), Some(&i)) => top <= i && i < self.end[top],
            _ => false,
        }
    }

    /// `scope` and every hall below it, parents before children; empty when `scope` is unknown.
    pub fn subtree(&self, scope: &str) -> &[Hall] {
        match self.index.get(scope) {
            Some(&top) => &self.halls[top..self.end[top]],
            None => &[],
        }
    }

    /// The halls above `code`, nearest first.
    pub fn ancestors<'a>(&'a self, code: &str) -> impl Iterator<Item = &'a Hall> + 'a {
        let parent = |hall: &Hall| hall.parent.as_deref().and_then(|code| self.get(code));
        std::iter::successors(self.get(code).and_then(parent), move |hall| parent(hall))
    }
}

/// Visits the forest without recursion (a county may nest halls as deep as it likes): the order of visit, and for each
/// place in it the place after its last descendant.
fn depth_first(children: &BTreeMap<Option<usize>, Vec<usize>>) -> (Vec<usize>, Vec<usize>) {
    enum Visit {
        Enter(usize),
        Leave(usize),
    }
    let below = |node: Option<usize>| {
        children
            .get(&node)
            .into_iter()
            .flatten()
            .rev()
            .map(|&i| Visit::Enter(i))
    };
    let (mut order, mut end) = (Vec::new(), Vec::new());
    let mut stack: Vec<Visit> = below(None).collect();
    while let Some(visit) = stack.pop() {
        match visit {
            Visit::Enter(i) => {
                stack.push(Visit::Leave(order.len()));
                stack.extend(below(Some(i)));
                order.push(i);
                end.push(0);
            }
            Visit::Leave(place) => end[place] = order.len(),
        }
    }
    (order, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hall(code: &str, parent: Option<&str>, level: Level) -> Hall {
        Hall {
            code: code.into(),
            parent: parent.map(Into::into),
            level,
            name: code.into(),
            name_en: String::new(),
            opening: OpeningHours::default(),
        }
    }

    fn county() -> Vec<Hall> {
        vec![
            hall("V1", Some("T1"), Level::Village),
            hall("C", None, Level::County),
            hall("T1", Some("C"), Level::Town),
            hall("T2", Some("C"), Level::Town),
            hall("V2", Some("T2"), Level::Village),
            hall("V3", Some("T2"), Level::Village),
        ]
    }

    #[test]
    fn a_scope_holds_itself_and_what_is_below_and_nothing_else() {
        let tree = Tree::new(county()).unwrap();
        assert!(tree.contains("C", "V3"));
        assert!(tree.contains("T2", "T2"));
        assert!(tree.contains("T2", "V2"));
        assert!(!tree.contains("T2", "T1"));
        assert!(!tree.contains("T2", "V1"));
        assert!(!tree.contains("T2", "C"));
        assert!(!tree.contains("V2", "V3"));
        assert!(!tree.contains("T2", "nowhere"));
        assert!(!tree.contains("nowhere", "nowhere"));
        let below: Vec<_> = tree
            .subtree("T2")
            .iter()
            .map(|hall| hall.code.as_str())
            .collect();
        assert_eq!(below, ["T2", "V2", "V3"]);
        let above: Vec<_> = tree
            .ancestors("V1")
            .map(|hall| hall.code.as_str())
            .collect();
        assert_eq!(above, ["T1", "C"]);
    }

    #[test]
    fn refuses_what_is_no_tree() {
        let mut halls = county();
        halls.push(hall("V1", Some("T2"), Level::Village));
        assert_eq!(
            Tree::new(halls).unwrap_err(),
            TreeError::Duplicate("V1".into())
        );
        let mut halls = county();
        halls[0].parent = Some("T9".into());
        assert_eq!(
            Tree::new(halls).unwrap_err(),
            TreeError::NoParent {
                hall: "V1".into(),
                parent: "T9".into()
            }
        );
        let mut halls = county();
        halls[1].parent = Some("V3".into());
        assert!(matches!(Tree::new(halls), Err(TreeError::Circle(_))));
    }
}
