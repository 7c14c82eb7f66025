{{/* All that the operator may do, the same as in deploy/rbac.yaml, which says what each is for. */}}
{{- define "logdrain-operator.rules" -}}
{{ include "logdrain-operator.logdrainRules" . }}
# The Secrets that a LogDrain names. List and watch let it see a change at once, and could read every Secret of the namespaces
# concerned: watchNamespaces bounds them.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
# Events on transitions.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* LogDrains and their status alone, the same as in deploy/components/namespace-deletion. */}}
{{- define "logdrain-operator.logdrainRules" -}}
# LogDrains: all of them, the newest form of one, and its finalizer.
- apiGroups: [logs.scalingo.com]
  resources: [logdrains]
  verbs: [get, list, watch, patch]
# The conditions and the record of the drains that are the operator's own.
- apiGroups: [logs.scalingo.com]
  resources: [logdrains/status]
  verbs: [update]
{{- end -}}
