//! Every script in `nights/` is played: what it expects is true, all checkers pass, and its transcript is the one that
//! stands beside it. A test for each: `cargo test -p breakwater-scenarios --test nights deep-checks`.
//! `EXPECTORATE=overwrite` writes the transcripts anew: read the difference before you commit it.

use breakwater_scenarios::night::{self, Trouble, script::Script, transcript};
use std::path::Path;

fn night(path: &Path, text: String) -> datatest_stable::Result<()> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let script = Script::parse(name, &text)?;
    let played = match night::play::play(name, script) {
        Ok(played) => played,
        Err(trouble) => {
            if let Trouble::Untrue { transcript, .. } = &trouble {
                eprintln!("{transcript}");
            }
            return Err(trouble.to_string().into());
        }
    };
    expectorate::assert_contents(path.with_extension("txt"), &transcript::of(&played));
    Ok(())
}

datatest_stable::harness! {
    { test = night, root = "nights", pattern = r"\.yaml$" },
}
