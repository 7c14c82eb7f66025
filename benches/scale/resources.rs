//! The resources of a world: five `LogDrain`s for each app, and those that people change during a rollout.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use logdrain_operator::crd::{DrainType, LogDrain, LogDrainSpec, SecretKeyRef};
use serde_json::{Value, json};

use crate::missing::Measured;
use crate::world::World;

/// `LogDrain`s of each app.
pub const EACH: usize = 5;
/// Name of the Secret that all `LogDrain`s of the rollout use.
pub const ALL_USE: &str = "logs";
/// Name of the Secret that the `LogDrain`s of one person use.
pub const FEW_USE: &str = "few";
/// The API token.
pub const API_TOKEN: &str = "tk-us-scale-4f1d0c9a7b3e";

/// As many as the API server answers well at once.
const AT_ONCE: usize = 16;
const FIRST_PORT: u16 = 6_000;

/// Name of an app.
pub fn app(number: usize) -> String {
    format!("app-{number}")
}

/// Name of a `LogDrain`.
pub fn name(app: &str, drain: usize) -> String {
    format!("{app}-drain-{drain}")
}

/// A drain whose token stands in this Secret.
fn log_drain(app: &str, drain: usize, secret: &str) -> LogDrain {
    let spec = LogDrainSpec {
        token_secret_ref: Some(SecretKeyRef { name: secret.to_owned(), key: "token".to_owned() }),
        host: Some("logs.example.com".to_owned()),
        port: u16::try_from(drain).ok().map(|drain| FIRST_PORT + drain),
        ..LogDrainSpec::new(app, DrainType::Syslog)
    };
    LogDrain::new(&name(app, drain), spec)
}

impl World {
    /// All `LogDrain`s of the rollout, at once.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub async fn create_all(&self) -> Measured<()> {
        let all = (0..self.count).map(|number| (app(number / EACH), number % EACH));
        self.create(all.map(|(app, drain)| log_drain(&app, drain, ALL_USE))).await
    }

    /// The first of an app's `LogDrain`s, which use this Secret.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub async fn create_for(&self, app: &str, drains: usize, secret: &str) -> Measured<()> {
        self.create((0..drains).map(|drain| log_drain(app, drain, secret))).await
    }

    async fn create(&self, objects: impl Iterator<Item = LogDrain>) -> Measured<()> {
        let api = self.log_drains();
        let parameters = PostParams::default();
        let created = stream::iter(objects).map(|object| {
            let (api, parameters) = (&api, &parameters);
            async move { api.create(parameters, &object).await.map(drop) }
        });
        Ok(created.buffer_unordered(AT_ONCE).try_collect::<()>().await?)
    }

    /// Changes a `LogDrain`: a merge patch.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn patch(&self, name: &str, patch: &Value) -> Measured<()> {
        self.log_drains().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Sends the logs of a `LogDrain` to another port.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn move_to(&self, name: &str, port: u16) -> Measured<()> {
        self.patch(name, &json!({"spec": {"port": port}})).await
    }

    /// Deletes a `LogDrain`, and does not wait.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn delete(&self, name: &str) -> Measured<()> {
        self.log_drains().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Writes a Secret with one key.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn write_secret(&self, name: &str, key: &str, value: &str) -> Measured<()> {
        let secret = Secret {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            string_data: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
            ..Secret::default()
        };
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let parameters = PatchParams::apply("scale").force();
        api.patch(name, &parameters, &Patch::Apply(secret)).await?;
        Ok(())
    }

    /// The `LogDrain`s of the namespace.
    pub fn log_drains(&self) -> Api<LogDrain> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
