{{/* What a schema cannot say: values that do not go together. All of them at once. */}}
{{- define "hadir.validate" -}}
{{- $wrong := list -}}
{{- if .Values.gateway.enabled -}}
{{- $wrong = append $wrong "gateway.enabled: this version has no gateway; check-ins come through Kafka (hadir send, docs/wire-format.md)" -}}
{{- end -}}
{{- $given := compact (list .Values.attendance.existingSecret .Values.attendance.existingConfigMap .Values.attendance.existingClaim) -}}
{{- if ne (len $given) 1 -}}
{{- $wrong = append $wrong (printf "attendance: %d of existingSecret, existingConfigMap and existingClaim are given, expected exactly one that holds roster.csv and the others" (len $given)) -}}
{{- end -}}
{{- if and .Values.kafka.sasl.mechanism (not (and .Values.kafka.sasl.username .Values.kafka.sasl.existingSecret)) -}}
{{- $wrong = append $wrong "kafka.sasl: a mechanism needs username and existingSecret" -}}
{{- end -}}
{{- if and .Values.strimzi.enabled (ne .Values.kafka.sasl.mechanism "SCRAM-SHA-512") -}}
{{- $wrong = append $wrong "strimzi.enabled: its users have SCRAM-SHA-512 passwords; set kafka.sasl.mechanism to it" -}}
{{- end -}}
{{- if and .Values.kafka.sender.username (not .Values.kafka.sender.existingSecret) -}}
{{- $wrong = append $wrong "kafka.sender: a username needs existingSecret" -}}
{{- end -}}
{{- if and (hasPrefix "verify-" .Values.postgresql.sslMode) (not .Values.postgresql.tls.existingSecret) -}}
{{- $wrong = append $wrong (printf "postgresql.sslMode %s: name the authority's Secret in postgresql.tls.existingSecret" .Values.postgresql.sslMode) -}}
{{- end -}}
{{- if and (eq .Values.models.source "imageVolume") (not .Values.models.imageVolume.reference) -}}
{{- $wrong = append $wrong "models.source imageVolume: name the image in models.imageVolume.reference" -}}
{{- end -}}
{{- if eq .Values.models.source "download" -}}
{{- if not (and .Values.models.download.url .Values.models.download.sha256 .Values.models.download.acceptLicence) -}}
{{- $wrong = append $wrong "models.source download: give models.download.url and sha256, and acceptLicence: true once you have read the pack's licence" -}}
{{- end -}}
{{- if eq .Values.models.pack "open" -}}
{{- $wrong = append $wrong "models.source download: name the pack to store in models.pack (open ships inside the image)" -}}
{{- end -}}
{{- end -}}
{{- $runtime := get (default dict .Values.config.faces) "runtime" | default "cpu" -}}
{{- if ne $runtime "cpu" -}}
{{- $without := list -}}
{{- if eq .Values.ray.mode "local" -}}
{{- if not (get .Values.intake.resources.limits "nvidia.com/gpu") }}{{ $without = list "intake.resources" }}{{ end -}}
{{- else -}}
{{- range $name, $group := .Values.ray.workerGroups -}}
{{- if not (get $group.resources.limits "nvidia.com/gpu") }}{{ $without = append $without (printf "ray.workerGroups.%s.resources" $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $without -}}
{{- $wrong = append $wrong (printf "config.faces.runtime %s: face workers would start nowhere without nvidia.com/gpu in %s" $runtime .) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.monitoring.podMonitor.enabled .Values.monitoring.serviceMonitor.enabled -}}
{{- $wrong = append $wrong "monitoring: a podMonitor and a serviceMonitor would count every check-in twice; enable one" -}}
{{- end -}}
{{- if hasKey (default dict .Values.config.metrics) "port" -}}
{{- $wrong = append $wrong "config.metrics.port: probes, monitors and policies have to know it; set monitoring.port" -}}
{{- end -}}
{{- if eq .Values.ray.mode "cluster" -}}
{{- $workers := include "hadir.workersPerMember" . | int -}}
{{- $want := mul $workers (int .Values.intake.replicas) -}}
{{- $have := include "hadir.faceWorkers" . | int -}}
{{- if gt $want $have -}}
{{- $wrong = append $wrong (printf "intake.replicas: %d members with %d face workers each want %d, ray.workerGroups have %d" (int .Values.intake.replicas) $workers $want $have) -}}
{{- end -}}
{{- if .Values.surge.enabled -}}
{{- $want := mul $workers (int .Values.surge.intakeReplicas) -}}
{{- $have := include "hadir.surgeFaceWorkers" . | int -}}
{{- if gt $want $have -}}
{{- $wrong = append $wrong (printf "surge: %d members with %d face workers each want %d, surge.workerReplicas give %d" (int .Values.surge.intakeReplicas) $workers $want $have) -}}
{{- end -}}
{{- range $name, $pods := .Values.surge.workerReplicas -}}
{{- if not (hasKey $.Values.ray.workerGroups $name) -}}
{{- $wrong = append $wrong (printf "surge.workerReplicas.%s: there is no such group in ray.workerGroups" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.surge.enabled (eq .Values.surge.by "keda") -}}
{{- $wrong = append $wrong "surge.by keda: KEDA cannot scale a RayCluster; use cronjob, or ray.mode local" -}}
{{- end -}}
{{- end -}}
{{- range .Values.surge.windows -}}
{{- if ge .from .until -}}
{{- $wrong = append $wrong (printf "surge.windows: from %s is not before until %s; a window over midnight is two windows" .from .until) -}}
{{- end -}}
{{- end -}}
{{- $partitions := int .Values.kafka.partitions -}}
{{- $most := ternary (max (int .Values.intake.replicas) (int .Values.surge.intakeReplicas)) (int .Values.intake.replicas) .Values.surge.enabled -}}
{{- if gt $most $partitions -}}
{{- $wrong = append $wrong (printf "%d members share %d partitions (kafka.partitions): the rest would read nothing" $most $partitions) -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n  - %s" (join "\n  - " $wrong)) -}}
{{- end -}}
{{- end }}
