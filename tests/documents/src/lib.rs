//! The documents of this repository, read as Markdown: headings, links and fenced blocks.

mod page;
mod shell;

pub use page::{Block, Page};
pub use shell::commands;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use packaging::repository;

/// Every document that this repository has for people: those of its root, of `docs/` and of the samples.
///
/// # Errors
/// Those of reading them.
pub fn pages() -> io::Result<Vec<Page>> {
    let root = repository();
    let mut paths = Vec::new();
    for directory in [root.clone(), root.join("docs")] {
        for entry in fs::read_dir(directory)? {
            paths.push(entry?.path());
        }
    }
    for directory in ["examples", "tests"] {
        collect(&root.join(directory), &mut paths)?;
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap_or(path);
            Ok(Page { path: name.to_owned(), text: fs::read_to_string(path)? })
        })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, paths)? } else { paths.push(path) }
    }
    Ok(())
}

/// One of them.
///
/// # Errors
/// Those of reading it.
pub fn page(path: &str) -> io::Result<Page> {
    Ok(Page { path: path.into(), text: fs::read_to_string(repository().join(path))? })
}
