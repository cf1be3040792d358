use super::*;
use proptest::prelude::*;

fn line(stream: Stream, milliseconds: i64, text: &str) -> Line {
    Line { time: Timestamp::from_millisecond(milliseconds).expect("in range"), stream, text: text.to_owned() }
}

/// Entries of lines, `>` before those of stderr, a millisecond between them; the lines of an entry joined with `|`.
fn entries(role: Role, text: &str) -> Vec<String> {
    let mut grouper = Grouper::new(role);
    let now = Instant::now();
    let mut found = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let (stream, text) = text.strip_prefix('>').map_or((Stream::Stdout, text), |text| (Stream::Stderr, text));
        grouper.push(line(stream, i64::try_from(number).expect("small"), text), now);
        found.extend(std::iter::from_fn(|| grouper.pop()));
    }
    grouper.finish();
    found.extend(std::iter::from_fn(|| grouper.pop()));
    found.iter().map(|entry| entry.lines().map(|line| line.text.as_str()).collect::<Vec<_>>().join("|")).collect()
}

#[test]
fn tracebacks_stay_together_with_their_message_and_their_chain() {
    let text = ">ERROR    it broke\n>Traceback (most recent call last):\n>  File x\nINFO: between\n>KeyError: 'a'\n>\n>The above exception was the direct cause of the following exception:\n>\n>Traceback (most recent call last):\n>  File x\n>ValueError: no a\n>bye";
    assert_eq!(
        entries(Role::App, text),
        [
            "ERROR    it broke|Traceback (most recent call last):|  File x|KeyError: 'a'||The above exception was the direct cause of the following exception:||Traceback (most recent call last):|  File x|ValueError: no a",
            "INFO: between",
            "bye",
        ]
    );
    let alone = "INFO: fine\nTraceback (most recent call last):\n  File x\nValueError: no\nINFO: next";
    let expected = ["INFO: fine", "Traceback (most recent call last):|  File x|ValueError: no", "INFO: next"];
    assert_eq!(entries(Role::App, alone), expected);
}

#[test]
fn traces_of_other_runtimes_stay_together() {
    for (text, expected) in [
        (
            "panic: no\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5\nexit status 2\nnext",
            vec!["panic: no||goroutine 1 [running]:|main.main()|\t/app/main.go:5|exit status 2", "next"],
        ),
        (
            "thread 'main' panicked at src/main.rs:1:5:\nboom\nnote: run with `RUST_BACKTRACE=1`\nnext",
            vec!["thread 'main' panicked at src/main.rs:1:5:|boom|note: run with `RUST_BACKTRACE=1`", "next"],
        ),
        (
            "Exception in thread \"main\" java.lang.IllegalStateException: no\n\tat a.B\nCaused by: java.io.IOException\n\tat c.D\n\t... 3 more\nnext",
            vec![
                "Exception in thread \"main\" java.lang.IllegalStateException: no|\tat a.B|Caused by: java.io.IOException|\tat c.D|\t... 3 more",
                "next",
            ],
        ),
        (
            "[2026-11-24 12:36:34,201] ERROR no (kafka.X)\norg.apache.kafka.common.KafkaException: x\n\tat a.B\n[2026-11-24 12:36:34,201] INFO next",
            vec![
                "[2026-11-24 12:36:34,201] ERROR no (kafka.X)|org.apache.kafka.common.KafkaException: x|\tat a.B",
                "[2026-11-24 12:36:34,201] INFO next",
            ],
        ),
    ] {
        assert_eq!(entries(Role::Broker, text), expected);
    }
}

