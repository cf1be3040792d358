//! What cannot be shown in time while following: bounded, and never silently.

use super::merge::Source;
use std::collections::{BTreeMap, VecDeque};

/// A queue between whoever reads the engine and whoever prints. When the printer is too slow the oldest lines go, and how
/// many of each source is told in their place.
#[derive(Debug)]
pub struct Ring<T> {
    /// How many bytes may be held.
    limit: usize,
    bytes: usize,
    queue: VecDeque<Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    /// Lines dropped just before this.
    dropped: BTreeMap<Source, u64>,
    source: Source,
    /// None: it is no line, and goes only when there are no lines left to go.
    lines: u64,
    bytes: usize,
    item: T,
}

/// What comes out of a [`Ring`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// A thing, and its source.
    Item(Source, T),
    /// So many lines of a source were here.
    Dropped(Source, u64),
}

impl<T> Ring<T> {
    /// Holds at most so many bytes, and always the newest thing.
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, queue: VecDeque::new() }
    }

    /// Takes a thing of so many lines and bytes. One without lines is not dropped while there are lines.
    pub fn push(&mut self, source: Source, lines: usize, bytes: usize, item: T) {
        self.bytes += bytes;
        self.queue.push_back(Slot { dropped: BTreeMap::new(), source, lines: lines as u64, bytes, item });
        while self.bytes > self.limit && self.queue.len() > 1 {
            let older = self.queue.len() - 1;
            let place = self.queue.iter().take(older).position(|slot| slot.lines > 0).unwrap_or(0);
            let Some(oldest) = self.queue.remove(place) else { return };
            self.bytes -= oldest.bytes;
            // The newest stays, so something comes after it.
            let Some(next) = self.queue.get_mut(place) else { return };
            let own = (oldest.lines > 0).then_some((oldest.source, oldest.lines));
            for (source, lines) in oldest.dropped.into_iter().chain(own) {
                *next.dropped.entry(source).or_default() += lines;
            }
        }
    }

    /// The next thing, or what was dropped before it.
    pub fn pop(&mut self) -> Option<Taken<T>> {
        if let Some((source, lines)) = self.queue.front_mut()?.dropped.pop_first() {
            return Some(Taken::Dropped(source, lines));
        }
        let slot = self.queue.pop_front()?;
        self.bytes -= slot.bytes;
        Some(Taken::Item(slot.source, slot.item))
    }

    /// Whether the next thing is such a one, with nothing dropped before it.
    pub fn next_is(&self, such: impl Fn(&T) -> bool) -> bool {
        self.queue.front().is_some_and(|slot| slot.dropped.is_empty() && such(&slot.item))
    }

    /// Whether nothing is left to be shown.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_dropped_is_told_in_its_place() {
        let mut ring = Ring::new(20);
        for number in 0..5 {
            ring.push(number % 2, 1, 10, number);
        }
        assert_eq!(ring.pop(), Some(Taken::Dropped(0, 2)));
        assert_eq!(ring.pop(), Some(Taken::Dropped(1, 1)));
        assert_eq!(ring.pop(), Some(Taken::Item(1, 3)));
        ring.push(0, 3, 50, 9);
        assert_eq!(ring.pop(), Some(Taken::Dropped(0, 1)));
        assert_eq!(ring.pop(), Some(Taken::Item(0, 9)), "the newest is kept, however large");
        assert_eq!(ring.pop(), None);
        assert!(ring.is_empty());
    }

    #[test]
    fn an_event_stays_in_its_place_among_the_lines_that_go() {
        let mut ring = Ring::new(30);
        ring.push(0, 1, 10, "a");
        ring.push(0, 1, 10, "b");
        ring.push(0, 0, 10, "exited");
        for text in ["c", "d", "e"] {
            ring.push(0, 1, 10, text);
        }
        assert_eq!(ring.pop(), Some(Taken::Dropped(0, 2)));
        assert_eq!(ring.pop(), Some(Taken::Item(0, "exited")));
        assert_eq!(ring.pop(), Some(Taken::Dropped(0, 1)));
        assert_eq!([ring.pop(), ring.pop()], [Some(Taken::Item(0, "d")), Some(Taken::Item(0, "e"))]);
    }

    proptest! {
        #[test]
        fn every_line_is_shown_or_counted(
            steps in proptest::collection::vec((0_usize..3, 0_usize..5, 1_usize..40, any::<bool>()), 0..200),
            limit in 1_usize..200,
        ) {
            let mut ring = Ring::new(limit);
            let mut sent = [0_u64; 3];
            let mut seen = [0_u64; 3];
            let mut last = None;
            let mut see = |taken, last: &mut Option<usize>| match taken {
                Taken::Item(source, (number, lines)) => {
                    assert!(*last < Some(number));
                    *last = Some(number);
                    seen[source] += lines as u64;
                }
                Taken::Dropped(source, lines) => seen[source] += lines,
            };
            for (number, (source, lines, bytes, reads)) in steps.into_iter().enumerate() {
                sent[source] += lines as u64;
                ring.push(source, lines, bytes, (number, lines));
                prop_assert!(ring.bytes <= limit || ring.queue.len() == 1);
                if reads && let Some(taken) = ring.pop() {
                    see(taken, &mut last);
                }
            }
            while let Some(taken) = ring.pop() {
                see(taken, &mut last);
            }
            prop_assert_eq!(sent, seen);
        }
    }
}
