//! Prints the CRDs; with a folder as argument, writes one file per kind there.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        print!("{}", breakwater_api::crds_yaml());
        return Ok(());
    };
    for (name, content) in breakwater_api::crd_files() {
        std::fs::write(folder.join(name), content)?;
    }
    Ok(())
}
