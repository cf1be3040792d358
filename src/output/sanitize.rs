//! Makes a line that a container wrote harmless for the terminal: colours may stay, nothing may leave the line. Pure.

use std::{borrow::Cow, iter::Peekable, str::Chars};

const ESCAPE: char = '\u{1b}';
const RESET: &str = "\u{1b}[0m";

/// Strips CR, drops control sequences, shows other control characters as `^X`, keeps tabs. Colours (SGR) are kept when
/// `keep_colors`, and then end with the line; else they are dropped too.
pub(super) fn sanitize(text: &str, keep_colors: bool) -> Cow<'_, str> {
    // Nearly every line is plain ASCII, and that is seen much faster.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(is_suspicious) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut colored = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {}
            ESCAPE => match sequence(&mut characters) {
                Sequence::Color(parameters) if keep_colors => {
                    colored = true;
                    clean.push_str("\u{1b}[");
                    clean.push_str(&parameters);
                    clean.push('m');
                }
                Sequence::Color(_) | Sequence::Other => {}
                Sequence::None => clean.push_str("^["),
            },
            // C1: their eight-bit forms of CSI and OSC are dropped with nothing of what follows.
            '\u{80}'..='\u{9f}' => {}
            // Bidirectional overrides could make the line read as another one.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => clean.push('\u{fffd}'),
            control if is_suspicious(control) => {
                clean.push('^');
                clean.push(char::from_u32(u32::from(control) ^ 0x40).unwrap_or('?'));
            }
            plain => clean.push(plain),
        }
    }
    if colored {
        clean.push_str(RESET);
    }
    Cow::Owned(clean)
}

/// A text that others wrote as part of one of our lines: no colours, no tabs.
pub(super) fn one_line(text: &str) -> String {
    sanitize(text.trim(), false).replace('\t', " ")
}

fn is_suspicious(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

enum Sequence {
    /// `ESC [ parameters m`.
    Color(String),
    /// Any other whole sequence.
    Other,
    /// Not a whole sequence: nothing but the ESC was taken.
    None,
}

/// Takes what follows an ESC (ECMA-48): CSI up to its final byte, a string (OSC, DCS, APC, PM, SOS) up to BEL or ST, or a
/// two-character escape.
fn sequence(characters: &mut Peekable<Chars<'_>>) -> Sequence {
    let mut ahead = characters.clone();
    let taken = match ahead.next() {
        Some('[') => control_sequence(&mut ahead),
        Some(']' | 'P' | '_' | '^' | 'X') => string_sequence(&mut ahead),
        Some(' '..='/') => {
            ahead.find(|character| !matches!(character, ' '..='/')).map_or(Sequence::None, |_| Sequence::Other)
        }
        Some('0'..='~') => Sequence::Other,
        _ => Sequence::None,
    };
    if !matches!(taken, Sequence::None) {
        *characters = ahead;
    }
    taken
}

fn control_sequence(ahead: &mut Peekable<Chars<'_>>) -> Sequence {
    let mut parameters = String::new();
    for character in ahead {
        match character {
            '0'..='9' | ';' | ':' => parameters.push(character),
            'm' if parameters.chars().all(|character| character != '\0') => return Sequence::Color(parameters),
            // Private or intermediate bytes: whatever the final byte is, it is no colour.
            ' '..='?' => parameters.push('\0'),
            '@'..='~' => return Sequence::Other,
            _ => return Sequence::None,
        }
    }
    Sequence::None
}

fn string_sequence(ahead: &mut Peekable<Chars<'_>>) -> Sequence {
    while let Some(character) = ahead.next() {
        match character {
            '\u{7}' | '\u{9c}' => return Sequence::Other,
            ESCAPE if ahead.peek() == Some(&'\\') => {
                ahead.next();
                return Sequence::Other;
            }
            _ => {}
        }
    }
    Sequence::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_cannot_leave_their_line() {
        let table = [
            ("plain\ttab, ünïcödé", "plain\ttab, ünïcödé"),
            ("100 %\rdone\r", "100 %done"),
            ("\u{1b}[31mred\u{1b}[0m", "\u{1b}[31mred\u{1b}[0m\u{1b}[0m"),
            ("\u{1b}[38:2::1:2:3mtrue colour", "\u{1b}[38:2::1:2:3mtrue colour\u{1b}[0m"),
            ("a\u{1b}[2J\u{1b}[H\u{1b}[1;1Hb", "ab"),
            ("a\u{1b}[?1049hb\u{1b}[>4;1mc", "abc"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\link", "alink"),
            ("\u{1b}P1;2|data\u{1b}\\a\u{1b}(Bb\u{1b}cc", "abc"),
            ("cut \u{1b}[38;5", "cut ^[[38;5"),
            ("cut \u{1b}]0;title", "cut ^[]0;title"),
            ("end \u{1b}", "end ^["),
            ("bell\u{7} back\u{8} feed\u{b}\u{c}\nline\0\u{7f}", "bell^G back^H feed^K^L^Jline^@^?"),
            ("c1 \u{9b}2J\u{85}x", "c1 2Jx"),
            ("bidi \u{202e}evil\u{2028}x", "bidi \u{fffd}evil\u{fffd}x"),
        ];
        for (given, expected) in table {
            assert_eq!(sanitize(given, true), expected, "{given:?}");
        }
    }

    #[test]
    fn without_colours_no_escape_survives() {
        assert_eq!(sanitize("\u{1b}[1;31mred\u{1b}[0m plain", false), "red plain");
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_colours_ever_survives(text in "[\\x00-\\x1f\\x7f-\\x9f\\[\\]0-9;?mHJ a\\\\]{0,40}") {
            let clean = sanitize(&text, false);
            proptest::prop_assert!(!clean.chars().any(|character| character.is_control() && character != '\t'));
            proptest::prop_assert_eq!(sanitize(&clean, false), clean.as_ref());
        }
    }
}
