//! A control plane to use by hand, until Ctrl-C.

use std::error::Error;
use std::io::{self, Write};
use std::thread;

use control_plane::ControlPlane;

fn main() -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "export KUBECONFIG={}", plane.kubeconfig_admin().display())?;
    writeln!(stdout, "export PATH={}:\"$PATH\"", plane.kubectl_path().with_file_name("").display())?;
    stdout.flush()?;
    // Ctrl-C ends this process, and with it the servers and their files.
    loop {
        thread::park();
    }
}
