//! Create, update, patch and delete, in the order in which kube-apiserver checks things (`registry.Store`, `rest.BeforeUpdate`,
//! and the strategies of custom resources).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{
    definition::Definition,
    metadata,
    refusal::{Cause, Refusal, details},
    store::{Store, key},
};

/// What names are generated from.
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Where an object is, or is to be.
pub struct Place {
    pub index: usize,
    pub definition: Arc<Definition>,
    pub namespace: String,
    pub name: String,
}

/// An answer that is not a refusal.
pub struct Done {
    pub code: u16,
    pub body: Arc<Value>,
}

/// What an update is made from.
pub enum Update {
    Replace(Value),
    Merge(Value),
}

impl Done {
    fn ok(body: Arc<Value>) -> Self {
        Self { code: 200, body }
    }
}

impl Store {
    pub fn create(&mut self, place: &Place, body: Value) -> Result<Done, Refusal> {
        let Place { index, definition, namespace, .. } = place;
        let mut object = decode(place, body)?;
        let metadata = metadata::of_mut(&mut object);
        let mut name = metadata.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name.is_empty() {
            let Some(start) = metadata.get("generateName").and_then(Value::as_str) else {
                let cause = Cause(
                    "FieldValueRequired",
                    "metadata.name",
                    "Required value: name is required".to_owned(),
                );
                return Err(Refusal::invalid(definition, &definition.kind, &name, &[cause]));
            };
            start.clone_into(&mut name);
            name.extend((0..5).map(|_| char::from(SUFFIX[self.random.usize(..SUFFIX.len())])));
            metadata.insert("name".to_owned(), name.clone().into());
        }
        self.check_namespace(definition, namespace, &name)?;
        let metadata = metadata::of_mut(&mut object);
        if metadata.contains_key("resourceVersion") {
            let mut refusal = Refusal::of_code(500);
            refusal.reason = "";
            "resourceVersion should not be set on objects to be created".clone_into(&mut refusal.message);
            return Err(refusal);
        }
        if let Some(existing) = self.find(*index, namespace, &name) {
            return Err(if metadata::is_deleting(&existing.seen) {
                Refusal::still_deleting(definition, &name)
            } else {
                Refusal::already_exists(definition, &name)
            });
        }
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            metadata.remove(field);
        }
        metadata.insert("creationTimestamp".to_owned(), self.time());
        metadata.insert("uid".to_owned(), self.uid());
        if definition.namespaced {
            metadata.insert("namespace".to_owned(), namespace.clone().into());
        }
        if definition.is_custom() {
            metadata.insert("generation".to_owned(), 1.into());
        }
        if definition.status {
            object.remove("status");
        }
        let body = self.put(key(*index, namespace, &name), object);
        Ok(Done { code: 201, body })
    }

    fn check_namespace(&self, definition: &Definition, namespace: &str, name: &str) -> Result<(), Refusal> {
        let namespaces = self.definitions.iter().position(|definition| definition.plural == "namespaces");
        let (true, Some(index)) = (definition.namespaced, namespaces) else { return Ok(()) };
        match self.find(index, "", namespace) {
            None => Err(Refusal::not_found(&self.definitions[index], namespace)),
            Some(found) if metadata::is_deleting(&found.seen) => {
                Err(Refusal::namespace_terminating(definition, name, namespace))
            }
            Some(_) => Ok(()),
        }
    }

    /// Of the object, or of its status alone.
    pub fn update(&mut self, place: &Place, of_status: bool, update: Update) -> Result<Done, Refusal> {
        let Place { index, definition, namespace, name } = place;
        let mut replacement = match &update {
            Update::Replace(body) => Some(decode(place, body.clone())?),
            Update::Merge(_) => None,
        };
        let existing = match (self.find(*index, namespace, name), replacement) {
            (None, Some(mut new)) if definition.is_created_by_update() => {
                check_uid(place, new["metadata"]["uid"].as_str().unwrap_or_default(), &Value::Null)?;
                metadata::of_mut(&mut new).remove("resourceVersion");
                return self.create(place, Value::Object(new));
            }
            (None, _) => return Err(Refusal::not_found(definition, name)),
            (Some(existing), given) => {
                replacement = given;
                existing
            }
        };
        let (old, version) = (existing.seen.clone(), existing.version);
        let mut new = match (replacement, update) {
            (Some(new), _) => {
                let uid = new["metadata"]["uid"].as_str().unwrap_or_default();
                check_uid(place, uid, &old)?;
                new
            }
            (None, Update::Merge(patch) | Update::Replace(patch)) => {
                let mut patched = old.as_ref().clone();
                merge(&mut patched, patch);
                decode(place, patched)?
            }
        };
        let wanted = new["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        if wanted.is_empty() && !definition.takes_any_version() {
            let why = "Invalid value: 0: must be specified for an update".to_owned();
            let cause = Cause("FieldValueInvalid", "metadata.resourceVersion", why);
            return Err(Refusal::invalid(definition, &definition.plural, name, &[cause]));
        }
        if !wanted.is_empty() && wanted != version.to_string() {
            return Err(Refusal::modified(definition, name));
        }
        prepare(definition, &mut new, &old, of_status);
        let mut causes = forbidden_changes(&new, &old);
        if definition.is_custom() {
            // Their strategy validates metadata once more.
            causes = causes.iter().flat_map(|cause| [cause.clone(), cause.clone()]).collect();
        }
        if !causes.is_empty() {
            return Err(Refusal::invalid(definition, &definition.kind, name, &causes));
        }
        let new = Value::Object(new);
        let gone = metadata::is_deleting(&old) && metadata::finalizers(&new).is_empty();
        let (key, Value::Object(mut new)) = (key(*index, namespace, name), new) else {
            return Err(Refusal::of_code(500));
        };
        if gone && definition.kind != "Namespace" {
            self.remove(key);
            metadata::of_mut(&mut new).insert("resourceVersion".to_owned(), version.to_string().into());
            return Ok(Done::ok(Arc::new(Value::Object(new))));
        }
        Ok(Done::ok(self.put(key, new)))
    }

    pub fn delete(&mut self, place: &Place, options: &Value) -> Result<Done, Refusal> {
        let Place { index, definition, namespace, name } = place;
        let policy = options["propagationPolicy"].as_str().unwrap_or("Background");
        if policy != "Background" {
            return Err(Refusal::bad_request(format!("propagationPolicy {policy} is not offered")));
        }
        let existing =
            self.find(*index, namespace, name).ok_or_else(|| Refusal::not_found(definition, name))?;
        let (old, version) = (existing.seen.clone(), existing.version.to_string());
        let asked = &options["preconditions"];
        check_uid(place, asked["uid"].as_str().unwrap_or_default(), &old)
            .map_err(|refusal| refusal.of_kind(definition))?;
        if let Some(asked) = asked["resourceVersion"].as_str()
            && asked != version
        {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {asked}, ResourceVersion in object meta: {version}"
            );
            return Err(Refusal::conflict(definition, name, &why).of_kind(definition));
        }
        let key = key(*index, namespace, name);
        let is_namespace = definition.kind == "Namespace";
        if metadata::finalizers(&old).is_empty() && !is_namespace {
            self.remove(key);
            let mut details = details(definition, name);
            details["uid"] = old["metadata"]["uid"].clone();
            let body = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            return Ok(Done::ok(Arc::new(body)));
        }
        let Value::Object(mut object) = old.as_ref().clone() else { return Err(Refusal::of_code(500)) };
        let now = self.time();
        let metadata = metadata::of_mut(&mut object);
        if !metadata.contains_key("deletionTimestamp") {
            if let Some(generation) = metadata.get("generation").and_then(Value::as_u64) {
                metadata.insert("generation".to_owned(), (generation + 1).into());
            }
            metadata.insert("deletionTimestamp".to_owned(), now);
        }
        if is_namespace {
            object.insert("status".to_owned(), json!({"phase": "Terminating"}));
        } else {
            metadata.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
        }
        Ok(Done::ok(self.put(key, object)))
    }
}

