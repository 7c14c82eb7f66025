use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::TempDir;

use super::{CONTROLLER_MANAGER, Search, control_plane, controller_manager};
use crate::Error;
use crate::go_build::{Place, version};

/// With the `go` of that name in `fixtures`, and an empty cache.
fn search(cache: &TempDir, go: &str) -> Search {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(go);
    let place = Place { cache: cache_directory(cache), path: path.into_os_string() };
    Search { assets: None, place: Some(place) }
}

fn without_go(cache: &TempDir) -> Search {
    Search { assets: None, place: Some(Place { cache: cache_directory(cache), path: OsString::new() }) }
}

fn cache_directory(cache: &TempDir) -> PathBuf {
    cache.path().join("deep").join("control-plane")
}

fn digest() -> String {
    control_plane().digest()
}

fn missing(directory: &Path) -> Option<&'static str> {
    control_plane().missing(directory)
}

fn contents(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn complete(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (name, ..) in control_plane().programs {
        fs::write(directory.join(name), "").unwrap();
    }
}

#[test]
fn without_go_it_says_what_to_install() {
    let cache = TempDir::new().unwrap();
    let error = without_go(&cache).find().unwrap_err();
    assert!(matches!(error, Error::NoGo { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(
            "no `go` on PATH. Install Go 1.26.0 or newer (https://go.dev/dl), or set KUBEBUILDER_ASSETS"
        ),
        "{text}"
    );
}

#[test]
fn with_an_old_go_it_says_which_is_needed() {
    let cache = TempDir::new().unwrap();
    let error = search(&cache, "go-too-old").find().unwrap_err();
    assert!(matches!(error, Error::GoTooOld { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("go-too-old/go is go1.24.3, but building etcd, kube-apiserver and kubectl needs Go 1.26.0 or newer"),
        "{text}"
    );
}

#[test]
fn without_network_and_cache_it_says_so_and_what_go_said() {
    let cache = TempDir::new().unwrap();
    let search = search(&cache, "go-offline");
    let error = search.find().unwrap_err();
    assert!(matches!(error, Error::Download { .. }), "{error:?}");
    let text = error.to_string();
    for part in
        ["could not be downloaded", "no earlier build", "GOPROXY", "KUBEBUILDER_ASSETS", "no such host"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(contents(&cache_directory(&cache)), ["lock"]);
}

#[test]
fn a_failed_build_leaves_nothing_in_the_cache() {
    let cache = TempDir::new().unwrap();
    let search = search(&cache, "go-failing");
    let error = search.find().unwrap_err();
    assert!(matches!(error, Error::Build { program: "kubectl", .. }), "{error:?}");
    assert!(error.to_string().contains("link: signal: killed"), "{error}");
    assert_eq!(contents(&cache_directory(&cache)), ["lock"]);
}

#[test]
fn builders_at_once_build_once() {
    let cache = TempDir::new().unwrap();
    let found: Vec<_> = thread::scope(|scope| {
        let builders: Vec<_> = (0..4).map(|_| scope.spawn(|| search(&cache, "go-working").find())).collect();
        builders.into_iter().map(|builder| builder.join().unwrap().unwrap()).collect()
    });
    assert!(
        found.iter().all(|binaries| binaries.directory == cache_directory(&cache).join(digest())),
        "{found:?}"
    );
    assert_eq!(missing(&found[0].directory), None);
    let builds = fs::read_to_string(cache_directory(&cache).join("builds")).unwrap();
    assert_eq!(
        builds.lines().collect::<Vec<_>>(),
        control_plane().programs.iter().map(|(_, package, _)| *package).collect::<Vec<_>>()
    );
    assert_eq!(contents(&cache_directory(&cache)), [digest().as_str(), "builds", "lock"]);
}

#[test]
fn what_is_cached_needs_no_go() {
    let cache = TempDir::new().unwrap();
    let search = without_go(&cache);
    complete(&cache_directory(&cache).join(digest()));
    assert_eq!(search.find().unwrap().kubectl(), cache_directory(&cache).join(digest()).join("kubectl"));
}

#[test]
fn an_incomplete_cache_is_built_again() {
    let cache = TempDir::new().unwrap();
    let search = search(&cache, "go-working");
    let directory = cache_directory(&cache).join(digest());
    complete(&directory);
    fs::remove_file(directory.join("kubectl")).unwrap();
    fs::create_dir(cache_directory(&cache).join("building-interrupted")).unwrap();
    search.find().unwrap();
    assert_eq!(missing(&directory), None);
    assert_eq!(contents(&cache_directory(&cache)), [digest().as_str(), "builds", "lock"]);
}

#[test]
fn assets_are_used_as_they_are_or_refused() {
    let cache = TempDir::new().unwrap();
    let assets = TempDir::new().unwrap();
    complete(assets.path());
    let search = Search { assets: Some(assets.path().to_owned()), ..search(&cache, "go-working") };
    assert_eq!(search.find().unwrap().etcd(), assets.path().join("etcd"));

    fs::remove_file(assets.path().join("kube-apiserver")).unwrap();
    let error = search.find().unwrap_err();
    assert!(matches!(error, Error::AssetMissing { program: "kube-apiserver", .. }), "{error:?}");
    assert!(error.to_string().contains("Unset it"), "{error}");
    assert!(!cache_directory(&cache).exists(), "nothing is to be built");
}

#[test]
fn the_controller_manager_is_built_apart_and_only_where_the_assets_lack_it() {
    let cache = TempDir::new().unwrap();
    let assets = TempDir::new().unwrap();
    complete(assets.path());
    let search = Search { assets: Some(assets.path().to_owned()), ..search(&cache, "go-working") };
    let built = cache_directory(&cache).join(controller_manager().digest());
    assert_eq!(search.find_controller_manager().unwrap(), built);
    assert_eq!(contents(&built), [CONTROLLER_MANAGER]);

    fs::write(assets.path().join(CONTROLLER_MANAGER), "").unwrap();
    assert_eq!(search.find_controller_manager().unwrap(), assets.path());
    let builds = fs::read_to_string(cache_directory(&cache).join("builds")).unwrap();
    assert_eq!(builds, "k8s.io/kubernetes/cmd/kube-controller-manager\n");
}

#[test]
fn compares_versions_by_number() {
    assert_eq!(version("go1.26.8"), Some([1, 26, 8]));
    assert_eq!(version("1.26.0"), Some([1, 26, 0]));
    assert_eq!(version("go1.27rc1"), Some([1, 27, 0]));
    assert_eq!(version("devel go1.28-abcdef Mon"), Some([1, 28, 0]));
    assert_eq!(version("go1.26.8 X:nocoverageredesign"), Some([1, 26, 8]));
    assert_eq!(version(""), None);
    assert_eq!(version("gccgo"), None);
    assert!(version("go1.9.7") < version("go1.26.0"));
    assert!(version(control_plane().go_needed()) >= Some([1, 26, 0]), "{}", control_plane().go_needed());
}
