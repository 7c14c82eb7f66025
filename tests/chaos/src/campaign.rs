use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::change::Size;
use crate::fleet;
use crate::people::People;
use crate::run::Run;
use crate::setting::Setting;
use crate::{Error, Summary};

/// In as many do the `LogDrain`s live.
const NAMESPACES: usize = 3;

/// How much is to happen.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// How many operators run at once: with leader election, unless it is one.
    pub replicas: usize,
    /// Further arguments for each operator.
    pub arguments: Vec<String>,
    /// How often an operator is killed, or otherwise ended where there are several.
    pub kills: u32,
    /// Of all that is random but the moments.
    pub seed: u64,
    /// How many there are.
    pub logdrains: usize,
    /// How many there are; every third has a database.
    pub apps: usize,
    /// Where all that was seen is written to, for whoever looks into a broken promise.
    pub evidence: Option<PathBuf>,
}

impl Campaign {
    /// Lets it happen with this binary of the operator, and tells how it goes.
    ///
    /// # Errors
    /// When something cannot be had that is needed for it. A broken promise is none.
    pub fn run(&self, binary: &Path, tell: impl Fn(&str)) -> Result<Summary, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(Error::io("start threads"))?;
        let plane = Setting::control_plane()?;
        runtime.block_on(self.carry_out(plane, binary, &tell))
    }

    async fn carry_out(
        &self,
        plane: control_plane::ControlPlane,
        binary: &Path,
        tell: &dyn Fn(&str),
    ) -> Result<Summary, Error> {
        let size = Size { logdrains: self.logdrains.max(1), apps: self.apps.max(1), namespaces: NAMESPACES };
        let setting = Arc::new(Setting::on(plane, size, self.seed).await?);
        let plan = fleet::Plan { binary, replicas: self.replicas.max(1), arguments: &self.arguments };
        let mut run = Run::new(Arc::clone(&setting), plan, self.evidence.as_deref(), tell)?;
        let mut people = People::new(&setting, &run.witness, size, fastrand::Rng::with_seed(self.seed));
        people.begin().await?;
        let mut people = run.chaos(people, self.kills, self.seed).await?;
        run.fleet.fill().await?;
        run.calm(&mut people).await?;
        run.is_quiet().await?;
        if run.fleet.elects() {
            run.is_quiet_after_takeover().await?;
        }
        run.fleet.kill_all()?;
        run.is_quiet_after_restart().await?;
        run.end(&mut people).await?;
        run.finish(self.seed).await
    }
}