/// The body as the server understands it, for this place.
fn decode(place: &Place, body: Value) -> Result<Map<String, Value>, Refusal> {
    let Place { definition, namespace, name, .. } = place;
    let Value::Object(mut object) = body else {
        return Err(Refusal::bad_request("the body of the request is not an object"));
    };
    for (field, expected) in [("apiVersion", definition.api_version()), ("kind", definition.kind.clone())] {
        let given = object.get(field).and_then(Value::as_str).unwrap_or_default();
        if given != expected && (definition.is_custom() || !given.is_empty()) {
            return Err(Refusal::bad_request(format!(
                "{field} in the data ({given}) does not match the expected one ({expected})"
            )));
        }
    }
    definition.decode(&mut object);
    let metadata = metadata::of_mut(&mut object);
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
    if !name.is_empty() && text("name") != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            text("name")
        )));
    }
    if !text("namespace").is_empty() && text("namespace") != namespace {
        let why = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(why));
    }
    if definition.namespaced {
        metadata.insert("namespace".to_owned(), namespace.clone().into());
    }
    Ok(object)
}

fn check_uid(place: &Place, asked: &str, object: &Value) -> Result<(), Refusal> {
    let uid = metadata::text(object, "uid");
    if asked.is_empty() || asked == uid {
        return Ok(());
    }
    let why = format!("Precondition failed: UID in precondition: {asked}, UID in object meta: {uid}");
    Err(Refusal::conflict(&place.definition, &place.name, &why))
}

