//! When a burst of changes counts as over. Pure: time is given.

use std::time::{Duration, Instant};

/// How long nothing may happen before a burst is over: an editor's save is several operations within a few milliseconds.
pub const QUIET: Duration = Duration::from_millis(50);
/// How long a burst may go on before it is looked at all the same: what changes for ever must not starve the rest.
pub const LIMIT: Duration = Duration::from_millis(500);

/// A burst of changes, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settle {
    burst: Option<Burst>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Burst {
    first: Instant,
    last: Instant,
}

impl Settle {
    /// Something happened.
    pub fn touch(&mut self, now: Instant) {
        match &mut self.burst {
            Some(burst) => burst.last = burst.last.max(now),
            None => self.burst = Some(Burst { first: now, last: now }),
        }
    }

    /// When the burst is over if nothing more happens; `None`: there is none.
    pub fn due(&self) -> Option<Instant> {
        self.burst.map(|burst| (burst.last + QUIET).min(burst.first + LIMIT))
    }

    /// When the burst began, if it is over by now. It is then forgotten.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let is_over = self.due().is_some_and(|due| due <= now);
        if is_over { self.burst.take().map(|burst| burst.first) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a watcher that is woken exactly when it is due says of events at these times: (first event, when told).
    fn play(events: &[Duration]) -> Vec<(Duration, Duration)> {
        let start = Instant::now();
        let (mut settle, mut told) = (Settle::default(), Vec::new());
        let mut tell = |settle: &mut Settle, until: Option<Instant>| {
            while let Some(due) = settle.due().filter(|due| until.is_none_or(|until| *due <= until)) {
                let first = settle.take(due).expect("due");
                told.push((first - start, due - start));
            }
        };
        for event in events {
            tell(&mut settle, Some(start + *event));
            settle.touch(start + *event);
        }
        tell(&mut settle, None);
        told
    }

    #[test]
    fn what_changes_every_100_ms_is_told_each_time() {
        let events: Vec<_> = (0..100).map(|step| Duration::from_millis(step * 100)).collect();
        let told = play(&events);
        assert_eq!(told.len(), 100);
        assert!(told.iter().all(|(first, at)| *at - *first == QUIET));
    }

    #[test]
    fn what_changes_every_20_ms_is_told_twice_a_second() {
        let events: Vec<_> = (0..500).map(|step| Duration::from_millis(step * 20)).collect();
        let told = play(&events);
        assert!((19..=21).contains(&told.len()), "{}", told.len());
        assert!(told.windows(2).all(|pair| pair[1].1 - pair[0].1 <= LIMIT + Duration::from_millis(20)));
        let last = told.last().expect("told").1;
        assert!(last > events[499] && last <= events[499] + QUIET);
    }

    #[test]
    fn it_is_not_over_before_it_is_due() {
        let now = Instant::now();
        let mut settle = Settle::default();
        assert_eq!(settle.take(now), None);
        settle.touch(now);
        assert_eq!(settle.take(now + QUIET - Duration::from_nanos(1)), None);
        assert_eq!(settle.take(now + QUIET), Some(now));
        assert_eq!(settle.due(), None);
    }

    proptest! {
        #[test]
        fn every_event_is_told_in_time_and_never_within_a_burst(gaps in prop::collection::vec(0_u64..200, 1..200)) {
            let events: Vec<_> = gaps
                .iter()
                .scan(Duration::ZERO, |time, gap| {
                    *time += Duration::from_millis(*gap);
                    Some(*time)
                })
                .collect();
            let told = play(&events);
            for event in &events {
                // Told by the first telling that is not before the event; an event at the very moment belongs to the next.
                let (first, at) = told.iter().find(|(_, at)| at > event).expect("nothing is lost");
                prop_assert!(first <= event && *at - *event <= LIMIT);
            }
            for (first, at) in &told {
                let last = events.iter().rfind(|event| **event < *at).expect("an event");
                let was_quiet = *at - *last >= QUIET;
                prop_assert!(was_quiet || *at - *first == LIMIT, "told at {at:?} in the middle of a burst");
                prop_assert!(*at - *last <= QUIET, "told late");
                prop_assert!(events.contains(first));
            }
        }
    }
}
