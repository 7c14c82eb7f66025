//! From a resource and its Secrets to what is wanted. Reads Secrets, and keeps nothing of them but
//! the API token.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use secrecy::{ExposeSecret, SecretString};

use super::{
    context::{Cluster, Context},
    error::Error,
    view::token_place,
};
use crate::{
    crd::{LogDrain, LogDrainSpec, SecretKeyRef},
    drain::{
        Destination, DrainUrl,
        pasted::{self, Fault, Use},
    },
    scalingo::ApiToken,
    state::secrets::Version,
};

/// What Kubernetes demands of Secrets of these types: their keys.
const TYPED: [(&str, &str); 6] = [
    ("kubernetes.io/basic-auth", "username and password"),
    ("kubernetes.io/ssh-auth", "ssh-privatekey"),
    ("kubernetes.io/tls", "tls.crt and tls.key"),
    ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
    ("kubernetes.io/dockercfg", ".dockercfg"),
    ("kubernetes.io/service-account-token", "token, ca.crt and namespace"),
];

/// What a spec describes.
pub struct Described {
    /// Where the logs are to go.
    pub destination: Destination,
    /// The version of the Secret that holds a part of that, where it is one.
    pub secret_version: Option<String>,
}

/// A value of a Secret.
struct Value {
    text: SecretString,
    /// The version of the Secret.
    version: Option<String>,
}

/// The API token that the resource's Secret holds.
///
/// # Errors
/// When it is not there or cannot be one.
pub async fn api_token(context: &Context, object: &LogDrain) -> Result<ApiToken, Error> {
    const FIELD: &str = "apiTokenSecretRef";
    let secret = &object.spec.api_token_secret_ref;
    // It is the first that is read in a reconciliation.
    context.cluster.secrets.forget(&object.uid().unwrap_or_default());
    let value = read(&context.cluster, object, secret, (FIELD, Use::ApiToken)).await?;
    let value = value.map_err(|what| Error::ApiTokenNotFound { secret: secret.clone(), what })?;
    let token = ApiToken::new(value.text)
        .map_err(|error| unusable(FIELD, secret, format!("is unusable: {error}")))?;
    context.remember_token(object, &token, Version::of(value.version.as_deref()));
    Ok(token)
}

/// The same; the one that another has read there serves as long as the Secret stands in the version that it was read in.
///
/// # Errors
/// Those of the other.
pub async fn shared_api_token(context: &Context, object: &LogDrain) -> Result<ApiToken, Error> {
    let Some((token, version)) = context.tokens.at(&token_place(object)) else {
        return api_token(context, object).await;
    };
    let secret = &object.spec.api_token_secret_ref;
    context.cluster.secrets.forget(&object.uid().unwrap_or_default());
    if !context.cluster.secrets.rely_on(object, secret, version, Some(token.value())) {
        return api_token(context, object).await;
    }
    context.remember_token(object, &token, version);
    Ok(token)
}

/// Remembers the API token of a suspended resource, for when it is deleted after its Secret. Gives whether the Secret was read.
pub async fn remember_api_token(context: &Context, object: &LogDrain) -> bool {
    match api_token(context, object).await {
        Err(error @ (Error::Kubernetes(_) | Error::KubernetesTimeout(_))) => {
            tracing::debug!(%error, "the API token's Secret cannot be read");
            false
        }
        _ => true,
    }
}

/// The API token to delete with: the Secret's, else the last one that was read there.
///
/// # Errors
/// When there is none.
pub async fn api_token_for_deletion(context: &Context, object: &LogDrain) -> Result<ApiToken, Error> {
    let (secret, what) = match api_token(context, object).await {
        Err(Error::ApiTokenNotFound { secret, what }) => (secret, what),
        Err(error) if error.is_forbidden() => {
            (object.spec.api_token_secret_ref.clone(), "may not be read by the operator".to_owned())
        }
        other => return other,
    };
    let uid = object.uid().unwrap_or_default();
    let last = context.tokens.last_at(&uid, &token_place(object));
    let (token, version) = last.ok_or(Error::ApiTokenGone { secret, what })?;
    context.remember_token(object, &token, version);
    Ok(token)
}

