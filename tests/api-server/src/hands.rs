//! What a person does with kubectl, or behind everybody's back, and what an observer sees. None of it is in the journal.

use serde_json::{Value, json};

use crate::{
    definition::Definition,
    journal::Entry,
    metadata,
    refusal::Refusal,
    server::ApiServer,
    store::{Backup, Store, key},
    write::{Place, Update},
};

/// What of an object a manifest says, besides its metadata.
const CONTENT: [&str; 4] = ["spec", "data", "stringData", "type"];

/// As a person.
impl ApiServer {
    /// As `kubectl apply`: creates the object, and its namespace, or makes its spec (or data) and the labels and annotations
    /// that are given be as given; finalizers and status stay. Returns what is there now.
    ///
    /// # Errors
    /// The server's refusal.
    pub fn apply(&self, object: Value) -> Result<Value, Refusal> {
        self.ensure_namespace(metadata::text(&object, "namespace"));
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        self.write(&kind, |store, mut place| {
            metadata::text(&object, "namespace").clone_into(&mut place.namespace);
            let name = metadata::text(&object, "name").to_owned();
            let Some(existing) = store.find(place.index, &place.namespace, &name) else {
                return store.create(&place, object);
            };
            let mut next = existing.seen.as_ref().clone();
            for field in CONTENT {
                if let Some(value) = object.get(field) {
                    next[field] = value.clone();
                }
            }
            for field in ["labels", "annotations"] {
                for (name, value) in object["metadata"][field].as_object().into_iter().flatten() {
                    next["metadata"][field][name] = value.clone();
                }
            }
            place.name = name;
            store.update(&place, false, Update::Replace(next))
        })
    }

    /// As `kubectl edit`: the object as the change leaves it, but for its status.
    ///
    /// # Errors
    /// The server's refusal; 404 where there is no such object.
    pub fn edit(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, Refusal> {
        self.change(kind, namespace, name, false, change)
    }

    /// As `kubectl edit --subresource=status`.
    ///
    /// # Errors
    /// The server's refusal; 404 where there is no such object.
    pub fn edit_status(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, Refusal> {
        self.change(kind, namespace, name, true, change)
    }

    /// As `kubectl delete --wait=false`.
    ///
    /// # Errors
    /// The server's refusal; 404 where there is no such object.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, Refusal> {
        self.write(kind, |store, mut place| {
            (place.namespace, place.name) = (namespace.to_owned(), name.to_owned());
            store.delete(&place, &Value::Null)
        })
    }

    /// As `kubectl delete namespace` and the namespace controller: nothing new may come, and everything in it is deleted, kind
    /// by kind in the order of the definitions. Call it again until it answers true, when nothing is left and the namespace
    /// itself is gone.
    #[must_use]
    pub fn delete_namespace(&self, namespace: &str) -> bool {
        let _ = self.delete("Namespace", "", namespace);
        let definitions = self.shared.state().store.definitions.clone();
        let mut left = false;
        for definition in definitions.iter().filter(|definition| definition.namespaced) {
            for object in self.list(&definition.kind, namespace) {
                let name = metadata::text(&object, "name");
                if !metadata::is_deleting(&object) {
                    let _ = self.delete(&definition.kind, namespace, name);
                }
                left |= self.get(&definition.kind, namespace, name).is_some();
            }
        }
        if !left {
            self.remove_without_finalizer("Namespace", "", namespace);
        }
        !left
    }

    /// Takes an object out of the store, whatever its finalizers; returns it as it was.
    #[expect(clippy::must_use_candidate, reason = "it is called for its effect")]
    pub fn remove_without_finalizer(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let removed = {
            let mut state = self.shared.state();
            let (index, _) = definition(&state.store, kind)?;
            state.store.remove(key(index, namespace, name))
        };
        self.shared.wake();
        removed.map(|object| object.as_ref().clone())
    }

    /// Puts an object into the store as it is, uid, times and status included, as a backup of etcd would. Only its resource
    /// version is new.
    pub fn restore(&self, object: &Value) {
        let (namespace, name) = (metadata::text(object, "namespace"), metadata::text(object, "name"));
        self.ensure_namespace(namespace);
        {
            let mut state = self.shared.state();
            let kind = object["kind"].as_str().unwrap_or_default();
            if let (Some((index, _)), Value::Object(object)) = (definition(&state.store, kind), object) {
                state.store.put(key(index, namespace, name), object.clone());
            }
        }
        self.shared.wake();
    }

    /// A backup of etcd.
    #[must_use]
    pub fn backup(&self) -> Backup {
        self.shared.state().store.backup()
    }

    /// Etcd is restored from a backup, so that versions go back. The connections of all open watches break: the server is
    /// stopped meanwhile. One that is begun from a later version is told nothing until the versions are as high again.
    pub fn roll_back(&self, to: &Backup) {
        self.shared.state().store.roll_back(to);
        self.break_watches();
    }

    /// Creates a namespace, unless it is there.
    pub fn ensure_namespace(&self, name: &str) {
        if !name.is_empty() && self.get("Namespace", "", name).is_none() {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let _ = self.write("Namespace", |store, place| store.create(&place, namespace));
        }
    }

    fn change(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        of_status: bool,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, Refusal> {
        self.write(kind, |store, mut place| {
            (place.namespace, place.name) = (namespace.to_owned(), name.to_owned());
            let found = store.find(place.index, namespace, name);
            let found = found.ok_or_else(|| Refusal::not_found(&place.definition, name))?;
            let mut object = found.seen.as_ref().clone();
            change(&mut object);
            store.update(&place, of_status, Update::Replace(object))
        })
    }

    fn write(
        &self,
        kind: &str,
        write: impl FnOnce(&mut Store, Place) -> Result<crate::write::Done, Refusal>,
    ) -> Result<Value, Refusal> {
        let done = {
            let mut state = self.shared.state();
            let (index, definition) = definition(&state.store, kind).ok_or_else(Refusal::no_such_path)?;
            let place = Place { index, definition, namespace: String::new(), name: String::new() };
            write(&mut state.store, place)
        };
        self.shared.wake();
        done.map(|done| done.body.as_ref().clone())
    }
}

/// As an observer.
impl ApiServer {
    /// An object as it is now.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let state = self.shared.state();
        let (index, _) = definition(&state.store, kind)?;
        state.store.find(index, namespace, name).map(|object| object.seen.as_ref().clone())
    }

    /// All objects of a kind by name, in a namespace or, where that is empty, in all.
    #[must_use]
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let state = self.shared.state();
        let Some((index, _)) = definition(&state.store, kind) else { return Vec::new() };
        state.store.list(index, namespace).iter().map(|object| object.as_ref().clone()).collect()
    }

