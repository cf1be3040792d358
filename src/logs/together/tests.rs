use super::*;
use crate::{event::Stream, names::ContainerName, plan::spec::Role};

fn together(phase: Phase, role: Role, now: Instant) -> Together {
    let mut together = Together::new(Wanted::default(), true, phase);
    let container = ContainerName::new("shop-web-1");
    let speaker = Speaker { container, name: "web".to_owned(), role, app: None };
    together.join(Arc::new(speaker), true, time(0), now);
    together
}

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("in range")
}

fn line(milliseconds: i64, text: &str) -> Vec<Line> {
    vec![Line { time: time(milliseconds), stream: Stream::Stdout, text: text.to_owned() }]
}

fn told(together: &mut Together, now: Instant) -> Vec<String> {
    let shown = |told| match told {
        Told::Entry(entry) => entry.first.text,
        other => format!("{other:?}"),
    };
    std::iter::from_fn(|| together.pop(now)).map(|(_, told)| shown(told)).collect()
}

#[test]
fn an_ending_waits_for_last_lines_even_where_its_time_is_before_theirs() {
    let begin = Instant::now();
    let after = |milliseconds| begin + Duration::from_millis(milliseconds);
    let mut together = together(Phase::Watching, Role::App, begin);
    together.lines(0, line(1, "one"), begin);
    together.exited(0, 0, time(2), 1, begin);
    assert!(told(&mut together, after(30)).is_empty(), "it waits for its place");
    assert_eq!(told(&mut together, after(100)), ["one"], "not every line has come yet");
    assert!(!together.nothing_runs());
    together.lines(0, line(3, "KeyError: last"), after(100));
    together.read(0, 0, after(100));
    assert!(together.nothing_runs());
    let told = told(&mut together, after(200));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0] == "KeyError: last" && told[1].contains("KeyError: last"), "{told:?}");
}

#[test]
fn last_lines_that_never_come_keep_no_ending_back_for_ever() {
    let begin = Instant::now();
    let mut together = together(Phase::Watching, Role::App, begin);
    together.exited(0, 0, time(2), 0, begin);
    assert!(told(&mut together, begin + Duration::from_secs(1)).is_empty());
    let late = begin + LAST_LINES;
    assert!(told(&mut together, late).is_empty(), "it still waits for its place among the others");
    assert_eq!(told(&mut together, late + Duration::from_millis(60)).len(), 1);
}

#[test]
fn what_was_folded_is_counted_when_all_is_ready_and_shown_when_something_fails() {
    let begin = Instant::now();
    let later = begin + Duration::from_millis(100);
    for (phase, wanted) in [(Phase::Watching, vec!["Folded(1)"]), (Phase::Failed, vec!["noise"])] {
        let mut together = together(Phase::Starting, Role::Broker, begin);
        together.lines(0, line(1, "noise"), begin);
        assert!(told(&mut together, later).is_empty());
        together.enter(phase);
        if phase == Phase::Watching {
            together.ready(time(2), later);
        }
        let told: Vec<_> = together
            .finish(later)
            .into_iter()
            .map(|(_, told)| match told {
                Told::Entry(entry) => entry.first.text,
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(told, wanted);
    }
}

fn join(together: &mut Together, container: &str, name: &str, role: Role, at: i64, now: Instant) {
    let speaker = Speaker { container: ContainerName::new(container), name: name.to_owned(), role, app: None };
    together.join(Arc::new(speaker), true, time(at), now);
}

/// Its life ends, and everything it said has come.
fn end(together: &mut Together, place: Source, at: i64, code: i64, now: Instant) {
    together.exited(place, 0, time(at), code, now);
    together.read(place, 0, now);
}

#[test]
fn a_sidecar_that_dies_before_it_is_initialised_has_said_everything_once() {
    let begin = Instant::now();
    let mut together = Together::new(Wanted::default(), true, Phase::Watching);
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 0, begin);
    together.lines(0, line(1, r#"time="x" level=info msg="starting""#), begin);
    together.lines(0, line(2, r#"time="x" level=fatal msg="no such host""#), begin);
    end(&mut together, 0, 3, 1, begin);
    let told = told(&mut together, begin + Duration::from_millis(100));
    let count = |text: &str| told.iter().filter(|told| told.contains(text) && !told.starts_with("Exited")).count();
    assert_eq!((count("starting"), count("no such host")), (1, 1), "{told:?}");
    let last = told.last().expect("something is told");
    assert!(last.contains("code: 1") && last.contains("no such host") && last.contains("tail: []"), "{told:?}");
}

#[test]
fn how_much_of_what_was_folded_is_lost_is_told_when_its_container_dies() {
    let begin = Instant::now();
    let mut together = Together::new(Wanted::default(), true, Phase::Watching);
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 0, begin);
    for number in 0..300 {
        together.lines(0, line(number, &"x".repeat(10_000)), begin);
    }
    end(&mut together, 0, 300, 1, begin);
    let told = told(&mut together, begin + Duration::from_millis(100));
    assert_eq!(told[0], format!("Lost({})", 300 - (told.len() - 2)), "the rest is shown");
}

#[test]
fn a_hand_over_is_quiet() {
    let begin = Instant::now();
    let after = |milliseconds| begin + Duration::from_millis(milliseconds);
    let mut together = Together::new(Wanted::default(), true, Phase::Watching);
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 0, begin);
    join(&mut together, "shop-web-dapr-1.next", "web-dapr", Role::Sidecar, 10, after(10));
    end(&mut together, 0, 20, 0, after(20));
    assert_eq!(told(&mut together, after(100)), Vec::<String>::new());
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 110, after(110));
    end(&mut together, 1, 120, 0, after(120));
    assert_eq!(told(&mut together, after(200)), Vec::<String>::new());
    end(&mut together, 2, 210, 137, after(210));
    let told = told(&mut together, after(300));
    assert!(told.len() == 1 && told[0].contains("code: 137"), "nobody serves any more: {told:?}");
}

#[test]
fn a_death_is_told_also_when_another_one_serves_before_its_last_lines_have_come() {
    let begin = Instant::now();
    let after = |milliseconds| begin + Duration::from_millis(milliseconds);
    let mut together = Together::new(Wanted::default(), true, Phase::Watching);
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 0, begin);
    together.exited(0, 0, time(20), 8, after(20));
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 600, after(600));
    together.read(0, 0, after(610));
    let told = told(&mut together, after(800));
    assert!(told.iter().any(|told| told.contains("code: 8")), "{told:?}");
}

