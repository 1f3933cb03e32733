{{/* hadir.toml: what the chart knows, and `config` over it. */}}

{{/* A TOML value. Helm reads every number as a float. */}}
{{- define "hadir.tomlValue" -}}
{{- if kindIs "string" . -}}
{{ toJson . }}
{{- else if kindIs "map" . -}}
{ {{- range $i, $key := keys . | sortAlpha }}{{ if $i }},{{ end }} {{ $key }} = {{ include "hadir.tomlValue" (get $ $key) }}{{ end }} }
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end }}

{{- define "hadir.toml" -}}
{{- $config := mustMergeOverwrite (include "hadir.config" . | fromYaml) (deepCopy .Values.config) -}}
{{- range $section := keys $config | sortAlpha }}
[{{ $section }}]
{{- $keys := get $config $section }}
{{- range $key := keys $keys | sortAlpha }}
{{ $key }} = {{ include "hadir.tomlValue" (get $keys $key) }}
{{- end }}
{{ end }}
{{- end }}

{{- define "hadir.config" -}}
run:
  folder: /run/hadir
  broker: kafka
  pool: ray
kafka:
  bootstrap: {{ .Values.kafka.bootstrapServers | quote }}
  group: {{ .Values.kafka.group | quote }}
  partitions: {{ .Values.kafka.partitions }}
  replication_factor: {{ .Values.kafka.replicationFactor }}
  security:
    security_protocol: {{ include "hadir.kafkaProtocol" . }}
    {{- if and .Values.kafka.tls.enabled .Values.kafka.tls.existingSecret }}
    ssl_cafile: /run/secrets/kafka/{{ .Values.kafka.tls.caKey }}
    {{- end }}
    {{- if .Values.kafka.sasl.mechanism }}
    sasl_mechanism: {{ .Values.kafka.sasl.mechanism }}
    {{- end }}
faces:
  pack: {{ .Values.models.pack | quote }}
stores:
  models: /var/lib/hadir/models
  photos: /var/lib/hadir/photos
  gallery: /var/lib/hadir/gallery
  snapshots: /var/lib/hadir/snapshots
  case_photos: /var/lib/hadir/case-photos
  {{- if .Values.encryption.existingSecret }}
  key_file: /run/keys/hadir.key
  {{- end }}
attendance:
  {{- range $file := list "roster" "units" "sites" "placements" "shifts" }}
  {{ $file }}: /etc/hadir/attendance/{{ $file }}.csv
  {{- end }}
  {{- if .Values.attendance.policy }}
  policy: /etc/hadir/attendance/policy.toml
  {{- end }}
ledger:
  url: {{ printf "postgresql+psycopg://%s@%s:%d/%s" .Values.postgresql.user .Values.postgresql.host (int .Values.postgresql.port) .Values.postgresql.database | quote }}
pool:
  workers: {{ include "hadir.workersPerMember" . }}
  object_store_bytes: {{ int64 .Values.ray.objectStoreBytes }}
  {{- if eq .Values.ray.mode "cluster" }}
  ray_address: {{ printf "%s-head-svc.%s.svc:6379" (include "hadir.rayCluster" .) .Release.Namespace | quote }}
  ray_token_file: /run/secrets/ray/token
  ray_node: own
  ray_ports: 20100-20119
  {{- end }}
metrics:
  port: {{ .Values.monitoring.port }}
  host: 0.0.0.0
{{- end }}

{{- define "hadir.kafkaProtocol" -}}
{{- if .Values.kafka.sasl.mechanism -}}
{{ ternary "SASL_SSL" "SASL_PLAINTEXT" .Values.kafka.tls.enabled }}
{{- else -}}
{{ ternary "SSL" "PLAINTEXT" .Values.kafka.tls.enabled }}
{{- end -}}
{{- end }}

{{/* Seconds that a stop waits for what is in flight: Hadir's own default unless `config` says otherwise. */}}
{{- define "hadir.drainSeconds" -}}
{{- get (default dict .Values.config.run) "drain_s" | default 30 | ceil | int -}}
{{- end }}

{{/* Face workers on all worker pods, outside a surge. */}}
{{- define "hadir.faceWorkers" -}}
{{- $all := 0 -}}
{{- range .Values.ray.workerGroups }}{{ $all = add $all (mul .replicas .faceWorkers) }}{{ end -}}
{{- $all -}}
{{- end }}

{{/* In a window of the surge. */}}
{{- define "hadir.surgeFaceWorkers" -}}
{{- $all := 0 -}}
{{- range $name, $group := .Values.ray.workerGroups }}
{{- $pods := get $.Values.surge.workerReplicas $name | default $group.replicas -}}
{{- $all = add $all (mul $pods $group.faceWorkers) -}}
{{- end -}}
{{- $all -}}
{{- end }}

{{/* The cluster's face workers are shared out evenly; a member's own count is its alone. */}}
{{- define "hadir.workersPerMember" -}}
{{- $said := get (default dict .Values.config.pool) "workers" -}}
{{- if $said -}}
{{ int $said }}
{{- else if eq .Values.ray.mode "local" -}}
{{ int .Values.intake.faceWorkers }}
{{- else -}}
{{ max 1 (div (include "hadir.faceWorkers" . | int) (int .Values.intake.replicas)) }}
{{- end -}}
{{- end }}
