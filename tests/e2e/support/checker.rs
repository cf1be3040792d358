//! Whether anything was lost: what the publisher was promised against what the subscriber saw.

use super::{
    Numbers, Result, bail,
    load::{Delivered, Refusal, Report, Subscriber},
    wait::again,
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// How long nothing may arrive before what is missing counts as lost. Kafka keeps a dead consumer's messages for ten seconds. Redis
/// looks every 60 s (`redeliverInterval`) for what has been in flight for 60 s (`processingTimeout`): 70 s were seen.
pub const PATIENCE: Duration = Duration::from_secs(130);

/// The refusals that an account tells one by one.
const SHOWN: usize = 5;

/// A series, from both ends.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The publisher's end.
    pub report: Report,
    /// The subscriber's.
    pub delivered: Delivered,
}

/// What a series may have suffered. Nothing acknowledged may be lost, ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// Refused publishes on each connection; with none, in all.
    pub refused_on_each_connection: u64,
    /// Between two acknowledgements.
    pub longest_gap: Option<Duration>,
    /// Messages that came again.
    pub redelivered: Option<u64>,
}

impl Outcome {
    /// Waits until everything acknowledged was delivered, or until nothing has arrived for that long.
    ///
    /// # Errors
    /// When the subscriber does not answer.
    pub fn settled(report: Report, subscriber: &Subscriber, topic: &str, patience: Duration) -> Result<Self> {
        let mut wait = Wait::begin(patience, Instant::now());
        again(|| {
            let outcome = Self { delivered: subscriber.seen(&report.publisher, topic)?, report: report.clone() };
            let is_over = outcome.lost().is_empty() || wait.is_over(outcome.delivered.offered, Instant::now());
            Ok(is_over.then_some(outcome))
        })
    }

    /// Acknowledged, and not delivered.
    pub fn lost(&self) -> Numbers {
        self.report.acknowledged.without(&self.delivered.numbers)
    }

    /// Delivered, although the publisher was told nothing or no.
    pub fn delivered_though_refused(&self) -> Numbers {
        self.report.refused.common(&self.delivered.numbers)
    }

    /// Acknowledged = delivered, and no more suffered than is allowed.
    ///
    /// # Errors
    /// With everything that is not as it should be, and the whole account.
    pub fn check(&self, allowed: &Allowed) -> Result<()> {
        let Self { report, delivered } = self;
        let mut wrong = Vec::new();
        let mut unless = |fine: bool, what: &dyn Fn() -> String| {
            if !fine {
                wrong.push(what());
            }
        };
        unless(!report.acknowledged.is_empty(), &|| "nothing was acknowledged".to_owned());
        let lost = self.lost();
        unless(lost.is_empty(), &|| format!("LOST, although acknowledged: {lost}"));
        let unknown = delivered.numbers.without(&report.sent);
        unless(unknown.is_empty(), &|| format!("delivered, although never sent: {unknown}"));
        let unanswered = report.sent.without(&report.acknowledged).without(&report.refused);
        unless(unanswered.is_empty(), &|| format!("neither acknowledged nor refused: {unanswered}"));
        let limit = allowed.refused_on_each_connection;
        let refused = report.most_refused_on_a_lane;
        unless(refused <= limit, &|| format!("{refused} were refused on one connection, at most {limit} may be"));
        let gap = Duration::from_secs_f64(report.longest_gap_ms / 1000.0);
        let longest = allowed.longest_gap.unwrap_or(Duration::MAX);
        unless(gap <= longest, &|| format!("no acknowledgement for {gap:.0?}, at most {longest:?} is allowed"));
        let again = delivered.redelivered();
        let most = allowed.redelivered.unwrap_or(u64::MAX);
        unless(again <= most, &|| format!("{again} came again, at most {most} may"));
        if wrong.is_empty() {
            return Ok(());
        }
        bail!("{}\n{self}", wrong.join("\n"))
    }
}

/// The whole account, on a few lines.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, delivered } = self;
        let (lost, again) = (self.lost().len(), delivered.redelivered());
        let (acknowledged, refused) = (report.acknowledged.len(), report.refused.len());
        write!(
            formatter,
            "`{}` ({}, {} lanes) to `{}`: {} sent in {:.1} s, {acknowledged} acknowledged, {} delivered, {lost} lost, {again} \
             again, {} out of order\n  publish p50 {:.1} ms, p99 {:.1} ms, slowest {:.0} ms; longest gap {:.0} ms at {}; at most \
             {:.0} ms late; arrived after at most {:.0} ms; answered by {:?}; {} retries\n  {refused} refused, {} on one \
             connection at most, {} of these delivered all the same",
            report.publisher,
            report.mode,
            report.lanes,
            delivered.app,
            report.sent.len(),
            report.seconds,
            delivered.numbers.len(),
            delivered.inversions,
            report.p50_ms,
            report.p99_ms,
            report.slowest_ms,
            report.longest_gap_ms,
            clock(report.longest_gap_at),
            report.late_ms,
            delivered.slowest_ms,
            report.peers,
            report.retries,
            report.most_refused_on_a_lane,
            self.delivered_though_refused().len(),
        )?;
        for (reason, count) in &report.reasons {
            write!(formatter, "\n    {count} × {reason}")?;
        }
        for Refusal { number, lane, at, reason } in report.refusals.iter().take(SHOWN) {
            write!(formatter, "\n    {} number {number} on connection {lane}: {reason}", clock(*at))?;
        }
        Ok(())
    }
}

