//! What the operator asked of the API server, read from the audit log: too long to be kept in memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

use crate::Error;
use crate::operator::NAMESPACE;

const OPERATOR: &str = "system:serviceaccount:logdrain-system:logdrain-operator";

/// The audit log of a control plane.
pub struct Audit(pub PathBuf);

/// Requests of the operator.
#[derive(Debug, Default)]
pub struct Asked {
    pub requests: u64,
    /// Each with its answer, but for those of Leases.
    pub writes: Vec<String>,
    /// Those of Leases.
    pub lease_writes: u64,
    /// For want of a permission.
    pub refused: Vec<String>,
}

impl Audit {
    /// Where the log ends now.
    pub fn end(&self) -> Result<u64, Error> {
        std::fs::metadata(&self.0).map(|file| file.len()).map_err(Error::io("read the audit log"))
    }

    /// What the operator has asked since the log ended there.
    pub fn since(&self, end: u64) -> Result<Asked, Error> {
        let mut file = File::open(&self.0).map_err(Error::io("read the audit log"))?;
        file.seek(SeekFrom::Start(end)).map_err(Error::io("read the audit log"))?;
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases");
        let mut asked = Asked::default();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(Error::io("read the audit log"))?;
            // Most lines are other people's, and one may still be being written.
            if !line.contains(OPERATOR) {
                continue;
            }
            let Ok(entry) = serde_json::from_str::<Value>(&line) else { continue };
            if entry["stage"] != "ResponseComplete" || entry["user"]["username"] != OPERATOR {
                continue;
            }
            asked.requests += 1;
            let verb = entry["verb"].as_str().unwrap_or_default();
            let code = &entry["responseStatus"]["code"];
            let address = entry["requestURI"].as_str().unwrap_or_default();
            let told = || format!("{verb} {address} -> {code}");
            if matches!(verb, "create" | "update" | "patch" | "delete") {
                if address.starts_with(&leases) {
                    asked.lease_writes += 1;
                } else {
                    asked.writes.push(told());
                }
            }
            if code == 403 {
                asked.refused.push(told());
            }
        }
        Ok(asked)
    }
}
