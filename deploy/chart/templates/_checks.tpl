{{/* What the schema cannot say in words: values that do not go together. */}}
{{- define "logdrain-operator.checks" -}}
{{- if semverCompare "<1.33.0-0" .Capabilities.KubeVersion.Version -}}
{{- fail (printf "Kubernetes %s is older than 1.33, the oldest that the operator is built for. Helm does not ask the cluster in `helm template`: it takes the version that it was built with. Name the cluster's version, such as --kube-version 1.33.0." .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if and (eq .Values.dnsPolicy "None") (not (dig "nameservers" list .Values.dnsConfig)) -}}
{{- fail "dnsPolicy is None and dnsConfig.nameservers is empty: the pods would have no DNS server. Name one in dnsConfig.nameservers, or leave dnsPolicy empty." -}}
{{- end -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicas) 1) -}}
{{- fail (printf "replicas is %d and leaderElection.enabled is false: two operators would work at once. Set replicas to 1, or leaderElection.enabled to true." (int .Values.replicas)) -}}
{{- end -}}
{{- if or (hasPrefix "127." .Values.adminAddress) (regexMatch "^\\[[0:]*:0*1\\]:" .Values.adminAddress) -}}
{{- fail (printf "adminAddress is %s: nobody outside of the pod reaches that, neither the kubelet's probes nor Prometheus. Set it to 0.0.0.0 or [::] with a port." .Values.adminAddress) -}}
{{- end -}}
{{- if gt (include "logdrain-operator.adminPort" . | atoi) 65535 -}}
{{- fail (printf "adminAddress is %s: a port is at most 65535." .Values.adminAddress) -}}
{{- end -}}
{{- $hasService := or .Values.metrics.service.enabled .Values.metrics.serviceMonitor.enabled -}}
{{- $name := include "logdrain-operator.name" . -}}
{{- if and $hasService (regexMatch "^[0-9]" $name) -}}
{{- fail (printf "The Service of the metrics would be %s-metrics, and Kubernetes before 1.36 takes none that begins with a digit: set fullnameOverride to a name that begins with a letter." $name) -}}
{{- end -}}
{{- if contains ":" (.Values.image.repository | splitList "/" | last) -}}
{{- fail (printf "image.repository is %s, with a tag: put that into image.tag." .Values.image.repository) -}}
{{- end -}}
{{- with .Values.certificateAuthority -}}
{{- if and .configMap.name .secret.name -}}
{{- fail "certificateAuthority names a ConfigMap and a Secret: name one of them." -}}
{{- end -}}
{{- end -}}
{{- range $name, $url := dict "apiUrl" .Values.apiUrl "authUrl" .Values.authUrl -}}
{{- $isLocal := regexMatch "^http://(([^/:]*\\.)?localhost|127\\.[0-9.]+|\\[::1\\])(:|/|$)" $url -}}
{{- if and (hasPrefix "http://" $url) (not $isLocal) (not $.Values.allowHttp) -}}
{{- fail (printf "%s sends credentials unencrypted: use https://, or set allowHttp to true if that is intended." $name) -}}
{{- end -}}
{{- end -}}
{{- include "logdrain-operator.timeChecks" . -}}
{{- include "logdrain-operator.extraChecks" . -}}
{{- end -}}

{{/* What the operator would say of its times, but before the pods are there. */}}
{{- define "logdrain-operator.timeChecks" -}}
{{- $election := .Values.leaderElection -}}
{{- range $name, $bounds := dict
  "feedInterval" (list .Values.feedInterval 0 "1h, or 0")
  "resync" (list .Values.resync 1 "24h")
  "sweepInterval" (list .Values.sweepInterval 1 "24h")
  "goneAfter" (list .Values.goneAfter 1 "24h")
  "leaderElection.leaseDuration" (list $election.leaseDuration 1 "1h")
  "leaderElection.renewDeadline" (list $election.renewDeadline 1 "1h")
  "leaderElection.retryPeriod" (list $election.retryPeriod 1 "1h")
-}}
{{- $value := index $bounds 0 -}}
{{- $least := index $bounds 1 -}}
{{- $most := index $bounds 2 -}}
{{- $seconds := include "logdrain-operator.seconds" $value | atoi -}}
{{- if and $value (or (lt $seconds $least) (gt $seconds (include "logdrain-operator.seconds" $most | atoi))) -}}
{{- fail (printf "%s is %s: it may be from 1s to %s." $name $value $most) -}}
{{- end -}}
{{- end -}}
{{- $resync := .Values.resync | default "10m" -}}
{{- $sweep := .Values.sweepInterval | default "24h" -}}
{{- if lt (include "logdrain-operator.seconds" $sweep | atoi) (include "logdrain-operator.seconds" $resync | atoi) -}}
{{- fail (printf "sweepInterval (%s) is shorter than resync (%s): make one longer or the other shorter." $sweep $resync) -}}
{{- end -}}
{{- if $election.enabled -}}
{{- $duration := $election.leaseDuration | default "15s" -}}
{{- $deadline := $election.renewDeadline | default "10s" -}}
{{- $period := $election.retryPeriod | default "2s" -}}
{{- $deadlineSeconds := include "logdrain-operator.seconds" $deadline | atoi -}}
{{- if or
  (le (include "logdrain-operator.seconds" $duration | atoi) $deadlineSeconds)
  (lt $deadlineSeconds (include "logdrain-operator.seconds" $period | atoi | mul 3 | int))
-}}
{{- fail (printf "leaderElection.leaseDuration (%s) must be longer than renewDeadline (%s), and that at least three times retryPeriod (%s): set all three, 15s, 10s and 2s are the defaults." $duration $deadline $period) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A time such as 1h30m in seconds. */}}
{{- define "logdrain-operator.seconds" -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[hms]" . -1 -}}
{{- $unit := get (dict "h" 3600 "m" 60 "s" 1) (regexFind "[hms]" .) -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | atoi) $unit) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* extraArgs and extraEnv beside what the chart sets: the operator takes no flag twice, and the cluster no variable. */}}
{{- define "logdrain-operator.extraChecks" -}}
{{- /* Other objects depend on these, set or not. */ -}}
{{- $flags := list "--admin-address" "--lease-name" "--lease-namespace" "--no-leader-election" "--watch-namespace" -}}
{{- range include "logdrain-operator.ownArguments" . | fromYamlArray -}}
{{- $flags = append $flags (splitList "=" . | first) -}}
{{- end -}}
{{- $further := list -}}
{{- range .Values.extraArgs -}}
{{- $flag := splitList "=" . | first -}}
{{- if has $flag $flags -}}
{{- fail (printf "extraArgs has %s, which a value of the chart sets: use that value alone." $flag) -}}
{{- end -}}
{{- if has $flag $further -}}
{{- fail (printf "extraArgs has %s twice: keep one of them." $flag) -}}
{{- end -}}
{{- $further = append $further $flag -}}
{{- end -}}
{{- $variables := dict "SCALINGO_REGION" "region" -}}
{{- range $name, $setting := dict
  "RUST_LOG" (list "log.level" .Values.log.level)
  "HTTPS_PROXY" (list "proxy.https" .Values.proxy.https)
  "NO_PROXY" (list "proxy.noProxy" .Values.proxy.noProxy)
-}}
{{- if index $setting 1 -}}
{{- $_ := set $variables $name (index $setting 0) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $variables .name -}}
{{- fail (printf "extraEnv names %s, which %s sets: use one of them alone." .name (get $variables .name)) -}}
{{- end -}}
{{- $_ := set $variables .name "another item" -}}
{{- end -}}
{{- end -}}