/// As the engine's logs write it (UTC), so that one can be found in the other.
fn clock(unix_seconds: f64) -> String {
    let time = jiff::Timestamp::UNIX_EPOCH.checked_add(jiff::SignedDuration::from_secs_f64(unix_seconds));
    time.map_or_else(|error| error.to_string(), |time| time.strftime("%H:%M:%S.%3f").to_string())
}

/// Counts from the last progress.
struct Wait {
    patience: Duration,
    last: (u64, Instant),
}

impl Wait {
    fn begin(patience: Duration, now: Instant) -> Self {
        Self { patience, last: (0, now) }
    }

    fn is_over(&mut self, progress: u64, now: Instant) -> bool {
        if progress != self.last.0 {
            self.last = (progress, now);
        }
        now.duration_since(self.last.1) >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::json;

    /// Ten messages, all well but for what is said.
    fn outcome(acknowledged: &[(u64, u64)], refused: &[(u64, u64)], delivered: &[(u64, u64)], taken: u64) -> Outcome {
        let report = json!({
            "publisher": "a", "mode": "one", "is_running": false, "failed": null, "seconds": 1.0, "sent": [[0, 9]],
            "acknowledged": acknowledged, "refused": refused, "refusals": [], "reasons": {}, "lanes": 1,
            "most_refused_on_a_lane": Numbers::from(refused.to_vec()).len(), "longest_gap_ms": 120.0,
            "longest_gap_at": 1.0, "p50_ms": 1.0, "p99_ms": 2.0, "slowest_ms": 3.0, "late_ms": 1.0, "retries": 0,
            "peers": {},
        });
        let numbers = Numbers::from(delivered.to_vec());
        let delivered = Delivered { app: "orders".to_owned(), numbers, taken, offered: taken, ..Delivered::default() };
        Outcome { report: serde_json::from_value(report).expect("a report"), delivered }
    }

    fn complaint(outcome: &Outcome, allowed: &Allowed) -> String {
        format!("{:#}", outcome.check(allowed).expect_err("it is not as it should be"))
    }

    #[test]
    fn all_that_was_acknowledged_and_nothing_else_is_fine() {
        let all = outcome(&[(0, 9)], &[], &[(0, 9)], 10);
        all.check(&Allowed::default()).expect("all is well");
        // What was refused may have got there all the same: the answer was lost, not the message.
        let allowed = Allowed { refused_on_each_connection: 1, ..Allowed::default() };
        let refused = outcome(&[(0, 4), (6, 9)], &[(5, 5)], &[(0, 9)], 10);
        refused.check(&allowed).expect("one may be refused");
        assert_eq!(refused.delivered_though_refused().to_string(), "1 (5)");
    }

    #[test]
    fn a_missing_number_is_lost() {
        let lost = outcome(&[(0, 9)], &[], &[(0, 3), (5, 9)], 9);
        assert_eq!(lost.lost().to_string(), "1 (4)");
        assert!(
            complaint(&lost, &Allowed::default()).starts_with("LOST, although acknowledged: 1 (4)\n`a` (one, 1 lanes)")
        );
    }

    #[test]
    fn whatever_is_not_allowed_is_named() {
        let refused = outcome(&[(0, 7)], &[(8, 9)], &[(0, 7)], 8);
        let one = Allowed { refused_on_each_connection: 1, ..Allowed::default() };
        assert!(complaint(&refused, &one).contains("2 were refused on one connection, at most 1 may be"));
        let again = outcome(&[(0, 9)], &[], &[(0, 9)], 13);
        let most = Allowed { redelivered: Some(2), ..Allowed::default() };
        assert!(complaint(&again, &most).contains("3 came again, at most 2 may"));
        let gap = Allowed { longest_gap: Some(Duration::from_millis(100)), ..Allowed::default() };
        assert!(complaint(&again, &gap).contains("no acknowledgement for 120ms"));
    }

    #[test]
    fn a_publisher_that_cannot_count_is_found_out() {
        let unknown = outcome(&[(0, 9)], &[], &[(0, 10)], 11);
        assert!(complaint(&unknown, &Allowed::default()).contains("never sent: 1 (10)"));
        let unanswered = outcome(&[(0, 8)], &[], &[(0, 8)], 9);
        assert!(complaint(&unanswered, &Allowed::default()).contains("neither acknowledged nor refused: 1 (9)"));
        let none = outcome(&[], &[(0, 9)], &[], 0);
        let all = Allowed { refused_on_each_connection: 10, ..Allowed::default() };
        assert!(complaint(&none, &all).contains("nothing was acknowledged"));
    }

    #[test]
    fn patience_counts_from_the_last_progress() {
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let mut wait = Wait::begin(2 * second, begin);
        assert!(!wait.is_over(0, begin + second));
        assert!(!wait.is_over(5, begin + 2 * second));
        assert!(!wait.is_over(5, begin + 3 * second));
        assert!(wait.is_over(5, begin + 4 * second));
    }
}
