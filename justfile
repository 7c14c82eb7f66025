# https://just.systems: `just` lists these, `just test` runs one.

_default:
    @just --list

# Format everything
fmt:
    cargo fmt --all

# What the compiler, clippy and rustdoc have to say
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# All tests; the first time builds a Kubernetes API server
test:
    cargo test --workspace

# Write crds/ from the code, and the chart's copy of it
crd:
    cargo run --quiet -- crd > target/logdrains.yaml
    mv target/logdrains.yaml crds/logs.scalingo.com_logdrains.yaml
    cp crds/logs.scalingo.com_logdrains.yaml deploy/chart/files/crds/

# Give the chart its copies of the alerts and the dashboard
monitoring:
    cp deploy/monitoring/prometheus-rule.yaml deploy/monitoring/dashboard.json deploy/chart/files/monitoring/

# The main job on this machine, with nothing installed; `just quickstart --exit` ends after the tour
quickstart *arguments:
    cargo run --example quickstart -- {{ arguments }}

# The image, as an OCI archive in target/image/; amd64 or arm64
image architecture="amd64":
    image/build {{ architecture }}

# What CI runs
ci:
    .ci/run
