//! How sure a figure is: what a rate of few cases says is a matter of luck as well.

use super::{Facts, Formula, Sheet, service};

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_964;

/// Between which two values, both included, the true one lies with 95 % confidence.
pub type Band = (f64, f64);

/// Wilson's interval for a share seen as `part` of `whole` (E. B. Wilson, JASA 22, 1927; recommended for small numbers by
/// Brown, Cai and DasGupta, Statistical Science 16, 2001). `part` may be a fraction; `None` where `whole` is 0.
pub fn wilson(part: f64, whole: u64) -> Option<Band> {
    if whole == 0 {
        return None;
    }
    let n = whole as f64;
    let p = (part / n).clamp(0.0, 1.0);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (middle, scale) = (p + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    Some((
        ((middle - spread) / scale).max(0.0),
        ((middle + spread) / scale).min(1.0),
    ))
}

impl Sheet {
    /// The band of the score. The parts that are rates of something counted (cases without a card, orders met, ratings)
    /// each have Wilson's interval; of their sum the limits are taken by square-and-add (R. G. Newcombe, Statistics in
    /// Medicine 17, 1998; as MOVER in Zou and Donner, ibid. 27, 2008). Queries assisted have the score interval of a Poisson mean. The
    /// rest is counted, not sampled. `None` without a score.
    pub fn band(&self, facts: &Facts, formula: &Formula) -> Option<Band> {
        use super::Part::{Process, Satisfaction, Supervision, Timeliness};
        let score = self.score?.in_hundredths() as f64 / 100.0;
        let counting: f64 = self
            .parts
            .iter()
            .filter(|part| part.points.is_some())
            .map(|part| part.weight.in_hundredths() as f64)
            .sum();
        let scale = 10_000.0 / counting;
        let (mut below, mut above) = (0.0_f64, 0.0_f64);
        for part in &self.parts {
            let Some(points) = part.points else { continue };
            let weight = part.weight.in_hundredths() as f64 / 100.0;
            let points = points.in_hundredths() as f64 / 100.0;
            let limits = match part.part {
                // Of cases, how many without a card; a red counts as two yellow, so of twice as many.
                Timeliness | Process => {
                    let cards = facts.cards.iter().filter(|card| card.part == part.part);
                    let worth: f64 = cards.map(|card| if card.red { 1.0 } else { 0.5 }).sum();
                    // What the month would have brought at such a share, as the formula weighs it.
                    let scale = 2.0 * facts.due as f64
                        / facts.due.max(formula.of_at_least) as f64
                        / formula.worthless.get();
                    wilson(worth, facts.due).map(|(low, high)| {
                        let left = |share: f64| weight * (1.0 - scale * share).max(0.0);
                        (left(high), left(low))
                    })
                }
                Supervision => {
                    let met = facts.orders.iter().filter(|order| order.met).count();
                    wilson(met as f64, facts.orders.len() as u64)
                        .map(|(low, high)| (weight * low, weight * high))
                }
                Satisfaction => {
                    let n: u64 = facts.ratings.iter().sum();
                    let worth = facts.ratings.iter().zip(formula.ratings);
                    let worth: f64 = worth
                        .map(|(n, worth)| *n as f64 * f64::from(worth) / 100.0)
                        .sum();
                    wilson(worth, n).map(|(low, high)| (weight * low, weight * high))
                }
                _ => facts
                    .service
                    .as_ref()
                    .and_then(|of| service::limits(part, of, facts, &formula.service, Z)),
            };
            if let Some((low, high)) = limits {
                below += (points - low).max(0.0).powi(2);
                above += (high - points).max(0.0).powi(2);
            }
        }
        let most = 100.0 + formula.bonus.most.in_hundredths() as f64 / 100.0;
        Some((
            (score - scale * below.sqrt()).max(0.0),
            (score + scale * above.sqrt()).min(most),
        ))
    }
}