/// The destination that the spec describes, with its secrets.
///
/// # Errors
/// When a Secret is not there or holds what cannot be used.
pub async fn destination(cluster: &Cluster, object: &LogDrain) -> Result<Described, Error> {
    let spec = &object.spec;
    let token = match &spec.token_secret_ref {
        Some(secret) => Some(value(cluster, object, secret, ("tokenSecretRef", Use::DrainToken)).await?),
        None => None,
    };
    let url = match &spec.url_secret_ref {
        Some(secret) => Some(value(cluster, object, secret, ("urlSecretRef", Use::Url)).await?),
        None => None,
    };
    let secret_version = match (&token, &url) {
        (Some(value), None) | (None, Some(value)) => value.version.clone(),
        _ => None,
    };
    let mut destination = destination_without_secrets(spec);
    destination.token = token.map(|token| token.text);
    if let Some(url) = url {
        destination.url = Some(DrainUrl::new(url.text.expose_secret().to_owned()));
    }
    Ok(Described { destination, secret_version })
}

/// The same without what stands in Secrets.
#[must_use]
pub fn destination_without_secrets(spec: &LogDrainSpec) -> Destination {
    Destination {
        host: spec.host.clone(),
        port: spec.port,
        drain_region: spec.drain_region.clone(),
        url: spec.url.clone().map(DrainUrl::new),
        ..spec.custom_type.as_deref().map_or_else(|| Destination::new(spec.drain_type), Destination::custom)
    }
}

/// The same of a resource that is being deleted; none where its Secrets do not tell any more.
///
/// # Errors
/// Those of the Kubernetes API: what it does not answer now it may tell later, and a drain may have to be put back by it.
pub async fn destination_for_deletion(
    cluster: &Cluster,
    object: &LogDrain,
) -> Result<Option<Destination>, Error> {
    if_it_can_be_known(destination(cluster, object).await.map(|described| described.destination))
}

fn if_it_can_be_known(destination: Result<Destination, Error>) -> Result<Option<Destination>, Error> {
    match destination {
        Err(Error::SecretNotFound { .. } | Error::SecretUnusable { .. } | Error::UrlOfTwoReadings { .. }) => {
            Ok(None)
        }
        destination => destination.map(Some),
    }
}

