use super::*;
use proptest::prelude::*;

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).expect("in range")
}

/// The times of a few sources, each with the number that it must keep.
fn sources() -> impl Strategy<Value = Vec<Vec<i64>>> {
    proptest::collection::vec(proptest::collection::vec(0_i64..50, 0..30), 0..5)
}

#[test]
fn history_waits_for_the_one_that_has_not_spoken() {
    let mut merge = History::new(2);
    merge.push(0, at(5), "b");
    assert_eq!(merge.pop_ready(), None);
    assert_eq!(merge.waits_for().collect::<Vec<_>>(), [1]);
    merge.push(1, at(3), "a");
    assert_eq!(merge.pop_ready(), Some((1, "a")));
    assert!(merge.wants(1) && merge.pop_ready().is_none());
    merge.end(1);
    assert_eq!(merge.pop_ready(), Some((0, "b")));
    assert!(!merge.is_done());
    merge.end(0);
    assert!(merge.is_done());
    assert_eq!(merge.pop_ready(), None);
}

#[test]
fn following_holds_back_for_the_window_and_no_longer() {
    let start = Instant::now();
    let after = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut merge = Following::new(WINDOW, 100);
    merge.push(0, at(2000), "second", start);
    merge.push(1, at(1000), "first", after(10));
    assert_eq!(merge.pop(after(49)), None);
    assert_eq!(merge.next_due(), Some(after(50)));
    assert_eq!(merge.pop(after(50)), Some((1, "first")));
    assert_eq!(merge.pop(after(50)), Some((0, "second")));
    assert_eq!(merge.next_due(), None);
    merge.push(1, at(1500), "late", after(60));
    assert_eq!(merge.pop(after(60)), Some((1, "late")));
    assert_eq!(merge.late(), 1);
}

#[test]
fn an_entry_is_held_back_no_longer_than_the_window_in_all() {
    assert!(crate::logs::group::HOLD + WINDOW_OF_ENTRIES <= WINDOW);
}

#[test]
fn following_is_bounded() {
    let start = Instant::now();
    let mut merge = Following::new(WINDOW, 2);
    for number in [3, 1, 2] {
        merge.push(number, at(i64::try_from(number).expect("small")), number, start);
    }
    assert_eq!(merge.pop(start), Some((1, 1)));
    assert_eq!(merge.pop(start), None);
    assert_eq!(std::iter::from_fn(|| merge.drain()).collect::<Vec<_>>(), [(2, 2), (3, 3)]);
}

proptest! {
    #[test]
    fn history_is_in_order_of_time_and_of_each_source(sources in sources()) {
        let mut merge = History::new(sources.len());
        let mut next = vec![0; sources.len()];
        let mut given: Vec<(Source, (Timestamp, usize))> = Vec::new();
        while !merge.is_done() {
            let silent: Vec<Source> = merge.waits_for().collect();
            for source in silent {
                match sources[source].get(next[source]) {
                    // A time that goes back counts as the latest.
                    Some(_) => {
                        let time = at(sources[source][..=next[source]].iter().copied().max().expect("one"));
                        merge.push(source, at(sources[source][next[source]]), (time, next[source]));
                        next[source] += 1;
                    }
                    None => merge.end(source),
                }
            }
            given.extend(std::iter::from_fn(|| merge.pop_ready()));
        }
        prop_assert!(given.is_sorted_by_key(|(_, (time, _))| *time), "no inversion");
        for (source, times) in sources.iter().enumerate() {
            let numbers: Vec<usize> = given.iter().filter(|(from, _)| *from == source).map(|(_, (_, number))| *number).collect();
            prop_assert_eq!(numbers, (0..times.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn following_keeps_each_source_in_order_and_counts_every_inversion(
        arrivals in proptest::collection::vec((0_usize..4, 0_i64..200, 0_u64..40), 0..120),
    ) {
        let mut now = Instant::now();
        let mut merge = Following::new(WINDOW, 20);
        let mut given: Vec<(Source, (usize, Timestamp, Instant))> = Vec::new();
        let mut latest = [Timestamp::MIN; 4];
        for (number, (source, time, wait)) in arrivals.iter().enumerate() {
            now += Duration::from_millis(*wait);
            latest[*source] = latest[*source].max(at(*time));
            merge.push(*source, latest[*source], (number, latest[*source], now), now);
            while let Some((source, item)) = merge.pop(now) {
                given.push((source, item));
            }
            let is_held_too_long = merge.held.iter().any(|Reverse(held)| now.duration_since(held.item.2) >= WINDOW);
            prop_assert!(!is_held_too_long);
            prop_assert!(merge.held.len() <= 20);
        }
        given.extend(std::iter::from_fn(|| merge.drain()));
        prop_assert_eq!(given.len(), arrivals.len());
        for source in 0..4 {
            prop_assert!(given.iter().filter(|(from, _)| *from == source).is_sorted_by_key(|(_, (number, ..))| *number));
        }
        let mut high = Timestamp::MIN;
        let behind = given.iter().filter(|(_, (_, time, _))| { let is_behind = *time < high; high = high.max(*time); is_behind });
        prop_assert_eq!(behind.count() as u64, merge.late());
    }
}
