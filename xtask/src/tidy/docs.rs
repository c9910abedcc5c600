//! Holds the documents to what exists: links point somewhere, every decision is in the index.

use std::fs;
use std::path::Path;

use super::files;

/// Returns one line for each broken link and each decision that the index leaves out.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in files::walk(root)?.iter().filter(|path| path.extension() == Some("md".as_ref())) {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let folder = path.parent().unwrap_or(root);
        let text = fs::read_to_string(path)?;
        for target in links(&text).filter(|target| !folder.join(target).exists()) {
            problems.push(format!("{name}: links to {target}, which is not there"));
        }
    }
    let decisions = root.join("docs/adr");
    let index = fs::read_to_string(decisions.join("README.md")).unwrap_or_default();
    for entry in fs::read_dir(&decisions).into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") && name != "README.md" && !index.contains(&format!("({name})")) {
            problems.push(format!("docs/adr/README.md: leaves out {name}"));
        }
    }
    Ok(problems)
}

/// Returns the files that the inline links of a document name, without their fragments.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(place, _)| {
        let target = &text[place + 2..];
        let target = &target[..target.find([')', '\n', ' '])?];
        let file = target.split('#').next()?;
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
        (!is_elsewhere && !file.is_empty()).then_some(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_those_to_elsewhere_are_not() {
        let text = "See [a](b.md#c), [d](https://e.org/f), [g](#h), ![i](../j.png) and [k](l m).";
        assert_eq!(links(text).collect::<Vec<_>>(), ["b.md", "../j.png", "l"]);
    }
}
