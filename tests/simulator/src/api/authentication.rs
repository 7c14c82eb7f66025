use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Call, Credential};
use crate::destination::Refusal;
use crate::reply::Reply;
use crate::state::{Bearer, State};

fn unauthorized() -> Reply {
    Reply::error(401, "unauthorized")
}

/// The label of the API token that a credential is or comes from, valid or not.
pub(super) fn label(state: &State, credential: &Credential) -> Option<String> {
    let secret = match credential {
        Credential::Bearer(secret) | Credential::Basic { password: secret, .. } => secret,
        Credential::Missing | Credential::Unreadable => return None,
    };
    let bearer = state.bearers.get(secret).map(|bearer| bearer.label.clone());
    bearer.or_else(|| {
        state.tokens.iter().find(|token| token.secret == *secret).map(|token| token.label.clone())
    })
}

/// The label of the API token behind a valid bearer token.
pub(super) fn user(state: &State, call: &Call, now: Timestamp) -> Result<String, Refusal> {
    let secret = match call.credential() {
        Credential::Missing => return Err(Refusal::new(unauthorized(), "no credential")),
        Credential::Unreadable => {
            return Err(Refusal::new(unauthorized(), "unreadable Authorization header"));
        }
        // The form of the older documentation.
        Credential::Basic { user, password } if user.is_empty() => password,
        Credential::Basic { .. } => return Err(Refusal::new(unauthorized(), "Basic with a user name")),
        Credential::Bearer(secret) => secret,
    };
    if let Some(bearer) = state.bearers.get(&secret).filter(|bearer| bearer.expires > now) {
        return Ok(bearer.label.clone());
    }
    let complaint = "an API token in place of a bearer token".to_owned();
    let is_token = state.tokens.iter().any(|token| token.secret == secret);
    Err(Refusal { reply: unauthorized(), complaints: if is_token { vec![complaint] } else { Vec::new() } })
}

/// `POST /v1/tokens/exchange`.
pub(super) fn exchange(state: &mut State, call: &Call, now: Timestamp) -> Result<Reply, Refusal> {
    let secret = match call.credential() {
        Credential::Missing => return Err(Refusal::new(unauthorized(), "no credential")),
        Credential::Unreadable => {
            return Err(Refusal::new(unauthorized(), "unreadable Authorization header"));
        }
        Credential::Bearer(_) => return Err(Refusal::new(unauthorized(), "an exchange needs Basic")),
        Credential::Basic { user, .. } if !user.is_empty() => {
            return Err(Refusal::new(unauthorized(), "Basic with a user name"));
        }
        Credential::Basic { password, .. } => password,
    };
    if !call.query.is_empty() {
        let text = "unknown parameter";
        return Err(Refusal::new(Reply::error(400, text), text));
    }
    if !call.body.is_empty() {
        let body = json_body(call)?;
        if body != json!({}) {
            let text = "the body of an exchange is {}";
            return Err(Refusal::new(Reply::error(400, text), text));
        }
    }
    let Some(token) = state.tokens.iter().find(|token| token.secret == secret && !token.revoked) else {
        return Ok(unauthorized());
    };
    let label = token.label.clone();
    let expires = now
        .checked_add(SignedDuration::from_secs(i64::from(state.settings.bearer_seconds)))
        .unwrap_or(Timestamp::MAX);
    let jwt = jwt(state, &label, now, expires);
    state.bearers.insert(jwt.clone(), Bearer { label, expires });
    Ok(Reply::json(200, &json!({ "token": jwt })))
}

fn jwt(state: &mut State, label: &str, now: Timestamp, expires: Timestamp) -> String {
    let header = json!({ "alg": "HS512", "typ": "JWT" });
    let claims = json!({
        "iss": "Scalingo simulator", "sub": label, "jti": state.uuid(), "iat": now.as_second(), "exp": expires.as_second(),
    });
    let signature: [u8; 64] = std::array::from_fn(|_| state.random.u8(..));
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes()),
        encode(&signature)
    )
}

/// The body of a request that must have one in JSON.
pub(super) fn json_body(call: &Call) -> Result<Value, Refusal> {
    if !call.is_json() {
        let text = "the content type of a body must be application/json";
        return Err(Refusal::new(Reply::error(415, text), text));
    }
    serde_json::from_slice(&call.body).map_err(|_| {
        let text = "the body is not JSON";
        Refusal::new(Reply::error(400, text), text)
    })
}
