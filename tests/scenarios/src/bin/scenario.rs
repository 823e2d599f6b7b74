//! `make scenario NAME=deep-checks`: plays one night and prints its transcript; without a name it lists them.

use breakwater_scenarios::night::script::Script;
use breakwater_scenarios::night::{self, Trouble, loss, transcript};
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).filter(|name| !name.is_empty());
    let told = match &name {
        None => list(),
        Some(name) if name == LOSS_TABLE => loss_table(),
        Some(name) => run(name),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            if let Trouble::Untrue { transcript, .. } = &trouble {
                println!("{transcript}");
            }
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

/// The name under which the table of losses is printed.
const LOSS_TABLE: &str = "loss-table";

fn loss_table() -> Result<(), Trouble> {
    println!("True loss of estimated loss (and by how much the estimate is above), seconds:\n");
    print!("{}", loss::table(&loss::rows()?));
    Ok(())
}

fn list() -> Result<(), Trouble> {
    for name in night::names()? {
        println!("{name:<28} {}", night::read(&name)?.title);
    }
    println!("{LOSS_TABLE:<28} True loss against estimated loss, as a table");
    println!("\nmake scenario NAME=... plays one of them.");
    Ok(())
}

fn run(name: &str) -> Result<(), Trouble> {
    let script: Script = night::read(name)?;
    let played = night::play::play(name, script)?;
    print!("{}", transcript::of(&played));
    Ok(())
}
