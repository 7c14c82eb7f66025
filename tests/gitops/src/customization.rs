//! Puts the scripts into the form in which Argo CD's settings have them.

use std::fmt::Write as _;

use crate::{Error, read, scripts};

/// Every action, in the order in which they are offered.
pub const ACTIONS: [&str; 3] = ["check-now", "suspend", "resume"];

const HEADER: &str = "\
# Generated from resource_customizations/; do not edit. To write it anew: WRITE_GENERATED=1 cargo test -p gitops
";

/// `deploy/argocd/argocd-cm.yaml`: a patch for the `ConfigMap` with Argo CD's settings.
///
/// # Errors
/// A script that cannot be read.
pub fn config_map() -> Result<String, Error> {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\ndata:\n";
    Ok(format!("{HEADER}{head}{}", indented(&settings()?, 2)))
}

/// `deploy/argocd/helm-values.yaml`: values for Argo CD's Helm chart.
///
/// # Errors
/// A script that cannot be read.
pub fn helm_values() -> Result<String, Error> {
    Ok(format!("{HEADER}configs:\n  cm:\n{}", indented(&settings()?, 4)))
}

fn settings() -> Result<String, Error> {
    let script = |path: &str| read(&scripts().join(path));
    let mut actions = format!("discovery.lua: |\n{}", indented(&script("actions/discovery.lua")?, 2));
    actions.push_str("definitions:\n");
    for action in ACTIONS {
        let text = indented(&script(&format!("actions/{action}/action.lua"))?, 4);
        // Writing into a String does not fail.
        let _ = write!(actions, "- name: {action}\n  action.lua: |\n{text}");
    }
    Ok(format!(
        "resource.customizations.health.logs.scalingo.com_LogDrain: |\n{}\
         resource.customizations.actions.logs.scalingo.com_LogDrain: |\n{}",
        indented(&script("health.lua")?, 2),
        indented(&actions, 2)
    ))
}

fn indented(text: &str, width: usize) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        if !line.is_empty() {
            all.extend(std::iter::repeat_n(' ', width));
            all.push_str(line);
        }
        all.push('\n');
        all
    })
}
