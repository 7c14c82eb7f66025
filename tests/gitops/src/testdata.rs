//! The objects that the operator really wrote, as the end-to-end tests have recorded them.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{Error, read, scripts};

/// Every recorded object, by the name of its file without the extension.
///
/// # Errors
/// A directory or file that cannot be read.
pub fn all() -> Result<BTreeMap<String, Value>, Error> {
    let directory = scripts().join("testdata");
    let failed = |source| Error::Read { path: directory.clone(), source };
    let mut objects = BTreeMap::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        objects.insert(name, yaml(&path)?);
    }
    Ok(objects)
}

/// A YAML file with one document.
///
/// # Errors
/// A file that cannot be read, or is something else.
pub fn yaml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let understood = serde_saphyr::from_str(&read(path)?);
    understood.map_err(|error| Error::Yaml { path: path.to_owned(), message: error.to_string() })
}
