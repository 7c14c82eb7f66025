//! All that was seen, in files, for whoever looks into a broken promise. The secrets are there too: they are none.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use scalingo_simulator::Simulator;
use serde_json::json;

use crate::Error;
use crate::watch::Form;

/// A directory, where one is wanted.
pub struct Evidence {
    directory: Option<PathBuf>,
    forms: Option<Mutex<File>>,
}

impl Evidence {
    pub fn new(directory: Option<&Path>) -> Result<Self, Error> {
        let Some(directory) = directory else { return Ok(Self { directory: None, forms: None }) };
        fs::create_dir_all(directory).map_err(Error::io("make the directory for evidence"))?;
        let forms = File::create(directory.join("forms.jsonl")).map_err(Error::io("write evidence"))?;
        Ok(Self { directory: Some(directory.to_owned()), forms: Some(Mutex::new(forms)) })
    }

    /// A form of a `LogDrain` or of a Lease. What cannot be written is left out, as below.
    pub fn saw(&self, form: &Form) {
        let Some(forms) = &self.forms else { return };
        let mut object = form.object.clone();
        object["metadata"]["managedFields"] = json!(null);
        let line = json!({"at": Timestamp::now().to_string(), "gone": form.gone, "object": object});
        let _ = writeln!(forms.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
    }

    /// What an operator has printed in its life; its requests came to Scalingo here.
    pub fn printed(&self, number: u32, address: SocketAddr, output: &str) {
        if let Some(directory) = &self.directory {
            let _ = fs::write(directory.join(format!("operator-{number:04}-{}.log", address.port())), output);
        }
    }

    /// All that happened at Scalingo.
    pub fn happened(&self, simulator: &Simulator) {
        let Some(directory) = &self.directory else { return };
        let requests = simulator.journal().into_iter().map(|entry| {
            let body = entry.body.as_ref().map(ToString::to_string).unwrap_or_default();
            let port = entry.server.map_or(0, |server| server.port());
            (entry.sequence, format!("{} :{port} {entry:?} {body}", entry.at))
        });
        let changes = simulator.changes().into_iter();
        let changes =
            changes.map(|change| (change.sequence, format!("{} {change:?} {}", change.at, change.url)));
        let mut lines: Vec<(u64, String)> = requests.chain(changes).collect();
        lines.sort();
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
        let _ = fs::write(directory.join("scalingo.txt"), lines.join("\n"));
    }
}
