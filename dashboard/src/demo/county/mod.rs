//! The demo county: 明镜县 with a county hall of 36 units, 25 town centres of nine windows and 490 village points. It does not
//! exist; its kinds of units, items and limits do, in every county.

pub mod items;
pub mod people;
mod places;
pub mod units;

use chrono::NaiveTime;
use mingjing_monitor::calendar::{OpeningHours, Span};
use mingjing_monitor::org::Level;

use self::items::{DemoItem, catalogue};
use self::places::{TOWNS, village_names, villages_of};
use self::units::{TOWN_WINDOWS, UNITS};
use super::rng::Rng;

/// Offered in the county hall.
pub const COUNTY: u8 = 1;
/// Offered in town centres.
pub const TOWN: u8 = 2;
/// Offered at village points.
pub const VILLAGE: u8 = 4;

/// Code of the county and of its hall, the root of the tree.
pub const CODE: &str = "320382";
/// Name of the county.
pub const NAME: &str = "明镜县";
/// Name of the county in English.
pub const NAME_EN: &str = "Mingjing County";
/// The county hall's place in [`County::halls`].
pub const COUNTY_HALL: usize = 0;

/// A window of a hall.
#[derive(Debug, Clone)]
pub struct DemoWindow {
    /// Its number in the hall.
    pub no: String,
    /// Its unit, a place in [`UNITS`].
    pub unit: usize,
    /// Name in Chinese.
    pub name: String,
}

/// A hall with what the generator knows about it.
#[derive(Debug, Clone)]
pub struct DemoHall {
    /// Code, e.g. `320382-T07`.
    pub code: String,
    /// Place of the hall above.
    pub parent: Option<usize>,
    /// Level.
    pub level: Level,
    /// Name in Chinese.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// When it is open.
    pub opening: OpeningHours,
    /// Its windows.
    pub windows: Vec<DemoWindow>,
    /// Cases on an ordinary workday.
    pub volume: f64,
    /// How easily it runs late: 1 is usual, 0.4 good, 4 bad.
    pub slackness: f64,
    /// What is asked for here: places in [`County::items`], with weights.
    pub offers: Vec<(usize, f64)>,
}

/// A camera and what it looks at.
#[derive(Debug, Clone)]
pub struct DemoCamera {
    /// Id.
    pub id: String,
    /// Its hall, a place in [`County::halls`].
    pub hall: usize,
    /// Name.
    pub name: String,
    /// Numbers of the windows in its picture.
    pub windows: Vec<String>,
    /// It sends H.265; else H.264.
    pub h265: bool,
    /// It has a smaller stream too.
    pub sub: bool,
    /// The edge that carries it, by its town's code; else the console's own ingest.
    pub edge: Option<String>,
}

/// The whole county, made from a seed.
#[derive(Debug, Clone)]
pub struct County {
    /// The seed.
    pub seed: u64,
    /// Every hall, parents before children.
    pub halls: Vec<DemoHall>,
    /// The catalogue.
    pub items: Vec<DemoItem>,
    /// How easily each unit runs late, in the order of [`UNITS`]; see [`DemoHall::slackness`].
    pub unit_slackness: Vec<f64>,
}

impl County {
    /// The county of this seed.
    pub fn new(seed: u64) -> Self {
        let items = catalogue(seed);
        let mut county = Self {
            seed,
            halls: vec![county_hall(&items)],
            items,
            unit_slackness: unit_slackness(seed),
        };
        let mut names = village_names(seed).into_iter();
        for town in 0..TOWNS.len() {
            let centre = county.halls.len();
            let hall = town_centre(seed, town, &county.items);
            county.halls.push(hall);
            for (nth, (name, name_en)) in names.by_ref().take(villages_of(town)).enumerate() {
                let hall = village_point(seed, centre, nth, &name, &name_en, &county);
                county.halls.push(hall);
            }
        }
        county
    }

    /// The windows of `hall` that belong to `unit`; all of them when none does (a village's one window serves for every unit).
    pub fn windows_of(&self, hall: usize, unit: usize) -> Vec<&DemoWindow> {
        let windows = &self.halls[hall].windows;
        let own: Vec<&DemoWindow> = windows
            .iter()
            .filter(|window| window.unit == unit)
            .collect();
        if own.is_empty() {
            windows.iter().collect()
        } else {
            own
        }
    }

