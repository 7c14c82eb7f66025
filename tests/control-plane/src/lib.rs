//! A real etcd, kube-apiserver (RBAC on) and kubectl for tests, with nothing to install but Go.
//!
//! [`ControlPlane::shared`] starts one for a test binary, [`ControlPlane::start`] one of one's own. The programs come from
//! `KUBEBUILDER_ASSETS`, from the user's cache, or are built once into that cache from the Go modules that `go.mod` pins
//! (see [`Binaries`]).
//!
//! # Guarantees
//! - Nothing stays behind, however the process that started it ends, `kill -9` included: see [`Supervised`].
//! - Clients verify the server's certificate; it, the keys and the tokens are made anew at each start.
//! - Two test binaries at once build once, and never share a control plane.
//!
//! # Caveats
//! - No pod is made. Until [`ControlPlane::controller_manager`] is called, nothing collects garbage either, and a namespace is
//!   never removed: a test takes a namespace of its own ([`ControlPlane::namespace`]) and leaves it.
//! - All calls block. From async code call them before the runtime starts, or with `spawn_blocking`.
//! - Unix only.
//!
//! ```no_run
//! let plane = control_plane::ControlPlane::shared()?;
//! let namespace = plane.namespace()?;
//! plane.kubectl_ok(["create", "configmap", "hello", "-n", &namespace], None)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod binaries;
mod cargo;
mod error;
mod etcd_backup;
mod go_build;
mod go_program;
mod guard;
mod kubeconfig;
mod kubectl;
mod plane;
mod service_account_key;
mod supervised;

pub use audit::AuditEntry;
pub use binaries::Binaries;
pub use cargo::{CargoError, build_program};
pub use error::Error;
pub use etcd_backup::EtcdBackup;
pub use go_program::GoProgram;
pub use plane::ControlPlane;
pub use supervised::Supervised;
