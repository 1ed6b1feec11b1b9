//! A picture made small: what the checks and the presence look at, once a second for each camera.

/// Cells across.
pub const WIDTH: usize = 192;
/// Cells down.
pub const HEIGHT: usize = 108;
/// Side of a block in cells.
pub const BLOCK: usize = 12;
/// Blocks across.
pub const COLUMNS: usize = WIDTH / BLOCK;
/// Blocks down.
pub const ROWS: usize = HEIGHT / BLOCK;
/// Blocks of a picture.
pub const BLOCKS: usize = COLUMNS * ROWS;

/// As many pixels across and down are read of a cell at most: what a large picture costs is bounded.
const READ: usize = 4;

/// The brightness of a picture in [`WIDTH`] × [`HEIGHT`] cells whatever its size and proportions, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Luma {
    /// Mean of each cell: the scene, with little noise.
    pub mean: Vec<u8>,
    /// One pixel of each cell as it is: where the sensor's noise is still to be seen.
    pub sample: Vec<u8>,
}

impl Luma {
    /// Of a plane of `width` × `height` pixels, each row `stride` bytes after the one before. `None`: the plane is smaller
    /// than it says, or empty.
    pub fn of(plane: &[u8], stride: usize, width: usize, height: usize) -> Option<Self> {
        let last = stride.checked_mul(height.checked_sub(1)?)?;
        if width == 0 || width > stride || plane.len() < last.checked_add(width)? {
            return None;
        }
        let columns = Axis::new(width, WIDTH);
        let rows = Axis::new(height, HEIGHT);
        let (mut mean, mut sample) = (vec![0; WIDTH * HEIGHT], vec![0; WIDTH * HEIGHT]);
        for (row, (mean, sample)) in mean
            .chunks_exact_mut(WIDTH)
            .zip(sample.chunks_exact_mut(WIDTH))
            .enumerate()
        {
            let mut sums = [0_u32; WIDTH];
            let read = rows.read(row);
            let lines = read.clone().count() as u32;
            for y in read {
                let line = &plane[y * stride..y * stride + width];
                for (sum, x) in sums.iter_mut().zip(&columns.begins) {
                    for n in 0..columns.per_cell {
                        *sum += u32::from(line[x + n * columns.step]);
                    }
                }
            }
            let count = lines * columns.per_cell as u32;
            let first = &plane[rows.begins[row] * stride..];
            for x in 0..WIDTH {
                mean[x] = ((sums[x] + count / 2) / count) as u8;
                sample[x] = first[columns.begins[x]];
            }
        }
        Some(Self { mean, sample })
    }

    /// The mean brightness of each block.
    pub fn block_means(&self) -> [f32; BLOCKS] {
        per_block(|x, y| f32::from(self.mean[y * WIDTH + x]))
    }

    /// How much brightness changes from cell to cell, mean of each block: the detail that can be seen in it.
    pub fn texture(&self) -> [f32; BLOCKS] {
        per_block(|x, y| {
            let at = y * WIDTH + x;
            let step = |other: usize| f32::from(self.mean[at].abs_diff(self.mean[other]));
            let across = if x > 0 { step(at - 1) } else { 0.0 };
            let down = if y > 0 { step(at - WIDTH) } else { 0.0 };
            across + down
        })
    }
}

/// The mean of a value of every cell, for each block.
pub fn per_block(value: impl Fn(usize, usize) -> f32) -> [f32; BLOCKS] {
    let mut means = [0.0; BLOCKS];
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            means[y / BLOCK * COLUMNS + x / BLOCK] += value(x, y);
        }
    }
    means.map(|sum| sum / (BLOCK * BLOCK) as f32)
}

/// How the pixels along one side fall into cells.
struct Axis {
    /// First pixel of each cell.
    begins: Vec<usize>,
    /// From one pixel that is read to the next.
    step: usize,
    /// Pixels read of each cell.
    per_cell: usize,
}

impl Axis {
    fn new(pixels: usize, cells: usize) -> Self {
        let whole = (pixels / cells).max(1);
        let step = whole.div_ceil(READ);
        Self {
            begins: (0..cells).map(|cell| cell * pixels / cells).collect(),
            step,
            per_cell: whole.div_ceil(step),
        }
    }

    fn read(&self, cell: usize) -> impl Iterator<Item = usize> + Clone {
        let (begin, step) = (self.begins[cell], self.step);
        (0..self.per_cell).map(move |n| begin + n * step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_size_becomes_the_same_cells() {
        for (width, height) in [
            (768, 432),
            (1920, 1080),
            (704, 576),
            (176, 144),
            (2560, 1440),
            (1, 1),
        ] {
            let stride = width + 7;
            let plane: Vec<u8> = (0..stride * height)
                .map(|at| (at % stride * 200 / width).min(255) as u8)
                .collect();
            let luma = Luma::of(&plane, stride, width, height).unwrap();
            for (x, cell) in luma.mean[..WIDTH].iter().enumerate() {
                let wanted = (x * 200) as f32 / WIDTH as f32;
                let step = 200.0 / width.min(WIDTH) as f32 + 1.5;
                assert!(
                    (f32::from(*cell) - wanted).abs() <= step,
                    "{width}: {x} {cell}"
                );
            }
            assert!(Luma::of(&plane[..plane.len() - stride], stride, width, height).is_none());
        }
        assert!(Luma::of(&[], 0, 0, 0).is_none());
    }
}
