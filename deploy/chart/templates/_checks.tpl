{{/* What the schema cannot say in words: values that do not go together. */}}
{{- define "logdrain-operator.checks" -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicas) 1) -}}
{{- fail (printf "replicas is %d and leaderElection.enabled is false: two operators would work at once. Set replicas to 1, or leaderElection.enabled to true." (int .Values.replicas)) -}}
{{- end -}}
{{- if or (hasPrefix "127." .Values.adminAddress) (regexMatch "^\\[[0:]*:0*1\\]:" .Values.adminAddress) -}}
{{- fail (printf "adminAddress is %s: nobody outside of the pod reaches that, neither the kubelet's probes nor Prometheus. Set it to 0.0.0.0 or [::] with a port." .Values.adminAddress) -}}
{{- end -}}
{{- with .Values.certificateAuthority -}}
{{- if and .configMap.name .secret.name -}}
{{- fail "certificateAuthority names a ConfigMap and a Secret: name one of them." -}}
{{- end -}}
{{- end -}}
{{- end -}}
