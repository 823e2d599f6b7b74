//! The manifests of `docs/examples`, as they are and as a world on this machine serves their shops.

use crate::Trouble;
use crate::processes::root;
use std::path::PathBuf;

/// The example files in the order in which they are applied.
const EXAMPLES: [&str; 5] = [
    "00-namespaces.yaml",
    "class.yaml",
    "shop-ca.yaml",
    "shop-geo.yaml",
    "shop-west.yaml",
];

/// The CRDs of this build.
///
/// # Errors
/// When a file cannot be read.
pub fn crds() -> Result<String, Trouble> {
    let files = ["storefrontclass.yaml", "storefront.yaml", "regionswitch.yaml"];
    let texts: Result<Vec<String>, Trouble> = files.iter().map(|name| read(root().join("crds").join(name))).collect();
    Ok(texts?.join("\n---\n"))
}

/// The examples, with the shops' URLs where this world serves them, and one region in another's place if asked.
///
/// # Errors
/// When a file cannot be read.
pub fn examples(world: &str, instead: Option<(&str, &str)>) -> Result<String, Trouble> {
    let mut texts = Vec::new();
    for name in EXAMPLES {
        let text = read(root().join("docs/examples").join(name))?;
        let text = instead.map_or_else(|| text.clone(), |(region, by)| text.replace(region, by));
        texts.push(served_by(&text, world));
    }
    Ok(texts.join("\n---\n"))
}

/// The Secret with the world's Cloudflare token.
#[must_use]
pub fn secret(token: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: cloudflare, namespace: breakwater}}\nstringData: {{token: \"{token}\"}}\n"
    )
}

/// The world serves `https://host/path` as `<base>/host/path`, from a loopback address.
fn served_by(text: &str, world: &str) -> String {
    text.replace("https://", &format!("{world}/"))
        .replace("[\"*.example.com\"]", "[\"127.0.0.1\"]")
}

fn read(path: PathBuf) -> Result<String, Trouble> {
    std::fs::read_to_string(&path).map_err(|source| Trouble::File {
        path: path.display().to_string(),
        source,
    })
}
