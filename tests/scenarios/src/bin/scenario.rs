//! `make scenario NAME=deep-checks`: plays one night and prints its transcript; without a name it lists them.

use breakwater_scenarios::night::{self, Trouble, loss, transcript};
use std::io::Write as _;
use std::process::ExitCode;

/// The name under which the table of losses is printed.
const LOSS_TABLE: &str = "loss-table";

fn main() -> ExitCode {
    let name = std::env::args().nth(1).filter(|name| !name.is_empty());
    let told = match name.as_deref() {
        None => list(),
        Some(LOSS_TABLE) => loss_table(),
        Some(name) => run(name),
    };
    match told {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            if let Trouble::Untrue { transcript, .. } = &trouble {
                print(transcript);
            }
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads only the first lines closes the pipe: that is no trouble.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn list() -> Result<String, Trouble> {
    let mut text = String::new();
    for name in night::names()? {
        let title = night::read(&name)?.title;
        text.push_str(&format!("{name:<30} {title}\n"));
    }
    text.push_str(&format!(
        "{LOSS_TABLE:<30} True loss against estimated loss, as a table\n"
    ));
    text.push_str("\nmake scenario NAME=... plays one of them.\n");
    Ok(text)
}

fn loss_table() -> Result<String, Trouble> {
    let head = "True loss of estimated loss, and by how much the estimate is above, in seconds:\n\n";
    Ok(format!("{head}{}", loss::table(&loss::rows()?)))
}

fn run(name: &str) -> Result<String, Trouble> {
    let played = night::play::play(name, night::read(name)?)?;
    Ok(transcript::of(&played))
}
