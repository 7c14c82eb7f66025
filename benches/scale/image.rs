//! The binary of the image.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::missing::{Measured, Missing};

const FILES: &str = "target/scale/files";

/// The binary that `LOGDRAIN_OPERATOR` names, or else that of the image, built as the image is.
///
/// # Errors
/// When the image's script fails: it has said why.
pub fn binary() -> Measured<PathBuf> {
    if let Some(named) = env::var_os("LOGDRAIN_OPERATOR") {
        return Ok(named.into());
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut command = Command::new(repository.join("image/build"));
    command.args([architecture, "--files", FILES]).current_dir(repository).stdin(Stdio::null());
    // `cargo bench` describes this package in these; build scripts that look at them would run again each time.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    // Standard output is for the table alone.
    let output = command.stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        Ok(repository.join(FILES).join("logdrain-operator"))
    } else {
        Err(Missing(format!("image/build has failed ({})", output.status)))
    }
}
