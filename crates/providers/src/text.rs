//! Text that others wrote.

use breakwater_core::Text;

/// Longest text that is repeated, in characters: a provider's message fits, a page does not.
const LONGEST: usize = 256;

/// Bounds text from outside to 256 characters and strips what could act on a terminal or hide in a log: escape
/// sequences, control characters, and characters that reorder or are invisible. Line breaks become blanks.
#[must_use]
pub fn clean(text: &str) -> Text {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut kept = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            skip_escape(&mut chars);
            continue;
        }
        let c = if c.is_whitespace() { ' ' } else { c };
        if c.is_control() || is_invisible(c) || (c == ' ' && (out.is_empty() || out.ends_with(' '))) {
            continue;
        }
        if kept == LONGEST - 1 {
            out.push('…');
            break;
        }
        out.push(c);
        kept += 1;
    }
    out.truncate(out.trim_end().len());
    out.into()
}

/// Skips the rest of an escape sequence (ECMA-48): a control sequence ends with a byte from `@` to `~`, a string
/// sequence (OSC and the like) with BEL or ESC, any other has one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some(_) | None => {}
    }
}

/// Bidirectional marks and overrides, soft hyphens, zero-width characters, the byte order mark, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_controls_are_stripped() {
        assert_eq!(&*clean("a\u{1b}[31mred\u{1b}[0m b"), "ared b");
        assert_eq!(&*clean("x\u{1b}]0;title\u{7}y\u{1b}]8;;u\u{1b}\\z"), "xyz");
        assert_eq!(&*clean("line\r\n\tnext\0\u{85}\u{202e}evil\u{200b}"), "line next evil");
        assert_eq!(&*clean("\u{9b}31mx"), "31mx");
        assert_eq!(&*clean("\u{1b}["), "");
    }

    #[test]
    fn text_is_bounded_in_characters() {
        let long = clean(&"é".repeat(1_000_000));
        assert_eq!(long.chars().count(), 256);
        assert!(long.ends_with('…'));
        assert_eq!(clean(&"x".repeat(255)).chars().count(), 255);
    }
}