#[test]
fn a_death_that_is_heard_of_late_is_told_also_when_another_one_was_seen_before() {
    let begin = Instant::now();
    let after = |milliseconds| begin + Duration::from_millis(milliseconds);
    let mut together = Together::new(Wanted::default(), true, Phase::Watching);
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 0, begin);
    join(&mut together, "shop-web-dapr-1", "web-dapr", Role::Sidecar, 600, after(600));
    end(&mut together, 0, 20, 8, after(610));
    let told = told(&mut together, after(800));
    assert!(told.len() == 1 && told[0].contains("code: 8"), "{told:?}");
}

#[test]
fn a_sidecar_that_is_stopped_by_hand_is_told_also_when_it_came_under_a_temporary_name() {
    let begin = Instant::now();
    for container in ["shop-web-dapr-1", "shop-web-dapr-1.next"] {
        let mut together = Together::new(Wanted::default(), true, Phase::Watching);
        join(&mut together, container, "web-dapr", Role::Sidecar, 0, begin);
        // Another app's sidecar serves nobody but that app.
        join(&mut together, "shop-other-dapr-1", "other-dapr", Role::Sidecar, 0, begin);
        end(&mut together, 0, 20, 0, begin);
        let told = told(&mut together, begin + Duration::from_millis(100));
        assert!(told.len() == 1 && told[0].contains("code: 0"), "{container}: {told:?}");
    }
}

/// What is looked at every few milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[test]
fn no_line_is_held_back_for_longer_than_fifty_milliseconds_in_all() {
    let begin = Instant::now();
    let mut together = together(Phase::Watching, Role::App, begin);
    join(&mut together, "shop-api-1", "api", Role::App, 0, begin);
    // Lines that come at every offset to the looks, those of the other container with times far behind or ahead.
    let mut came = Vec::new();
    let mut shown = Vec::new();
    for millisecond in 0..400_u64 {
        let now = begin + Duration::from_millis(millisecond);
        if millisecond < 300 && millisecond % 7 == 0 {
            for (place, ahead) in [(0, 0), (1, if millisecond % 2 == 0 { -5000 } else { 5000 })] {
                let text = format!("{place} {millisecond}");
                let at = i64::try_from(millisecond).expect("small") + ahead;
                together.lines(place, line(at, &text), now);
                came.push((text, now));
            }
        }
        if millisecond % 5 == 0 {
            shown.extend(told(&mut together, now).into_iter().map(|text| (text, now)));
        }
    }
    assert_eq!(shown.len(), came.len());
    let held = |(text, came): &(String, Instant)| {
        let (_, shown) = shown.iter().find(|(shown, _)| shown == text).expect("it was shown");
        shown.duration_since(*came)
    };
    let longest = came.iter().map(held).max().expect("lines came");
    assert!(longest <= crate::logs::merge::WINDOW, "{longest:?}");
    assert!(longest >= crate::logs::group::HOLD, "the test would see it: {longest:?}");
}

#[test]
fn a_line_that_others_go_on_with_is_held_back_no_longer() {
    let begin = Instant::now();
    let mut together = together(Phase::Watching, Role::App, begin);
    let mut shown = None;
    // A traceback that never ends: a line each 10 ms belongs to the one before.
    for look in 0..40_u32 {
        let now = begin + look * LOOK_EVERY;
        if look % 2 == 0 {
            let text = if look == 0 { "Traceback (most recent call last):" } else { "  File x" };
            together.lines(0, line(i64::from(look) * 5, text), now);
        }
        shown = shown.or(told(&mut together, now).first().map(|_| now));
    }
    let held = shown.expect("it is shown while more comes").duration_since(begin);
    assert!(held <= crate::logs::merge::WINDOW, "{held:?}");
}