async fn value(
    cluster: &Cluster,
    object: &LogDrain,
    secret: &SecretKeyRef,
    (field, purpose): (&'static str, Use),
) -> Result<Value, Error> {
    let value = read(cluster, object, secret, (field, purpose)).await?;
    value.map_err(|what| Error::SecretNotFound { field, secret: secret.clone(), what })
}

/// One value of a Secret in the resource's own namespace, as it is meant; or what is missing.
async fn read(
    cluster: &Cluster,
    object: &LogDrain,
    secret: &SecretKeyRef,
    (field, purpose): (&'static str, Use),
) -> Result<Result<Value, String>, Error> {
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace);
    let reading = cluster.secrets.read(object, secret);
    let found = cluster.call(api.get_opt(&secret.name)).await?;
    reading.found(found.as_ref());
    let Some(mut found) = found else {
        return Ok(Err("is not there".to_owned()));
    };
    let Some(bytes) = found.data.take().unwrap_or_default().remove(&secret.key) else {
        return Ok(Err(without_key(&found, secret, field)));
    };
    let fault = match pasted::clean(&bytes.0, purpose) {
        Ok(text) => return Ok(Ok(Value { text, version: found.metadata.resource_version })),
        Err(fault) => fault,
    };
    let what = format!("{fault}{}", mend(&found, secret, (&namespace, purpose)));
    Err(match fault {
        Fault::TwoReadings => Error::UrlOfTwoReadings { secret: secret.clone(), what },
        _ => unusable(field, secret, what),
    })
}

/// What is said of a Secret without the key.
fn without_key(found: &Secret, secret: &SecretKeyRef, field: &str) -> String {
    let typed = TYPED.iter().find(|(type_, _)| Some(*type_) == found.type_.as_deref());
    let keys = typed.map(|(type_, keys)| {
        format!("; a Secret of type {type_} has {keys}: set spec.{field}.key to the one that holds the value")
    });
    let mut what = format!("has no key {}{}", secret.key, keys.unwrap_or_default());
    if found.immutable == Some(true) {
        what += "; the Secret is immutable: delete it and create it again with that key";
    }
    what
}

/// How to put another value there. What Scalingo has made can only be pasted again.
fn mend(found: &Secret, secret: &SecretKeyRef, (namespace, purpose): (&str, Use)) -> String {
    let is_immutable = found.immutable == Some(true);
    let (how, write) = if is_immutable {
        ("; the Secret is immutable: delete it and create it again", "kubectl replace --force --filename=-")
    } else {
        ("", "kubectl apply --filename=-")
    };
    if purpose != Use::ApiToken {
        return how.to_owned();
    }
    let SecretKeyRef { name, key } = secret;
    format!(
        "{how}; `kubectl create secret generic {name} --namespace={namespace} --from-file={key}=/dev/stdin --dry-run=client \
         --output=yaml | {write}` does it: paste the token, Enter, Ctrl-D"
    )
}

fn unusable(field: &'static str, secret: &SecretKeyRef, what: String) -> Error {
    Error::SecretUnusable { field, secret: secret.clone(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_not_answered_for_is_not_taken_for_gone() {
        let secret = SecretKeyRef { name: "logs".into(), key: "token".into() };
        let gone =
            Error::SecretNotFound { field: "tokenSecretRef", secret: secret.clone(), what: String::new() };
        let two = Error::UrlOfTwoReadings { secret: secret.clone(), what: String::new() };
        for error in [gone, two, unusable("tokenSecretRef", &secret, "is empty".to_owned())] {
            assert!(matches!(if_it_can_be_known(Err(error)), Ok(None)));
        }
        let unanswered = if_it_can_be_known(Err(Error::KubernetesTimeout(10)));
        assert!(matches!(unanswered, Err(Error::KubernetesTimeout(10))));
    }

    fn secret(type_: Option<&str>, immutable: Option<bool>) -> Secret {
        Secret { type_: type_.map(str::to_owned), immutable, ..Secret::default() }
    }

    #[test]
    fn a_typed_secret_and_an_immutable_one_are_told_how_they_can_hold_the_value() {
        let reference = SecretKeyRef { name: "logs".into(), key: "token".into() };
        let said = |type_, immutable| without_key(&secret(type_, immutable), &reference, "tokenSecretRef");
        assert_eq!(said(Some("Opaque"), Some(false)), "has no key token");
        assert_eq!(
            said(Some("kubernetes.io/basic-auth"), None),
            "has no key token; a Secret of type kubernetes.io/basic-auth has username and password: set \
             spec.tokenSecretRef.key to the one that holds the value"
        );
        let immutable = "the Secret is immutable: delete it and create it again";
        assert_eq!(said(None, Some(true)), format!("has no key token; {immutable} with that key"));

        let mend = |immutable, purpose| mend(&secret(None, immutable), &reference, ("shop", purpose));
        assert_eq!(mend(None, Use::DrainToken), "");
        assert_eq!(mend(Some(true), Use::Url), format!("; {immutable}"));
        let create = "`kubectl create secret generic logs --namespace=shop --from-file=token=/dev/stdin --dry-run=client --output=yaml";
        let paste = "does it: paste the token, Enter, Ctrl-D";
        assert_eq!(mend(None, Use::ApiToken), format!("; {create} | kubectl apply --filename=-` {paste}"));
        assert_eq!(
            mend(Some(true), Use::ApiToken),
            format!("; {immutable}; {create} | kubectl replace --force --filename=-` {paste}")
        );
    }
}
