{{/* The command line: what is not set is left to the operator's own defaults. */}}
{{- define "logdrain-operator.ownArguments" -}}
- run
{{- range .Values.watchNamespaces | uniq }}
- --watch-namespace={{ . }}
{{- end }}
{{- range $flag, $value := dict
  "requests-per-minute" .Values.requestsPerMinute
  "max-concurrent-reconciles" .Values.maxConcurrentReconciles
  "feed-interval" .Values.feedInterval
  "resync" .Values.resync
  "sweep-interval" .Values.sweepInterval
  "gone-after" .Values.goneAfter
  "api-url" .Values.apiUrl
  "auth-url" .Values.authUrl
}}
{{- if $value }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- end }}
{{- if .Values.allowHttp }}
- --allow-http
{{- end }}
{{- if ne .Values.log.format "text" }}
- --log-format={{ .Values.log.format }}
{{- end }}
{{- if ne .Values.adminAddress "[::]:8080" }}
- {{ printf "--admin-address=%s" .Values.adminAddress | quote }}
{{- end }}
{{- if include "logdrain-operator.caVolume" . }}
- --ca-file=/etc/logdrain-operator/ca/ca.crt
{{- end }}
{{- if .Values.leaderElection.enabled }}
{{- $lease := include "logdrain-operator.lease" . }}
{{- if ne $lease "logdrain-operator" }}
- --lease-name={{ $lease }}
{{- end }}
{{- with .Values.leaderElection }}
{{- range $flag, $value := dict
  "lease-namespace" .leaseNamespace
  "lease-duration" .leaseDuration
  "renew-deadline" .renewDeadline
  "retry-period" .retryPeriod
}}
{{- if $value }}
- --{{ $flag }}={{ $value }}
{{- end }}
{{- end }}
{{- end }}
{{- else }}
- --no-leader-election
{{- end }}
{{- end -}}

{{- define "logdrain-operator.arguments" -}}
{{- include "logdrain-operator.ownArguments" . }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "logdrain-operator.environment" -}}
# For LogDrains that name no region.
- name: SCALINGO_REGION
  value: {{ .Values.region | quote }}
{{- with .Values.log.level }}
- name: RUST_LOG
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The source of the further certificate authorities; empty where there are none. */}}
{{- define "logdrain-operator.caVolume" -}}
{{- with .Values.certificateAuthority }}
{{- if .configMap.name -}}
configMap:
  name: {{ .configMap.name | quote }}
  items:
  - key: {{ .configMap.key | quote }}
    path: ca.crt
{{- else if .secret.name -}}
secret:
  secretName: {{ .secret.name | quote }}
  items:
  - key: {{ .secret.key | quote }}
    path: ca.crt
{{- end }}
{{- end }}
{{- end -}}
