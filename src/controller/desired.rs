//! From a resource and its Secrets to what is wanted. Reads Secrets, and keeps nothing of them but
//! the API token.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use secrecy::{ExposeSecret, SecretString};

use super::{context::Context, error::Error, secrets::without_line_break};
use crate::{
    crd::{LogDrain, SecretKeyRef},
    drain::{Destination, DrainUrl},
    scalingo::ApiToken,
};

/// Longest value that is sent to Scalingo.
const LONGEST_VALUE: usize = 4096;

enum Missing {
    Secret,
    Key,
}

impl Missing {
    fn describe(&self, secret: &SecretKeyRef) -> String {
        match self {
            Self::Secret => "is not there".to_owned(),
            Self::Key => format!("has no key {}", secret.key),
        }
    }
}

/// The API token that the resource's Secret holds.
///
/// # Errors
/// When it is not there or cannot be one.
pub async fn api_token(context: &Context, object: &LogDrain) -> Result<ApiToken, Error> {
    const FIELD: &str = "apiTokenSecretRef";
    let secret = &object.spec.api_token_secret_ref;
    // It is the first that is read in a reconciliation.
    context.secrets.forget(&object.uid().unwrap_or_default());
    let value = read(context, object, secret, FIELD).await?.map_err(|missing| Error::ApiTokenNotFound {
        secret: secret.clone(),
        what: missing.describe(secret),
    })?;
    let token =
        ApiToken::new(value).map_err(|error| unusable(FIELD, secret, &format!("is unusable: {error}")))?;
    if let Some(uid) = object.uid() {
        context.remember_token(&uid, &token);
    }
    Ok(token)
}

/// The API token to delete with: the Secret's, else the last one known.
///
/// # Errors
/// When there is none.
pub async fn api_token_for_deletion(context: &Context, object: &LogDrain) -> Result<ApiToken, Error> {
    match api_token(context, object).await {
        Err(Error::ApiTokenNotFound { secret, what }) => {
            let last = object.uid().and_then(|uid| context.last_token(&uid));
            last.ok_or(Error::ApiTokenGone { secret, what })
        }
        other => other,
    }
}

/// The destination that the spec describes, with its secrets.
///
/// # Errors
/// When a Secret is not there or holds what cannot be used.
pub async fn destination(context: &Context, object: &LogDrain) -> Result<Destination, Error> {
    let spec = &object.spec;
    let token = match &spec.token_secret_ref {
        Some(secret) => Some(value(context, object, secret, "tokenSecretRef").await?),
        None => None,
    };
    let url = match &spec.url_secret_ref {
        Some(secret) => Some(url(context, object, secret).await?),
        None => spec.url.clone().map(DrainUrl::new),
    };
    Ok(Destination {
        token,
        host: spec.host.clone(),
        port: spec.port,
        drain_region: spec.drain_region.clone(),
        url,
        ..spec.custom_type.as_deref().map_or_else(|| Destination::new(spec.drain_type), Destination::custom)
    })
}

/// The same of a resource that is being deleted; none where its Secrets do not tell any more.
///
/// # Errors
/// Those of the Kubernetes API: what it does not answer now it may tell later, and a drain may have to be put back by it.
pub async fn destination_for_deletion(
    context: &Context,
    object: &LogDrain,
) -> Result<Option<Destination>, Error> {
    if_it_can_be_known(destination(context, object).await)
}

fn if_it_can_be_known(destination: Result<Destination, Error>) -> Result<Option<Destination>, Error> {
    match destination {
        Err(Error::SecretNotFound { .. } | Error::SecretUnusable { .. }) => Ok(None),
        destination => destination.map(Some),
    }
}

async fn url(context: &Context, object: &LogDrain, secret: &SecretKeyRef) -> Result<DrainUrl, Error> {
    const FIELD: &str = "urlSecretRef";
    let value = value(context, object, secret, FIELD).await?;
    let text = value.expose_secret();
    let is_url = url::Url::parse(text).is_ok_and(|url| url.has_host());
    if !is_url || text.chars().any(char::is_whitespace) {
        return Err(unusable(FIELD, secret, "is not a URL such as https://user:password@elk.example.com"));
    }
    Ok(DrainUrl::new(text.to_owned()))
}

async fn value(
    context: &Context,
    object: &LogDrain,
    secret: &SecretKeyRef,
    field: &'static str,
) -> Result<SecretString, Error> {
    let value = read(context, object, secret, field).await?.map_err(|missing| Error::SecretNotFound {
        field,
        secret: secret.clone(),
        what: missing.describe(secret),
    })?;
    let text = value.expose_secret();
    let wrong = if text.is_empty() {
        "is empty"
    } else if text.len() > LONGEST_VALUE {
        "is longer than 4096 bytes"
    } else if text.chars().any(char::is_control) {
        "holds a control character, such as a line break in the middle"
    } else {
        return Ok(value);
    };
    Err(unusable(field, secret, wrong))
}

/// One value of a Secret in the resource's own namespace, without the line break that ends it.
async fn read(
    context: &Context,
    object: &LogDrain,
    secret: &SecretKeyRef,
    field: &'static str,
) -> Result<Result<SecretString, Missing>, Error> {
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let reading = context.secrets.read(object, secret);
    let found = context.kubernetes(api.get_opt(&secret.name)).await?;
    reading.found(found.as_ref());
    let Some(found) = found else {
        return Ok(Err(Missing::Secret));
    };
    let Some(bytes) = found.data.unwrap_or_default().remove(&secret.key) else {
        return Ok(Err(Missing::Key));
    };
    let Ok(text) = std::str::from_utf8(without_line_break(&bytes.0)) else {
        return Err(unusable(field, secret, "is not UTF-8 text"));
    };
    Ok(Ok(SecretString::from(text)))
}

fn unusable(field: &'static str, secret: &SecretKeyRef, what: &str) -> Error {
    Error::SecretUnusable { field, secret: secret.clone(), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_not_answered_for_is_not_taken_for_gone() {
        let secret = SecretKeyRef { name: "logs".into(), key: "token".into() };
        let gone =
            Error::SecretNotFound { field: "tokenSecretRef", secret: secret.clone(), what: String::new() };
        for error in [gone, unusable("tokenSecretRef", &secret, "is empty")] {
            assert!(matches!(if_it_can_be_known(Err(error)), Ok(None)));
        }
        let unanswered = if_it_can_be_known(Err(Error::KubernetesTimeout(10)));
        assert!(matches!(unanswered, Err(Error::KubernetesTimeout(10))));
    }
}
