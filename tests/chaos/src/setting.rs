//! What is there before the operator: a control plane, Scalingo with apps and drains of others, namespaces.

use std::fs;
use std::path::{Path, PathBuf};

use control_plane::ControlPlane;
use jiff::Timestamp;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use scalingo_simulator::{Simulator, Target, UrlForm};

use crate::Error;
use crate::audit::Audit;
use crate::change::Size;
use crate::operator::NAMESPACE;
use crate::universe::{Kind, TOKENS, VERSIONS, api_token, foreign};

const SERVICE_ACCOUNT: &str = "logdrain-operator";

/// An app at Scalingo.
pub struct App {
    pub name: String,
    pub id: String,
    pub addon: Option<String>,
}

impl App {
    /// The app's own drains, or those of its addon where that is meant and there is one.
    pub fn target(&self, addon: bool) -> Target {
        match &self.addon {
            Some(id) if addon => (&self.id, id).into(),
            _ => (&self.id).into(),
        }
    }
}

/// All that runs but for the operator.
pub struct Setting {
    pub plane: ControlPlane,
    /// Of the operator's service account.
    pub kubeconfig: PathBuf,
    pub namespaces: Vec<String>,
    pub simulator: Simulator,
    pub apps: Vec<App>,
    /// Drains that nobody may touch.
    pub foreign: Vec<(Target, String)>,
    /// As administrator.
    pub client: Client,
}

impl Setting {
    /// Starts the control plane; blocks.
    pub fn control_plane() -> Result<ControlPlane, Error> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let plane = ControlPlane::start()?;
        plane.install(&repository.join("deploy"), &repository.join("crds"))?;
        Ok(plane)
    }

    /// Puts the rest on it.
    pub async fn on(plane: ControlPlane, size: Size, seed: u64) -> Result<Self, Error> {
        logdrain_operator::scalingo::install_crypto_provider();
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig_admin())?;
        let configuration =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(configuration)
            .map_err(Error::kubernetes("use the administrator's kubeconfig"))?;
        let kubeconfig = plane.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT)?;
        let namespaces = (0..size.namespaces).map(|_| plane.namespace()).collect::<Result<_, _>>()?;

        let simulator = Simulator::seeded(seed, Timestamp::now());
        simulator.keep_bodies(true);
        simulator.set(|settings| {
            settings.url_forms.insert(Kind::Graylog.name().into(), UrlForm::Opaque);
            settings.url_forms.insert(Kind::Appsignal.name().into(), UrlForm::Reordered);
        });
        for version in 0..TOKENS {
            simulator.add_token(&format!("operator-{version}"), &api_token(version));
        }
        let mut apps = Vec::new();
        for number in 0..size.apps {
            let name = format!("app-{number}");
            let id = simulator.add_app(&name);
            // Every third has a database.
            let addon = (number % 3 == 0).then(|| simulator.add_addon(&id, "postgresql", true));
            apps.push(App { name, id, addon: addon.and_then(Result::ok) });
        }
        let mut theirs = Vec::new();
        for (number, (target, _)) in simulator.all_drains().into_iter().enumerate() {
            for url in foreign(number) {
                if simulator.add_drain_behind(target.clone(), &url).is_ok() {
                    theirs.push((target.clone(), url));
                }
            }
        }
        Ok(Self { plane, kubeconfig, namespaces, simulator, apps, foreign: theirs, client })
    }

    /// What was asked of the API server.
    pub fn audit(&self) -> Audit {
        Audit(self.plane.directory().join("audit.log"))
    }

    /// The app that a spec names, by name or id.
    pub fn app(&self, key: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.name == key || app.id == key)
    }

    /// All that an operator could have given away: tokens of all kinds, and what stands in Secrets and in drains.
    pub fn secrets(&self) -> Result<Vec<String>, Error> {
        let kubeconfig = fs::read_to_string(&self.kubeconfig).map_err(Error::io("read a kubeconfig"))?;
        let account = kubeconfig.lines().filter_map(|line| line.trim().strip_prefix("token: "));
        let mut secrets: Vec<String> = account.map(str::to_owned).collect();
        for version in 0..TOKENS {
            secrets.push(api_token(version));
            secrets.extend(self.simulator.bearers(&format!("operator-{version}")));
        }
        let versions = Kind::ALL.into_iter().filter(|kind| kind.has_secret());
        let values = versions.flat_map(|kind| (0..VERSIONS).map(move |version| kind.secret(version)));
        let values = values.flat_map(|data| data.as_object().cloned().unwrap_or_default());
        secrets.extend(values.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
        Ok(secrets)
    }
}