/// Puts back what an update has no say in, and counts the generation.
fn prepare(definition: &Definition, new: &mut Map<String, Value>, old: &Value, of_status: bool) {
    let Value::Object(old) = old else { return };
    let old_metadata = &old["metadata"];
    if of_status {
        let status = new.remove("status");
        new.clone_from(old);
        new.remove("status");
        new.extend(status.map(|status| ("status".to_owned(), status)));
        return;
    }
    if definition.status {
        new.remove("status");
        new.extend(old.get("status").map(|status| ("status".to_owned(), status.clone())));
    }
    let content = |object: &Map<String, Value>| {
        let mut object = object.clone();
        object.remove("metadata");
        object
    };
    let changed = content(new) != content(old);
    let metadata = metadata::of_mut(new);
    metadata.remove("generation");
    if let Some(generation) = old_metadata["generation"].as_u64() {
        let generation = generation + u64::from(changed && definition.is_custom());
        metadata.insert("generation".to_owned(), generation.into());
    }
    if !metadata.contains_key("uid") {
        metadata.insert("uid".to_owned(), old_metadata["uid"].clone());
    }
    let kept = ["creationTimestamp", "deletionTimestamp"];
    for (field, value) in kept.map(|field| (field, old_metadata.get(field))) {
        metadata.extend(value.map(|value| (field.to_owned(), value.clone())));
    }
    if let Some(seconds) = old_metadata.get("deletionGracePeriodSeconds") {
        metadata.entry("deletionGracePeriodSeconds").or_insert_with(|| seconds.clone());
    }
}

fn forbidden_changes(new: &Map<String, Value>, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (new, old) = (&new["metadata"], &old["metadata"]);
    if old.get("deletionTimestamp").is_some() {
        let list = |metadata: &Value| metadata["finalizers"].as_array().cloned().unwrap_or_default();
        let held = list(old);
        let added: Vec<_> = list(new).into_iter().filter(|finalizer| !held.contains(finalizer)).collect();
        if !added.is_empty() {
            let added: Vec<_> = added.iter().map(Value::to_string).collect();
            let why = format!(
                "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause("FieldValueForbidden", "metadata.finalizers", why));
        }
    }
    for (name, field) in [
        ("name", "metadata.name"),
        ("namespace", "metadata.namespace"),
        ("uid", "metadata.uid"),
        ("creationTimestamp", "metadata.creationTimestamp"),
        ("deletionTimestamp", "metadata.deletionTimestamp"),
        ("deletionGracePeriodSeconds", "metadata.deletionGracePeriodSeconds"),
    ] {
        if new.get(name) != old.get(name) {
            let why = format!("Invalid value: {}: field is immutable", new[name]);
            causes.push(Cause("FieldValueInvalid", field, why));
        }
    }
    causes
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            if let Value::Object(target) = target {
                target.remove(&name);
            }
        } else {
            merge(&mut target[&name], value);
        }
    }
}