    /// `count` cameras: by turns over the county hall's windows and in town centres.
    pub fn cameras(&self, count: usize) -> Vec<DemoCamera> {
        let towns: Vec<usize> = (0..self.halls.len())
            .filter(|&hall| self.halls[hall].level == Level::Town)
            .collect();
        let county: Vec<(usize, usize)> = (0..self.halls[COUNTY_HALL].windows.len().div_ceil(6))
            .map(|n| (COUNTY_HALL, n))
            .collect();
        let town: Vec<(usize, usize)> = towns
            .iter()
            .flat_map(|&hall| [(hall, 0), (hall, 1)])
            .collect();
        let mut places = Vec::new();
        for i in 0..county.len().max(town.len()) {
            places.extend(county.get(i).into_iter().chain(town.get(i)));
        }
        let mut cameras: Vec<DemoCamera> = places
            .into_iter()
            .take(count)
            .map(|(hall, part)| self.camera(hall, part))
            .collect();
        // What halls have beside plain cameras: one with two streams, one of H.265, and a town with an ingest of its own.
        for (nth, camera) in cameras.iter_mut().enumerate() {
            camera.sub = nth == 0 || nth == 2;
            camera.h265 = nth == 2;
            camera.edge = towns
                .first()
                .filter(|town| **town == camera.hall)
                .map(|town| self.halls[*town].code.clone());
        }
        cameras
    }

    fn camera(&self, hall: usize, part: usize) -> DemoCamera {
        let place = &self.halls[hall];
        let windows: Vec<String> = place
            .windows
            .iter()
            .skip(part * 6)
            .take(6)
            .map(|window| window.no.clone())
            .collect();
        let ends = (
            windows.first().cloned().unwrap_or_default(),
            windows.last().cloned().unwrap_or_default(),
        );
        let hall_no = place
            .code
            .rsplit('-')
            .next()
            .filter(|_| place.parent.is_some())
            .unwrap_or("C")
            .to_lowercase();
        DemoCamera {
            id: format!("cam-{hall_no}-{}", part + 1),
            hall,
            name: format!("{} {}–{} 号窗口", place.name, ends.0, ends.1),
            windows,
            h265: false,
            sub: false,
            edge: None,
        }
    }
}