    /// Whether each object of a kind, in all namespaces, is as asked for. It copies none, and looks no further than the first
    /// that is not.
    #[must_use]
    pub fn is_each(&self, kind: &str, is_meant: impl Fn(&Value) -> bool) -> bool {
        let state = self.shared.state();
        let Some((index, _)) = definition(&state.store, kind) else { return true };
        state.store.each(index).all(is_meant)
    }

    /// The version of the latest change of anything.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        self.shared.state().store.version
    }

    /// The server's time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.shared.state().store.now()
    }

    /// What became of each request of a client, in the order in which they took effect.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.state().journal.clone()
    }

    /// The journal, which begins anew.
    #[must_use]
    pub fn take_journal(&self) -> Vec<Entry> {
        std::mem::take(&mut self.shared.state().journal)
    }

    /// How many requests clients have sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.state().requests
    }

    /// How many requests of clients have changed something.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.shared.state().changes
    }
}

/// What happens to watches.
impl ApiServer {
    /// All open watches end with 410, and so does each that begins at a version told so far.
    pub fn expire_watches(&self) {
        let mut state = self.shared.state();
        state.store.forget_changes();
        drop(state);
        self.shared.wake();
    }

    /// All open watches end as by a time-out.
    pub fn end_watches(&self) {
        self.shared.state().ended += 1;
        self.shared.wake();
    }

    /// The connections of all open watches break.
    pub fn break_watches(&self) {
        self.shared.state().broken += 1;
        self.shared.wake();
    }
}

fn definition(store: &Store, kind: &str) -> Option<(usize, std::sync::Arc<Definition>)> {
    let mut all = store.definitions.iter().enumerate();
    all.find(|(_, definition)| definition.kind == kind).map(|(index, definition)| (index, definition.clone()))
}
