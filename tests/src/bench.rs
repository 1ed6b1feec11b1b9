//! What `make bench` prints: each number beside its bound, as the median of the rounds with the least and the most.

use chrono::Utc;
use serde_json::json;

/// Clock ticks a second in `/proc`, as Linux tells programs on every machine that this runs on.
const TICKS: f64 = 100.0;

/// Why a bench has no number, or which were missed.
pub type Error = Box<dyn std::error::Error>;

/// The numbers that a bench was started with; what is left out is as in `usual`.
///
/// # Errors
/// What is no number.
pub fn arguments<const N: usize>(mut usual: [usize; N]) -> Result<[usize; N], Error> {
    for (number, text) in usual.iter_mut().zip(std::env::args().skip(1)) {
        *number = text
            .parse()
            .map_err(|_| format!("{text:?} is no number: give ROUNDS and what follows"))?;
    }
    Ok(usual)
}

/// What a number must reach.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// Told only.
    None,
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::None => true,
        }
    }

    /// The two numbers that it lies between.
    fn limits(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::AtLeast(least) => (Some(least), None),
            Self::AtMost(most) => (None, Some(most)),
            Self::None => (None, None),
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::None => f.write_str("told"),
        }
    }
}

/// A line of the table.
#[derive(Debug)]
struct Line {
    what: String,
    unit: &'static str,
    bound: Bound,
    samples: Vec<f64>,
}

impl Line {
    /// Median, least and most.
    fn told(&self) -> [f64; 3] {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        [sorted.len() / 2, 0, sorted.len() - 1].map(|at| sorted[at])
    }

    fn is_met(&self) -> bool {
        self.bound.is_met(self.told()[0])
    }
}

/// All lines, in the order in which they were first measured.
#[derive(Debug, Default)]
pub struct Table(Vec<Line>);

impl Table {
    /// What a round measured.
    pub fn add(&mut self, what: &str, unit: &'static str, bound: Bound, sample: f64) {
        match self.0.iter_mut().find(|line| line.what == what) {
            Some(line) => line.samples.push(sample),
            None => self.0.push(Line {
                what: what.to_owned(),
                unit,
                bound,
                samples: vec![sample],
            }),
        }
    }

    fn print(&self) {
        println!(
            "{:<62} {:>9} {:>9} {:>9}  {:<8} bound",
            "", "median", "min", "max", "unit"
        );
        for line in &self.0 {
            let [median, least, most] = line.told();
            let missed = if line.is_met() { "" } else { "  MISSED" };
            println!(
                "{:<62} {median:>9.2} {least:>9.2} {most:>9.2}  {:<8} {}{missed}",
                line.what, line.unit, line.bound
            );
        }
    }

    /// Prints the table, and writes it with what `about` says of the run to `bench/results/NAME.json`.
    ///
    /// # Errors
    /// When a bound is missed, or nothing can be written.
    pub fn finish(&self, name: &str, mut about: serde_json::Value) -> Result<(), Error> {
        self.print();
        let line = |line: &Line| {
            let ([median, min, max], (least, most)) = (line.told(), line.bound.limits());
            json!({
                "what": line.what, "unit": line.unit, "median": median, "min": min, "max": max,
                "at_least": least, "at_most": most, "met": line.is_met(),
            })
        };
        let load = std::fs::read_to_string("/proc/loadavg")?;
        about["at"] = json!(Utc::now());
        about["load"] = json!(load.trim());
        about["cores"] = json!(std::thread::available_parallelism()?.get());
        about["lines"] = self.0.iter().map(line).collect();
        std::fs::create_dir_all("bench/results")?;
        let path = format!("bench/results/{name}.json");
        std::fs::write(path, serde_json::to_string_pretty(&about)?)?;
        match self.0.iter().filter(|line| !line.is_met()).count() {
            0 => Ok(()),
            n => Err(format!("{n} of the bounds are missed (load now: {})", load.trim()).into()),
        }
    }
}

/// Processor time of a process (`self`: this one) so far, in seconds.
///
/// # Errors
/// When there is no such process.
pub fn processor_time(pid: &str) -> Result<f64, Error> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // proc(5): after the name in brackets, which may hold anything, utime and stime are the 12th and 13th.
    let (_, rest) = stat.rsplit_once(')').ok_or("/proc has no name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| -> Result<f64, Error> {
        Ok(fields.get(at).ok_or("/proc ends early")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Of these numbers the one under which lies such a part of them.
///
/// # Panics
/// When there are none.
pub fn sorted_part(mut of: Vec<f64>, part: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    of[((of.len() as f64 * part) as usize).min(of.len() - 1)]
}
