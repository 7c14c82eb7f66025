{{/* The name of all objects: the chart's, with the release's before it where that does not hold it already. A release
may have dots in its name; a Service may not, and the operator takes no Lease with one. */}}
{{- define "logdrain-operator.name" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | replace "." "-" | trunc 46 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods; it may not change in the life of a release. */}}
{{- define "logdrain-operator.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "logdrain-operator.labels" -}}
{{ include "logdrain-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Of a list: labels of the chart, as YAML, and those of a value. Where both have one, it is the chart's. */}}
{{- define "logdrain-operator.withLabels" -}}
{{- merge (index . 0 | fromYaml) (index . 1) | toYaml -}}
{{- end -}}

{{/* Two releases in one namespace must not share a Lease. */}}
{{- define "logdrain-operator.lease" -}}
{{- .Values.leaderElection.leaseName | default (include "logdrain-operator.name" .) -}}
{{- end -}}

{{- define "logdrain-operator.adminPort" -}}
{{- .Values.adminAddress | splitList ":" | last -}}
{{- end -}}
