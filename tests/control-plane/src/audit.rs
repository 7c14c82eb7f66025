use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use serde_json::Value;

/// One request that the API server answered, or is answering (a watch). What a request lacks is an empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditEntry {
    /// The server's id of the request.
    pub id: String,
    /// When it came, as RFC 3339 with microseconds.
    pub time: String,
    /// Who asked, such as `system:serviceaccount:logdrain-system:logdrain-operator` or `admin`.
    pub user: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// The path and query.
    pub uri: String,
    /// Such as `logs.scalingo.com`; empty for the core group.
    pub api_group: String,
    /// The plural, such as `logdrains`; empty for a path such as `/readyz`.
    pub resource: String,
    /// Such as `status`.
    pub subresource: String,
    /// The namespace asked for.
    pub namespace: String,
    /// The object's name, where the request names one.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

impl AuditEntry {
    /// Whether it asked to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }

    fn from_event(event: &Value) -> Self {
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = event.pointer("/responseStatus/code").and_then(Value::as_u64);
        Self {
            id: text("/auditID"),
            time: text("/requestReceivedTimestamp"),
            user: text("/user/username"),
            user_agent: text("/userAgent"),
            verb: text("/verb"),
            uri: text("/requestURI"),
            api_group: text("/objectRef/apiGroup"),
            resource: text("/objectRef/resource"),
            subresource: text("/objectRef/subresource"),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            code: code.and_then(|code| u16::try_from(code).ok()).unwrap_or_default(),
        }
    }
}

/// What has been read of the log so far. It grows fast, and is asked often.
#[derive(Debug, Default)]
pub(crate) struct AuditLog {
    read: u64,
    entries: Vec<AuditEntry>,
    positions: HashMap<String, usize>,
}

impl AuditLog {
    /// Reads what the file has become longer by, and gives the latest stage of each request, in the order in which the
    /// requests were first answered.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<&[AuditEntry]> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut log = Vec::new();
        file.read_to_end(&mut log)?;
        self.take(&log);
        Ok(&self.entries)
    }

    /// A line for each stage of each request, the last perhaps still being written.
    fn take(&mut self, log: &[u8]) {
        for line in log.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            self.read += line.len() as u64;
            let Ok(event) = serde_json::from_slice::<Value>(line) else { continue };
            let entry = AuditEntry::from_event(&event);
            let position = *self.positions.entry(entry.id.clone()).or_insert(self.entries.len());
            if position == self.entries.len() {
                self.entries.push(entry);
            } else {
                self.entries[position] = entry;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(log: &str) -> Vec<AuditEntry> {
        let mut read = AuditLog::default();
        read.take(log.as_bytes());
        read.entries
    }

    const STARTED: &str = r#"{"kind":"Event","auditID":"a","stage":"ResponseStarted","requestURI":"/api/v1/namespaces/shop/secrets/s?watch=true","verb":"watch","user":{"username":"admin"},"userAgent":"kubectl/1","objectRef":{"resource":"secrets","namespace":"shop","name":"s","apiVersion":"v1"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-23T10:00:00.000000Z"}"#;
    const COMPLETE: &str = r#"{"auditID":"b","stage":"ResponseComplete","requestURI":"/apis/logs.scalingo.com/v1/namespaces/shop/logdrains/d/status","verb":"update","user":{"username":"operator"},"objectRef":{"resource":"logdrains","namespace":"shop","name":"d","apiGroup":"logs.scalingo.com","subresource":"status"},"responseStatus":{"code":409}}"#;

    #[test]
    fn reads_what_there_is_of_each_request() {
        let entries = parse(&format!("{STARTED}\n{COMPLETE}\n"));
        assert_eq!(
            entries,
            [
                AuditEntry {
                    id: "a".into(),
                    time: "2026-11-23T10:00:00.000000Z".into(),
                    user: "admin".into(),
                    user_agent: "kubectl/1".into(),
                    verb: "watch".into(),
                    uri: "/api/v1/namespaces/shop/secrets/s?watch=true".into(),
                    resource: "secrets".into(),
                    namespace: "shop".into(),
                    name: "s".into(),
                    code: 200,
                    ..AuditEntry::default()
                },
                AuditEntry {
                    id: "b".into(),
                    user: "operator".into(),
                    verb: "update".into(),
                    uri: "/apis/logs.scalingo.com/v1/namespaces/shop/logdrains/d/status".into(),
                    api_group: "logs.scalingo.com".into(),
                    resource: "logdrains".into(),
                    subresource: "status".into(),
                    namespace: "shop".into(),
                    name: "d".into(),
                    code: 409,
                    ..AuditEntry::default()
                },
            ]
        );
        assert_eq!(entries.iter().map(AuditEntry::is_write).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn counts_a_request_once_and_by_its_latest_stage() {
        let ended = STARTED.replace("ResponseStarted", "ResponseComplete").replace("200", "410");
        let entries = parse(&format!("{STARTED}\n{COMPLETE}\n{ended}\n"));
        assert_eq!(
            entries.iter().map(|entry| (entry.id.as_str(), entry.code)).collect::<Vec<_>>(),
            [("a", 410), ("b", 409)]
        );
    }

    #[test]
    fn leaves_a_line_that_is_still_being_written_and_reads_it_once_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut log = AuditLog::default();
        std::fs::write(file.path(), format!("{STARTED}\n{}", &COMPLETE[..90])).unwrap();
        assert_eq!(log.read(file.path()).unwrap().len(), 1);
        std::fs::write(file.path(), format!("{STARTED}\n{COMPLETE}\n")).unwrap();
        assert_eq!(log.read(file.path()).unwrap().len(), 2);
        assert_eq!(log.read(file.path()).unwrap().len(), 2);
    }
}
