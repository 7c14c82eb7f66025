//! Sets and removes the finalizer.

use std::sync::Arc;

use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{MANAGER, Subject};
use crate::{
    crd::{FINALIZER, LogDrain},
    logdrain::error::Error,
    metrics::Write,
};

impl Subject<'_> {
    /// Whether the finalizer stands.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.object.is_held()
    }

    /// Sets the finalizer, if it does not stand.
    ///
    /// # Errors
    /// When the resource has changed meanwhile, or those of the Kubernetes API.
    pub async fn add_finalizer(&mut self) -> Result<(), Error> {
        if self.has_finalizer() {
            return Ok(());
        }
        let mut finalizers = self.object.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        let held = self.patch_finalizers(&finalizers).await?;
        self.hold(held);
        Ok(())
    }

    /// Removes the finalizer: the resource may go.
    ///
    /// # Errors
    /// When the resource has changed meanwhile, or those of the Kubernetes API.
    pub async fn remove_finalizer(&mut self) -> Result<(), Error> {
        let finalizers: Vec<String> =
            self.object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        match self.patch_finalizers(&finalizers).await {
            Ok(released) => self.context.view.released(Arc::new(released)),
            Err(Error::Kubernetes(error)) if is_not_found(&error) => {
                self.context.view.released(self.object.clone());
            }
            Err(error) if error.is_forbidden() => {
                self.context.view.could_not_release(&self.uid());
                return Err(self.not_released(error, &finalizers));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn patch_finalizers(&self, finalizers: &[String]) -> Result<LogDrain, Error> {
        let patch = Patch::Merge(json!({"metadata": {
            "resourceVersion": self.object.resource_version(),
            "finalizers": finalizers,
        }}));
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let (api, name) = (self.api(), self.object.name_any());
        let call = api.patch(&name, &parameters, &patch);
        self.context.metrics.kubernetes_write(Write::Finalizer);
        let patched = self.answer(call).await;
        if let Err(Error::Changed) = &patched {
            self.learn().await;
        }
        patched
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}
