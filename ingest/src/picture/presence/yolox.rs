//! How YOLOX takes a picture and says what is in it.
//!
//! It takes 416 × 416 pixels: the picture in its proportions in the upper left corner, grey where it ends, blue before green before
//! red, each from 0 to 255. It answers with a row for each place of three grids (every 8, 16 and 32 pixels): where the middle of
//! something is, how large it is, whether it is anything at all, and which of 80 classes it is; people are the first.

use image::RgbImage;

use super::person::Person;

/// Side of the square that is taken, in pixels.
pub const SIDE: usize = 416;
/// Numbers of a row: middle, size, objectness, and the classes of COCO.
pub const ROW: usize = 5 + 80;
/// Distance of the places of each grid, in pixels.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Rows of an answer.
pub const ROWS: usize =
    (SIDE / 8) * (SIDE / 8) + (SIDE / 16) * (SIDE / 16) + (SIDE / 32) * (SIDE / 32);
/// What is beyond the picture.
const GREY: f32 = 114.0;
/// Two boxes that have more than this in common are one person.
const SAME: f32 = 0.5;
/// People in a picture at most.
const MOST: usize = 100;

/// The picture as it is taken, plane after plane, and by how much it was made smaller.
pub fn input(image: &RgbImage) -> (Vec<f32>, f32) {
    let (width, height) = image.dimensions();
    let scale = SIDE as f32 / width.max(height).max(1) as f32;
    let fit = |side: u32| ((side as f32 * scale) as u32).clamp(1, SIDE as u32);
    let small = image::imageops::thumbnail(image, fit(width), fit(height));
    let mut planes = vec![GREY; 3 * SIDE * SIDE];
    for (x, y, pixel) in small.enumerate_pixels() {
        let at = y as usize * SIDE + x as usize;
        for (plane, channel) in pixel.0.iter().rev().enumerate() {
            planes[plane * SIDE * SIDE + at] = f32::from(*channel);
        }
    }
    (planes, scale)
}

/// The people in an answer of [`ROWS`] rows about a picture of `width` × `height` pixels made smaller by `scale`, the surest first.
pub fn people(answer: &[f32], scale: f32, (width, height): (u32, u32), score: f32) -> Vec<Person> {
    let mut found: Vec<Person> = places()
        .zip(answer.chunks_exact(ROW))
        .filter_map(|((x, y, stride), row)| {
            let sure = row[4] * row[5];
            // What is no number is no person either.
            if sure.is_nan() || sure < score {
                return None;
            }
            let middle = ((row[0] + x) * stride, (row[1] + y) * stride);
            let half = (row[2].exp() * stride / 2.0, row[3].exp() * stride / 2.0);
            let across = |at: f32| (at / scale / width as f32).clamp(0.0, 1.0);
            let down = |at: f32| (at / scale / height as f32).clamp(0.0, 1.0);
            Some(Person {
                place: [
                    across(middle.0 - half.0),
                    down(middle.1 - half.1),
                    across(middle.0 + half.0),
                    down(middle.1 + half.1),
                ],
                score: sure,
            })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut people: Vec<Person> = Vec::new();
    for person in found {
        if people.len() < MOST
            && people
                .iter()
                .all(|other| in_common(person.place, other.place) <= SAME)
        {
            people.push(person);
        }
    }
    people
}

/// Column, row and distance of every place, in the order of the answer.
fn places() -> impl Iterator<Item = (f32, f32, f32)> {
    STRIDES.into_iter().flat_map(|stride| {
        let side = SIDE / stride;
        (0..side * side).map(move |n| ((n % side) as f32, (n / side) as f32, stride as f32))
    })
}

/// What two boxes have in common over what they have together.
fn in_common(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area =
        |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let common = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    common / (area(a) + area(b) - common).max(f32::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that says: this is a person of so many places' size here.
    fn says(answer: &mut [f32], place: usize, size: (f32, f32), sure: f32) {
        let row = &mut answer[place * ROW..(place + 1) * ROW];
        row[..6].copy_from_slice(&[0.5, 0.5, size.0.ln(), size.1.ln(), sure, 1.0]);
    }

    #[test]
    fn a_person_is_where_the_answer_says_and_once() {
        let mut answer = vec![0.0; ROWS * ROW];
        // Column 10, row 20 of the finest grid; its neighbour says the same less surely.
        let place = 20 * (SIDE / 8) + 10;
        says(&mut answer, place, (10.0, 20.0), 0.9);
        says(&mut answer, place + 1, (10.0, 20.0), 0.6);
        says(&mut answer, 0, (4.0, 4.0), 0.2);
        answer[7 * ROW + 4] = f32::NAN;
        let found = people(&answer, 0.5, (832, 468), 0.35);
        assert_eq!(found.len(), 1, "{found:?}");
        // Middle at 84 × 164 of 416 pixels, 80 × 160 of them large; the picture is twice that.
        let wanted = [44.0 / 416.0, 84.0 / 234.0, 124.0 / 416.0, 1.0];
        for (is, wanted) in found[0].place.iter().zip(wanted) {
            assert!((is - wanted).abs() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn a_picture_keeps_its_proportions_and_grey_is_beyond_it() {
        let image = RgbImage::from_pixel(832, 416, image::Rgb([10, 20, 30]));
        let (planes, scale) = input(&image);
        assert_eq!(scale, 0.5);
        let at = |plane: usize, x: usize, y: usize| planes[(plane * SIDE + y) * SIDE + x];
        assert_eq!([at(0, 5, 5), at(1, 5, 5), at(2, 5, 5)], [30.0, 20.0, 10.0]);
        assert_eq!(at(0, 415, 207), 30.0);
        assert_eq!(at(0, 5, 208), GREY);
    }
}
