//! The control plane itself.

use control_plane::ControlPlane;

#[test]
fn starts_and_serves() {
    let start = std::time::Instant::now();
    let plane = ControlPlane::shared().unwrap();
    eprintln!("{:?}", start.elapsed());
    println!("{}", plane.kubectl_ok(["version"], None).unwrap());
}
