//! How a version is tagged.

use documents::{commands, page};

use super::tools::Shell;

#[test]
fn the_tag_that_is_pushed_is_that_of_the_version() {
    let page = page("docs/releasing.md").unwrap();
    let block = page.blocks().into_iter().find(|block| block.text.contains("git tag")).unwrap();
    let lines: Vec<String> =
        block.text.lines().filter(|line| line.starts_with("git ")).map(str::to_owned).collect();
    let typed = commands(&block.text).unwrap();
    assert_eq!(lines.len(), typed.iter().filter(|words| words[0] == "git").count());

    let shell = Shell::with(&[]);
    let place = tempfile::tempdir().unwrap();
    let names =
        "git config --global user.name maintainer && git config --global user.email maintainer@example.com";
    let begin = "git init --quiet --bare origin && git clone --quiet origin checkout 2>&1 && \
        git -C checkout commit --quiet --allow-empty --message all && git -C checkout push --quiet origin HEAD";
    for lines in [names, begin] {
        shell.types(lines, place.path()).unwrap();
    }
    shell.types(&lines.join("\n"), &place.path().join("checkout")).unwrap();

    let tags = "git -C origin for-each-ref --format='%(refname:short) %(objecttype)' refs/tags";
    let expected = concat!("v", env!("CARGO_PKG_VERSION"), " tag\n");
    assert_eq!(shell.types(tags, place.path()).unwrap(), expected);
}
