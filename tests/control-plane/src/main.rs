//! A control plane to use by hand, until Ctrl-C.

use std::error::Error;
use std::io::{self, Write};
use std::thread;

use control_plane::ControlPlane;

fn main() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "export KUBECONFIG={}", plane.kubeconfig_admin().display())?;
    let kubectl = plane.kubectl_path();
    writeln!(stdout, "export PATH={}:\"$PATH\"", kubectl.parent().unwrap_or(&kubectl).display())?;
    stdout.flush()?;
    // Ctrl-C ends this process, and with it the servers and their files.
    loop {
        thread::park();
    }
}
