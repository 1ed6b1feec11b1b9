//! How much of a core all cameras together may spend on decoding.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// A share of one core, in turns. One picture is decoded at a time; whoever has spent time holds its turn until the
/// share allows the next picture. Turns are taken in the order of asking and a camera asks for one at a time, so that
/// all get the same number: under pressure every camera's pictures come more seldom, and none stops.
#[derive(Debug)]
pub struct PictureBudget {
    share: f64,
    turn: Semaphore,
}

impl PictureBudget {
    /// `share` of one core, from 0.01 to 1; what lies outside is brought inside.
    pub fn new(share: f64) -> Self {
        let share = if share.is_finite() {
            share.clamp(0.01, 1.0)
        } else {
            1.0
        };
        Self {
            share,
            turn: Semaphore::new(1),
        }
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> Turn<'_> {
        let permit = self
            .turn
            .acquire()
            .await
            .expect("the semaphore is never closed");
        Turn {
            permit,
            share: self.share,
        }
    }
}

impl Default for PictureBudget {
    /// Two fifths of a core: some 15 pictures of 768 × 576 a second, or 4 of 1080p.
    fn default() -> Self {
        Self::new(0.4)
    }
}

/// The right to decode one picture.
#[derive(Debug)]
pub struct Turn<'a> {
    permit: SemaphorePermit<'a>,
    share: f64,
}

impl Turn<'_> {
    /// Gives the turn back when the time `spent` is paid for.
    pub async fn pay(self, spent: Duration) {
        tokio::time::sleep(rest(spent, self.share)).await;
        drop(self.permit);
    }
}

/// How long a turn is held after its work, so that the work takes no more than `share` of the time.
fn rest(spent: Duration, share: f64) -> Duration {
    spent.mul_f64(1.0 / share - 1.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn work_and_rest_make_the_share() {
        assert_eq!(
            rest(Duration::from_millis(60), 0.25),
            Duration::from_millis(180)
        );
        assert_eq!(rest(Duration::from_millis(60), 1.0), Duration::ZERO);
        assert_eq!(PictureBudget::new(0.0).share, 0.01);
        assert_eq!(PictureBudget::new(f64::NAN).share, 1.0);
    }

    #[tokio::test]
    async fn cameras_take_turns_whatever_their_pictures_cost() {
        let budget = Arc::new(PictureBudget::new(0.5));
        let counts: Arc<[AtomicU32; 4]> = Arc::default();
        let camera = |camera: usize| {
            let (budget, counts) = (Arc::clone(&budget), Arc::clone(&counts));
            async move {
                while counts[camera].fetch_add(1, Ordering::Relaxed) < 25 {
                    let turn = budget.turn().await;
                    let cost = Duration::from_millis(if camera == 0 { 7 } else { 1 });
                    turn.pay(cost).await;
                }
            }
        };
        let first_to_finish = futures::future::select_all((0..4).map(|n| Box::pin(camera(n))));
        first_to_finish.await;
        let counts: Vec<u32> = counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        assert!(counts.iter().all(|count| *count >= 24), "{counts:?}");
    }
}
