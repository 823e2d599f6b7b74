//! The terminal: how wide it is, whether there is a person, and the only places that write to it.

use std::io::{IsTerminal as _, Write as _};

/// Width where nobody says one: lines that a pager and a chat window take without wrapping.
const WIDTH_UNKNOWN: usize = 100;
/// Narrower than this nothing can be told apart any more; then lines wrap.
const WIDTH_LEAST: usize = 40;
/// Sentences wider than this are hard to read, however wide the screen is.
const WIDTH_MOST: usize = 140;

/// Columns to draw in.
pub(crate) fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    told.or_else(asked)
        .unwrap_or(WIDTH_UNKNOWN)
        .clamp(WIDTH_LEAST, WIDTH_MOST)
}

/// Lines of the terminal, if there is one.
pub(crate) fn height() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(_, height)| usize::from(height.0))
}

/// Whether output goes to a person.
pub(crate) fn shows() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// What was asked for. Styles are taken out where stdout is no terminal or NO_COLOR is set. A reader that has gone away
/// (`| head`) is no error.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// What a person should know and a script should not have to read.
pub(crate) fn tell(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
}

/// Why it ends here.
pub(crate) fn complain(text: &str) {
    tell(&format!("kubectl storefront: {text}"));
}

/// Asks for one line; `None` at the end of input.
pub(crate) fn ask(question: &str) -> Option<String> {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(question.as_bytes());
    let _ = out.flush();
    drop(out);
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_owned()),
    }
}

/// Sequences for a terminal; only where `shows`.
pub(crate) fn raw(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