#[test]
fn postgres_details_stay_with_their_error() {
    let text = "2026-11-24 12:36:51.608 UTC [51] ERROR:  division by zero\n2026-11-24 12:36:51.608 UTC [51] STATEMENT:  select 1/0;\n\tfrom x\n2026-11-24 12:36:51.608 UTC [1] LOG:  next";
    let found = entries(Role::State, text);
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn what_comes_late_is_an_entry_of_its_own_that_continues() {
    let mut grouper = Grouper::new(Role::App);
    let now = Instant::now();
    grouper.push(line(Stream::Stderr, 0, "ERROR: x"), now);
    assert_eq!(grouper.pop(), None);
    grouper.flush_older_than(now + HOLD);
    assert!(!grouper.pop().expect("held long enough").continues);
    grouper.push(line(Stream::Stderr, 90, "  more"), now + HOLD);
    assert!(grouper.is_holding());
    grouper.push(line(Stream::Stderr, 900, "  much later"), now + HOLD);
    assert!(grouper.pop().expect("the gap closed it").continues);
}

#[test]
fn a_silent_stream_does_not_hold_the_other_back() {
    let mut grouper = Grouper::new(Role::App);
    let now = Instant::now();
    grouper.push(line(Stream::Stderr, 0, "last of stderr"), now);
    for number in 1..1000 {
        grouper.push(line(Stream::Stdout, number, "x"), now);
        while grouper.pop().is_some() {}
        assert!(grouper.done.len() < 210, "at {number}");
    }
}

#[test]
fn an_endless_entry_is_bounded() {
    let mut grouper = Grouper::new(Role::App);
    for _ in 0..5000 {
        grouper.push(line(Stream::Stdout, 0, "  indented"), Instant::now());
    }
    grouper.finish();
    let counts: Vec<usize> = std::iter::from_fn(|| grouper.pop()).map(|entry| entry.count()).collect();
    assert_eq!(counts, [1000; 5]);
}

#[test]
fn the_level_is_that_of_the_first_line_or_of_the_exception() {
    let entry = |texts: &[&str]| {
        let mut lines = texts.iter().map(|text| line(Stream::Stdout, 0, text));
        let first = Entry::of(lines.next().expect("one"));
        Entry { rest: lines.collect(), ..first }
    };
    assert_eq!(entry(&["INFO: x", "  y"]).level(Role::App), Some(Level::Info));
    assert_eq!(entry(&["WARNING: x", "Traceback (most recent call last):"]).level(Role::App), Some(Level::Error));
    assert_eq!(entry(&["CRITICAL: x", "Traceback (most recent call last):"]).level(Role::App), Some(Level::Fatal));
    assert_eq!(entry(&["x"]).level(Role::App), None);
}

proptest! {
    #[test]
    fn no_line_is_lost_and_each_stream_keeps_its_order(
        lines in proptest::collection::vec((any::<bool>(), 0_usize..9, 0_i64..300), 0..80),
        flush in any::<bool>(),
    ) {
        const TEXTS: [&str; 9] = ["x", " y", "ERROR: z", "Traceback (most recent call last):", "", "panic: a", "ValueError: x", "Caused by: b", "INFO: c"];
        let mut grouper = Grouper::new(Role::App);
        let now = Instant::now();
        let (mut time, mut begun, mut found) = (0, Timestamp::MIN, Vec::new());
        let mut take = |grouper: &mut Grouper| {
            while let Some(entry) = grouper.pop() {
                assert!(entry.time() >= begun, "entries are in order");
                begun = entry.time();
                found.extend(entry.lines().map(|line| (line.stream == Stream::Stderr, line.time)).collect::<Vec<_>>());
            }
        };
        let mut sent = Vec::new();
        for (number, (is_error, text, gap)) in lines.iter().enumerate() {
            time += gap;
            let stream = if *is_error { Stream::Stderr } else { Stream::Stdout };
            let line = line(stream, time, TEXTS[*text]);
            sent.push((*is_error, line.time));
            let now = now + Duration::from_millis(u64::try_from(number).expect("small") * 15);
            grouper.push(line, now);
            if flush {
                grouper.flush_older_than(now);
            }
            take(&mut grouper);
        }
        grouper.finish();
        take(&mut grouper);
        for is_error in [true, false] {
            let of = |all: &[(bool, Timestamp)]| all.iter().filter(|(error, _)| *error == is_error).copied().collect::<Vec<_>>();
            prop_assert_eq!(of(&sent), of(&found));
        }
    }
}

#[test]
fn a_trace_that_is_written_slowly_is_given_in_pieces_that_go_on_with_each_other() {
    let mut grouper = Grouper::new(Role::App);
    let begin = Instant::now();
    let texts = ["Traceback (most recent call last):", "  File x", "  File y", "ValueError: no", "INFO: next"];
    let mut found = Vec::new();
    for (number, text) in (0..).zip(texts) {
        let after = 15 * number;
        let now = begin + Duration::from_millis(after);
        grouper.flush_older_than(now);
        grouper.push(line(Stream::Stderr, i64::try_from(after).expect("small"), text), now);
        found.extend(std::iter::from_fn(|| grouper.pop()));
    }
    grouper.finish();
    found.extend(std::iter::from_fn(|| grouper.pop()));
    let found: Vec<_> = found.iter().map(|entry| (entry.count(), entry.continues)).collect();
    assert_eq!(found, [(2, false), (2, true), (1, false)]);
}