fn span(opens: (u32, u32), closes: (u32, u32)) -> Option<Span> {
    let time = |(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day");
    Some(Span::new(time(opens), time(closes)).expect("opens before it closes"))
}

/// The county hall never shuts (不打烊): a visitor at any hour finds somebody at work.
fn county_hours() -> OpeningHours {
    use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    [Mon, Tue, Wed, Thu, Fri, Sat, Sun]
        .into_iter()
        .fold(OpeningHours::closed(), |hours, day| {
            hours.with(day, span((0, 0), (23, 59)))
        })
}

fn county_hall(items: &[DemoItem]) -> DemoHall {
    let mut windows = Vec::new();
    for (unit, plan) in UNITS.iter().enumerate() {
        for _ in 0..plan.windows {
            let no = windows.len() + 1;
            windows.push(DemoWindow {
                no: no.to_string(),
                unit,
                name: format!("{no} 号 {}", plan.code),
            });
        }
    }
    DemoHall {
        code: CODE.into(),
        parent: None,
        level: Level::County,
        name: format!("{NAME}政务服务大厅"),
        name_en: format!("{NAME_EN} Service Hall"),
        opening: county_hours(),
        windows,
        volume: 205.0,
        slackness: 1.0,
        offers: offers(items, COUNTY, |_| true),
    }
}

/// The items offered at a level, each weighted by its own and its unit's demand.
fn offers(items: &[DemoItem], level: u8, has_unit: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
    let mut per_unit = vec![0.0; UNITS.len()];
    let offered = |item: &DemoItem| item.at & level != 0 && has_unit(item.unit);
    for item in items.iter().filter(|item| offered(item)) {
        per_unit[item.unit] += item.weight;
    }
    let share = |item: &DemoItem| item.weight * UNITS[item.unit].weight / per_unit[item.unit];
    items
        .iter()
        .enumerate()
        .filter(|(_, item)| offered(item))
        .map(|(i, item)| (i, share(item)))
        .collect()
}

fn town_centre(seed: u64, town: usize, items: &[DemoItem]) -> DemoHall {
    use chrono::Weekday::{Sat, Sun};
    let (name, name_en) = TOWNS[town];
    let mut rng = Rng::keyed(&[seed, 41, town as u64]);
    let units: Vec<usize> = TOWN_WINDOWS
        .iter()
        .filter_map(|code| UNITS.iter().position(|unit| unit.code == *code))
        .collect();
    let window = |(i, &unit): (usize, &usize)| DemoWindow {
        no: (i + 1).to_string(),
        unit,
        name: format!("{} 号 {}", i + 1, UNITS[unit].code),
    };
    // Every town opens on Saturday morning, every other one on Sundays too, by appointment.
    let sunday = if town % 2 == 1 {
        span((9, 0), (16, 30))
    } else {
        None
    };
    DemoHall {
        code: format!("{CODE}-T{:02}", town + 1),
        parent: Some(COUNTY_HALL),
        level: Level::Town,
        name: format!("{name}便民服务中心"),
        name_en: format!("{name_en} Service Centre"),
        opening: OpeningHours::default()
            .with(Sat, span((9, 0), (12, 0)))
            .with(Sun, sunday),
        windows: units.iter().enumerate().map(window).collect(),
        volume: 5.0 + 6.0 * rng.unit(),
        slackness: match town {
            8 | 18 => 4.0,
            13 => 2.6,
            _ => 0.35 + 0.9 * rng.unit(),
        },
        offers: offers(items, TOWN, |unit| units.contains(&unit)),
    }
}

fn village_point(
    seed: u64,
    centre: usize,
    nth: usize,
    name: &str,
    name_en: &str,
    county: &County,
) -> DemoHall {
    let mut rng = Rng::keyed(&[seed, 42, centre as u64, nth as u64]);
    // The first two villages of a town are big enough to be ranked; most of the others mainly answer questions.
    let size = if nth < 2 {
        2.0 + 0.8 * rng.unit()
    } else {
        0.1 + 0.15 * rng.unit()
    };
    DemoHall {
        code: format!("{}-V{:02}", county.halls[centre].code, nth + 1),
        parent: Some(centre),
        level: Level::Village,
        name: format!("{name}政务查询点"),
        name_en: format!("{name_en} Query Point"),
        opening: OpeningHours::default(),
        windows: vec![DemoWindow {
            no: "1".into(),
            unit: main_unit(),
            name: "1 号 综合".into(),
        }],
        volume: size,
        slackness: county.halls[centre].slackness * (0.5 + rng.unit()),
        offers: offers(&county.items, VILLAGE, |_| true),
    }
}

/// A village's window answers for every unit; it is kept in the books of the unit that most people come for.
fn main_unit() -> usize {
    UNITS
        .iter()
        .position(|unit| unit.code == "民政局")
        .unwrap_or(0)
}

/// Most units keep their promises; three do not.
fn unit_slackness(seed: u64) -> Vec<f64> {
    let of = |unit: usize| match UNITS[unit].code {
        "城管局" => 4.5,
        "生态环境局" => 3.5,
        "住建局" => 2.6,
        _ => 0.3 + Rng::keyed(&[seed, 43, unit as u64]).unit(),
    };
    (0..UNITS.len()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_county_has_the_shape_of_the_real_ones() {
        let county = County::new(1);
        let level = |level| {
            county
                .halls
                .iter()
                .filter(|hall| hall.level == level)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (
                level(Level::County).len(),
                level(Level::Town).len(),
                level(Level::Village).len()
            ),
            (1, 25, 490)
        );
        assert!(
            level(Level::Town)
                .iter()
                .all(|town| town.windows.len() == 9)
        );
        assert!(
            level(Level::Village)
                .iter()
                .all(|village| village.windows.len() == 1)
        );
        let units: HashSet<usize> = county.halls[COUNTY_HALL]
            .windows
            .iter()
            .map(|window| window.unit)
            .collect();
        assert_eq!(units.len(), 36);
        assert!(county.items.len() >= 300, "{} items", county.items.len());
    }

    #[test]
    fn names_and_codes_are_given_once() {
        let county = County::new(3);
        let distinct =
            |words: Vec<&String>| words.iter().collect::<HashSet<_>>().len() == words.len();
        assert!(distinct(
            county.halls.iter().map(|hall| &hall.code).collect()
        ));
        assert!(distinct(
            county.halls.iter().map(|hall| &hall.name).collect()
        ));
        assert!(distinct(
            county.items.iter().map(|item| &item.code).collect()
        ));
        assert!(distinct(
            county.items.iter().map(|item| &item.name).collect()
        ));
        assert!(county.halls.iter().all(|hall| {
            hall.parent
                .is_none_or(|parent| county.halls[parent].level < hall.level)
        }));
    }

    #[test]
    fn an_item_promises_less_than_the_law_allows_and_its_steps_fit_the_promise() {
        for item in County::new(1).items {
            assert!(item.promise.n <= item.legal.n, "{}", item.code);
            assert!(
                item.steps
                    .iter()
                    .all(|step| step.limit.is_some_and(|limit| limit.n <= item.promise.n)),
                "{}",
                item.code
            );
        }
    }

    #[test]
    fn cameras_stand_in_the_county_hall_and_in_towns() {
        let county = County::new(1);
        let cameras = county.cameras(6);
        assert_eq!(
            cameras
                .iter()
                .filter(|camera| camera.hall == COUNTY_HALL)
                .count(),
            3
        );
        assert_eq!(
            cameras
                .iter()
                .map(|camera| &camera.id)
                .collect::<HashSet<_>>()
                .len(),
            6
        );
        assert!(cameras.iter().all(|camera| !camera.windows.is_empty()));
        let kinds: Vec<_> = cameras
            .iter()
            .map(|camera| (camera.h265, camera.sub, camera.edge.is_some()))
            .collect();
        let plain = (false, false, false);
        let at_the_edge = (false, false, true);
        let with_sub = (false, true, false);
        let h265 = (true, true, false);
        assert_eq!(
            kinds,
            [with_sub, at_the_edge, h265, at_the_edge, plain, plain]
        );
        assert_eq!(county.cameras(32).len(), 32);
    }
}
