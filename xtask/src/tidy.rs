//! Holds the workspace to the rules that no lint can hold.

use std::path::Path;

use anyhow::bail;

use crate::codegen;
use crate::workspace::Metadata;

mod docs;
mod files;
mod layers;

/// Checks everything and fails with one line per problem.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let metadata = Metadata::load(root)?;
    let mut problems = layers::check(&metadata);
    problems.extend(layers::check_reach(root, &metadata)?);
    problems.extend(files::check(root, &cores(&metadata))?);
    problems.extend(docs::check(root)?);
    let stale = codegen::stale(root)?;
    problems
        .extend(stale.into_iter().map(|path| format!("{path}: stale, run `cargo xtask codegen`")));
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("tidy: {} crates, nothing to say", metadata.members().count());
            Ok(())
        }
        1 => bail!("tidy: 1 problem"),
        count => bail!("tidy: {count} problems"),
    }
}

/// Returns the folders of layers 0 to 3, which know no runtime, socket, clock or lock.
fn cores(metadata: &Metadata) -> Vec<String> {
    let layers = metadata.metadata.iter().flat_map(|table| &table.layers);
    layers
        .filter(|(layer, _)| ["0", "1", "2", "3"].contains(&layer.as_str()))
        .flat_map(|(_, folders)| folders.iter().cloned())
        .collect()
}
