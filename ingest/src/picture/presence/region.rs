//! Where in a camera's picture a window's staff sits, and where people wait for it.

use serde::Deserialize;

use crate::picture::luma::{HEIGHT, WIDTH};

/// Corners of a region at most.
const CORNERS: usize = 32;

/// Points of a box that are looked at along each side, to say how much of it lies in a region.
const POINTS: usize = 8;

/// A `[[camera.region]]`: a window as the camera sees it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRegion {
    /// Number of the window.
    pub window: String,
    /// Where whoever staffs it sits or stands.
    pub seat: Area,
    /// Where people wait for it. They are counted where a model finds people.
    #[serde(default)]
    pub waiting: Option<Area>,
}

/// A polygon: its corners in order, each `[x, y]` as fractions of the picture's width and height from its upper left corner.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<[f32; 2]>")]
pub struct Area(Vec<[f32; 2]>);

/// What is wrong with an area.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region needs 3 to {CORNERS} corners, each [x, y] from 0 to 1, and must not be empty")]
pub struct AreaError;

impl TryFrom<Vec<[f32; 2]>> for Area {
    type Error = AreaError;

    fn try_from(corners: Vec<[f32; 2]>) -> Result<Self, AreaError> {
        let inside = |corner: &[f32; 2]| corner.iter().all(|part| (0.0..=1.0).contains(part));
        let area = Self(corners);
        let good = (3..=CORNERS).contains(&area.0.len())
            && area.0.iter().all(inside)
            && !area.cells().is_empty();
        if good { Ok(area) } else { Err(AreaError) }
    }
}

impl Area {
    /// Whether a point lies inside.
    pub fn contains(&self, x: f32, y: f32) -> bool {
        let next = self.0.iter().cycle().skip(1);
        self.0.iter().zip(next).fold(false, |inside, (a, b)| {
            let crosses =
                (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0];
            inside != crosses
        })
    }

    /// The cells of a small picture whose middle lies inside.
    pub fn cells(&self) -> Vec<usize> {
        let middle = |at: usize, of: usize| (at as f32 + 0.5) / of as f32;
        (0..WIDTH * HEIGHT)
            .filter(|cell| self.contains(middle(cell % WIDTH, WIDTH), middle(cell / WIDTH, HEIGHT)))
            .collect()
    }

    /// How much of a box (left, top, right, bottom; fractions of the picture) lies inside, 0 to 1.
    pub fn share_of(&self, [left, top, right, bottom]: [f32; 4]) -> f32 {
        let at =
            |from: f32, to: f32, n: usize| from + (to - from) * (n as f32 + 0.5) / POINTS as f32;
        let points = (0..POINTS * POINTS)
            .filter(|n| self.contains(at(left, right, n % POINTS), at(top, bottom, n / POINTS)));
        points.count() as f32 / (POINTS * POINTS) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(corners: &[[f32; 2]]) -> Result<Area, AreaError> {
        Area::try_from(corners.to_vec())
    }

    #[test]
    fn what_lies_inside_is_inside() {
        let half = area(&[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]).unwrap();
        assert_eq!(half.cells().len(), WIDTH * HEIGHT / 2);
        assert!((half.share_of([0.25, 0.2, 0.75, 0.4]) - 0.5).abs() < 0.01);
        // A corner that points inwards.
        let bent = area(&[[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [1.0, 1.0], [0.0, 1.0]]).unwrap();
        assert!(bent.contains(0.3, 0.5) && !bent.contains(0.9, 0.5));
    }

    #[test]
    fn an_area_without_an_inside_is_refused() {
        assert_eq!(area(&[[0.0, 0.0], [1.0, 1.0]]), Err(AreaError));
        assert_eq!(area(&[[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]), Err(AreaError));
        assert_eq!(area(&[[0.0, 0.0], [1.5, 0.0], [1.0, 1.0]]), Err(AreaError));
        assert_eq!(
            area(&[[0.0, 0.0], [f32::NAN, 0.0], [1.0, 1.0]]),
            Err(AreaError)
        );
    }
}
