# The image, by `docker build .`, podman or buildah. image/build makes the same without a base image: it takes the last stage alone.
FROM docker.io/library/rust:1-slim-bookworm AS build
ARG TARGETARCH
WORKDIR /source
COPY . .
RUN image/build "${TARGETARCH:?BuildKit, podman and buildah set it: build with one of them}" --files /files

# The operator and the certificate authorities it trusts, nothing else: no shell, no package manager, no C library.
FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="logdrain-operator" \
      org.opencontainers.image.description="Keeps Scalingo log drains as the LogDrain resources of a Kubernetes cluster say" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /files/logdrain-operator /logdrain-operator
COPY --from=build /files/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/logdrain-operator"]
CMD ["run"]
