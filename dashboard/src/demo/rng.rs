//! Chance that is the same on every machine and in every version: what the demo county does on a day depends on the seed
//! and the day alone, so that a second start finds every event where the first one left it.

/// A stream of pseudo-random numbers (SplitMix64; Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Rng(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream that belongs to `keys`, in their order: other keys, another stream.
    pub fn keyed(keys: &[u64]) -> Self {
        Self(keys.iter().fold(0, |state, &key| {
            mix(state.wrapping_add(STEP) ^ mix(key.wrapping_add(STEP)))
        }))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number from 0 (included) to 1 (excluded).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// A whole number from `low` to `high`, both included; `low` when `high` is below it.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + (self.unit() * (high - low + 1).max(1) as f64) as i64
    }

    /// One of `from`, which must not be empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[(self.unit() * from.len() as f64) as usize]
    }

    /// A place in `weights`, as often as its weight says.
    pub fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.unit() * weights.clone().sum::<f64>();
        let mut last = 0;
        for (i, weight) in weights.enumerate() {
            last = i;
            if left < weight {
                break;
            }
            left -= weight;
        }
        last
    }

    /// A whole number whose mean is `mean`, spread around it: the fraction decides between two neighbours, the rest varies
    /// by about a quarter.
    pub fn about(&mut self, mean: f64) -> usize {
        let spread = mean * (0.75 + 0.5 * self.unit());
        (spread + self.unit()) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_all_its_keys_and_on_nothing_else() {
        let first = |keys: &[u64]| Rng::keyed(keys).bits();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
        assert_ne!(first(&[1]), first(&[1, 0]));
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let mut rng = Rng::keyed(&[7]);
        let drawn: std::collections::BTreeSet<i64> = (0..1000).map(|_| rng.range(3, 6)).collect();
        assert_eq!(drawn, (3..=6).collect());
        let mean = (0..10_000).map(|_| rng.about(2.4)).sum::<usize>() as f64 / 10_000.0;
        assert!((2.3..2.5).contains(&mean), "{mean}");
        let often = (0..10_000)
            .filter(|_| rng.weighted([1.0, 3.0].into_iter()) == 1)
            .count();
        assert!((7_200..7_800).contains(&often), "{often}");
    }
}
