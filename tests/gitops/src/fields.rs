//! The fields that the samples use of the kinds of Argo CD and External Secrets, looked up in the definitions of Argo CD 3.6.1 and
//! External Secrets 1.3.2. Their Go types are not asked: those of Argo CD want a newer Go and some hundred modules, and of those of
//! External Secrets the module proxy has none.

use serde_json::Value;

/// Of a kind, every field that is known, with `[]` for each item of a list and `*` for whatever follows.
const KNOWN: [(&str, &[&str]); 4] = [
    (
        "Application",
        &[
            "spec.destination.namespace",
            "spec.destination.server",
            "spec.project",
            "spec.source.helm.valuesObject.*",
            "spec.source.kustomize.components[]",
            "spec.source.kustomize.images[]",
            "spec.source.path",
            "spec.source.repoURL",
            "spec.source.targetRevision",
            "spec.syncPolicy.automated.prune",
            "spec.syncPolicy.automated.selfHeal",
            "spec.syncPolicy.retry.backoff.duration",
            "spec.syncPolicy.retry.backoff.factor",
            "spec.syncPolicy.retry.backoff.maxDuration",
            "spec.syncPolicy.retry.limit",
            "spec.syncPolicy.retry.refresh",
            "spec.syncPolicy.syncOptions[]",
        ],
    ),
    (
        "AppProject",
        &[
            "spec.description",
            "spec.destinations[].namespace",
            "spec.destinations[].server",
            "spec.namespaceResourceWhitelist[].group",
            "spec.namespaceResourceWhitelist[].kind",
            "spec.sourceRepos[]",
        ],
    ),
    (
        "ExternalSecret",
        &[
            "spec.data[].remoteRef.conversionStrategy",
            "spec.data[].remoteRef.decodingStrategy",
            "spec.data[].remoteRef.key",
            "spec.data[].remoteRef.metadataPolicy",
            "spec.data[].remoteRef.property",
            "spec.data[].secretKey",
            "spec.refreshInterval",
            "spec.secretStoreRef.kind",
            "spec.secretStoreRef.name",
            "spec.target.name",
        ],
    ),
    (
        "SecretStore",
        &[
            "spec.provider.vault.auth.kubernetes.mountPath",
            "spec.provider.vault.auth.kubernetes.role",
            "spec.provider.vault.auth.kubernetes.serviceAccountRef.name",
            "spec.provider.vault.path",
            "spec.provider.vault.server",
            "spec.provider.vault.version",
        ],
    ),
];

/// What every object has.
const COMMON: [&str; 7] = [
    "apiVersion",
    "kind",
    "metadata.annotations.*",
    "metadata.finalizers[]",
    "metadata.labels.*",
    "metadata.name",
    "metadata.namespace",
];

/// Argo CD passes over an option that it does not know.
const SYNC_OPTIONS: [&str; 4] =
    ["CreateNamespace=true", "PruneLast=true", "ServerSideApply=true", "SkipDryRunOnMissingResource=true"];

/// The fields and sync options of an object that are none; nothing of a kind of which nothing is known.
#[must_use]
pub fn unknown(object: &Value) -> Option<Vec<String>> {
    let (_, known) = KNOWN.iter().find(|(kind, _)| object["kind"] == *kind)?;
    let mut paths = Vec::new();
    leaves(object, "", &mut paths);
    paths.retain(|path| {
        !COMMON.iter().chain(*known).any(|known| match known.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == known,
        })
    });
    let options = object["spec"]["syncPolicy"]["syncOptions"].as_array();
    let options = options.into_iter().flatten().map(|option| option.as_str().unwrap_or_default());
    paths.extend(options.filter(|option| !SYNC_OPTIONS.contains(option)).map(str::to_owned));
    Some(paths)
}

fn leaves(value: &Value, path: &str, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(field, &format!("{path}{dot}{name}"), paths);
            }
        }
        Value::Array(items) => {
            for item in items {
                leaves(item, &format!("{path}[]"), paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}
