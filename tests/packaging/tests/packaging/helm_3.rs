//! Helm 3, which most clusters still use: it makes the same of the chart as Helm 4, whose objects the other tests look at.

use packaging::{Helm, chart};

use super::cases::cases;
use super::cluster::{HOME, OLDEST, path, render};

#[test]
fn helm_3_makes_the_same_objects_as_helm_4_in_each_case() {
    let [(_, four), (_, three)] = Helm::both(None).unwrap();
    for case in cases() {
        let [four, three] = [&four, &three].map(|helm| {
            render(helm, "logdrain-operator", HOME, &case.values)
                .unwrap_or_else(|error| panic!("{}: {error}", case.what))
        });
        assert_eq!(three, four, "{}", case.what);
    }
}

#[test]
fn an_older_kubernetes_is_refused_with_the_flag_that_names_another() {
    let chart = chart();
    for (version, helm) in Helm::both(None).unwrap() {
        let rendered = |kubernetes: &str| {
            helm.run(["template", "logdrain-operator", path(&chart), "--kube-version", kubernetes])
        };
        for (older, named) in [("1.32.9", "v1.32.9"), ("v1.32.8-eks-1", "v1.32.8"), ("1.20.0", "v1.20.0")] {
            let error = rendered(older).unwrap_err();
            for part in
                [&format!("Kubernetes {named}"), " is older than 1.33", "such as --kube-version 1.33.0."]
            {
                assert!(error.contains(part), "{version}: {part} in {error}");
            }
        }
        for taken in [OLDEST, "v1.33.0-eks-1234567", "1.34.1+k3s1"] {
            rendered(taken).unwrap_or_else(|error| panic!("{version}: {taken}: {error}"));
        }
    }
}
