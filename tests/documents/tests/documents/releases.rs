//! A release that is installed, upgraded and uninstalled as the documents say, one command after the other.

use control_plane::ControlPlane;
use documents::{commands, page, pages};
use packaging::Helm;

use super::commands::typed;
use super::setting;

const IMAGE: &str = concat!("registry.example.com/logdrain-operator:", env!("CARGO_PKG_VERSION"));

/// The commands of Helm in the blocks of a page, without the program.
fn helm_commands(page: &documents::Page) -> Vec<Vec<String>> {
    let blocks = page.blocks().into_iter().filter(|block| block.language == "sh");
    let all = blocks.flat_map(|block| commands(&block.text).unwrap());
    all.filter(|words| words[0] == "helm").map(|words| words[1..].to_vec()).collect()
}

/// The images in rendered objects.
fn images(objects: &str) -> Vec<&str> {
    let images = objects.lines().filter_map(|line| line.trim().strip_prefix("image: "));
    images.map(|image| image.trim_matches('"')).collect()
}

struct Cluster {
    plane: ControlPlane,
    helm: Helm,
}

impl Cluster {
    fn start() -> Self {
        let plane = ControlPlane::start().unwrap_or_else(|error| panic!("{error}"));
        let helm = Helm::new(Some(&plane.kubeconfig_admin())).unwrap_or_else(|error| panic!("{error}"));
        Self { plane, helm }
    }

    /// What a command of a page says.
    fn typed(&self, page: &documents::Page, words: &[String]) -> String {
        let place = setting::place(page);
        typed(self.helm.command(words), &place.checkout())
            .unwrap_or_else(|error| panic!("{}: {}: {error}", page.path.display(), words.join(" ")))
    }

    fn image(&self) -> String {
        let path = "jsonpath={.items[*].spec.template.spec.containers[*].image}";
        let arguments = ["get", "deployments", "--namespace=logdrain-system", "--output", path];
        self.plane.kubectl_ok(arguments, None).unwrap()
    }
}

#[test]
fn the_image_of_the_first_install_stays_through_every_upgrade() {
    let cluster = Cluster::start();
    for namespace in ["shop", "blog"] {
        cluster.plane.kubectl_ok(["create", "namespace", namespace], None).unwrap();
    }
    let beginning = page("docs/getting-started.md").unwrap();
    let (install, uninstall) = match &helm_commands(&beginning)[..] {
        [install, uninstall] => (install.clone(), uninstall.clone()),
        others => panic!("{others:?}"),
    };
    cluster.typed(&beginning, &install);
    assert_eq!(cluster.image(), IMAGE);

    let mut upgrades = 0;
    for page in pages().unwrap() {
        for words in helm_commands(&page).into_iter().filter(|words| words[0] == "upgrade") {
            let said = cluster.typed(&page, &words);
            let is_dry = words.iter().any(|word| word.starts_with("--dry-run"));
            let image = if is_dry { images(&said).join(" ") } else { cluster.image() };
            assert_eq!(image, IMAGE, "{}: {}", page.path.display(), words.join(" "));
            upgrades += 1;
        }
    }
    // The last one goes back, and leaves the definition to itself.
    assert_eq!(upgrades, 4);
    cluster.plane.kubectl_ok(["get", "crd", "logdrains.logs.scalingo.com"], None).unwrap();

    cluster.typed(&beginning, &uninstall);
    assert_eq!(cluster.image(), "");
}

#[test]
fn every_way_to_begin_names_an_image_of_ones_own() {
    let readme = page("README.md").unwrap();
    let place = setting::place(&readme);
    let helm = Helm::new(None).unwrap_or_else(|error| panic!("{error}"));
    let mut installs = helm_commands(&readme);
    installs.retain(|words| words[0] == "install");
    assert_eq!(installs.len(), 1);
    installs[0][0] = "template".to_owned();
    let charted = typed(helm.command(&installs[0]), &place.checkout()).unwrap();
    let mut command = setting::plane().kubectl();
    command.args(["kustomize", "../production"]);
    let kustomized = typed(command, &place.checkout()).unwrap();
    for objects in [charted, kustomized] {
        assert_eq!(images(&objects), [IMAGE]);
    }
}
