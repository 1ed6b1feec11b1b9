//! Durations as a histogram that can be added up, so that median and p90 of any span, hall and item come of sums.
//!
//! Classes as in HDR Histogram (Gil Tene): each power of two is cut into sixteen classes of equal width, and below sixteen every number has its own.
//! A class is at most 1/16 of its lower end wide, so its middle is at most 1/32 (3.2 %) off anything in it. Whole numbers only:
//! a duration has the same class on every machine.

/// Classes to a power of two.
const PARTS: i64 = 16;
/// log2 of it.
const PARTS_LOG: u32 = 4;

/// The class of a duration; what is under 0 counts as 0.
pub fn class_of(duration: i64) -> i16 {
    let x = duration.max(0);
    if x < PARTS {
        return x as i16;
    }
    let shift = x.ilog2() - PARTS_LOG;
    // The highest five bits, 16 to 31, after sixteen classes for each power of two below.
    (i64::from(shift) * PARTS + (x >> shift)) as i16
}

/// The classes of an octave, sixteen that follow each other.
pub fn of_octave(octave: i16) -> impl Iterator<Item = i16> {
    let first = octave.saturating_mul(PARTS as i16);
    (0..PARTS as i16).map(move |part| first.saturating_add(part))
}

/// The durations of a class: from, included, and to, not included.
pub fn bounds(class: i16) -> (i64, i64) {
    let class = i64::from(class.max(0));
    if class < PARTS {
        return (class, class + 1);
    }
    let shift = (class / PARTS - 1).clamp(0, 57);
    let head = class - shift * PARTS;
    (head << shift, (head + 1) << shift)
}

/// The duration that the share `part`, 0 to 1, of all does not exceed: the middle of its class. `None` when there is nothing. The
/// classes with how many durations are in each, the shortest first.
pub fn quantile(classes: &[(i16, i64)], part: f64) -> Option<i64> {
    let total: i64 = classes.iter().map(|(_, n)| n).sum();
    if total <= 0 {
        return None;
    }
    // The nearest rank: the smallest with at least this share at or below it.
    let rank = ((total as f64 * part).ceil() as i64).clamp(1, total);
    let mut below = 0;
    let class = classes.iter().find(|(_, n)| {
        below += n;
        below >= rank
    })?;
    let (from, to) = bounds(class.0);
    Some((from + to - 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_follow_each_other_without_gap_or_overlap() {
        for class in 0..900 {
            let (from, to) = bounds(class);
            assert_eq!((class_of(from), class_of(to - 1)), (class, class));
            assert_eq!(bounds(class + 1).0, to);
        }
        assert_eq!(class_of(-5), 0);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_thirty_second_of_the_exact_one(
            mut all in proptest::collection::vec(0i64..100_000_000, 1..200), part in 0.01f64..=1.0,
        ) {
            let mut classes = std::collections::BTreeMap::<i16, i64>::new();
            for &one in &all {
                *classes.entry(class_of(one)).or_default() += 1;
            }
            let classes: Vec<_> = classes.into_iter().collect();
            all.sort_unstable();
            let exact = all[((all.len() as f64 * part).ceil() as usize).clamp(1, all.len()) - 1];
            let found = quantile(&classes, part).unwrap();
            prop_assert!((found - exact).abs() * 32 <= exact.max(1), "{found} for {exact}");
        }
    }
}
