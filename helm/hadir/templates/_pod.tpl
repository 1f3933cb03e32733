{{/* What pods that run `hadir` have in common. `.root` is the chart's scope. */}}

{{- define "hadir.account" -}}
serviceAccountName: {{ include "hadir.fullname" . }}
automountServiceAccountToken: false
{{- end }}

{{- define "hadir.podBasics" -}}
# Services become variables otherwise, and HADIR_... are Hadir's settings.
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.common.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* `.where` has the keys nodeSelector, tolerations, affinity, priorityClassName, runtimeClassName, as far as any. */}}
{{- define "hadir.placement" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
{{- with get $.where $key }}
{{ $key }}: {{- if kindIs "string" . }} {{ . }}{{ else }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- end }}
{{- with .where.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ toYaml . | nindent 4 | trim }}
    labelSelector:
      matchLabels:
        {{- include "hadir.selector" $ | nindent 8 }}
        {{- with $.group }}
        ray.io/group: {{ . }}
        {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "hadir.containerBasics" -}}
image: {{ include "hadir.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.common.securityContext | nindent 2 }}
{{- end }}

{{/* `.as` is `member`; `sender`, who sends check-ins; or `nobody`, who speaks to neither Kafka nor the ledger. */}}
{{- define "hadir.env" -}}
{{- $values := .root.Values -}}
{{- $sasl := $values.kafka.sasl -}}
{{- $user := ternary $values.kafka.sender $sasl (and (eq .as "sender") (ne $values.kafka.sender.username "")) -}}
- name: HOME
  value: /home/hadir
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
# A file for each pod: two members never write to one, and `hadir ledger verify --heads` reads any or all joined.
- name: HADIR_LEDGER__HEADS
  value: /var/lib/hadir/heads/$(POD_NAME).jsonl
{{- if and $sasl.mechanism (ne .as "nobody") }}
- name: HADIR_KAFKA__SECURITY__SASL_PLAIN_USERNAME
  value: {{ $user.username | quote }}
- name: HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $user.existingSecret }}, key: {{ $user.passwordKey }}}}
{{- end }}
{{- if eq .as "member" }}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ $values.postgresql.existingSecret }}, key: {{ $values.postgresql.passwordKey }}}}
- name: PGSSLMODE
  value: {{ $values.postgresql.sslMode }}
{{- if $values.postgresql.tls.existingSecret }}
- name: PGSSLROOTCERT
  value: /run/secrets/postgresql/{{ $values.postgresql.tls.caKey }}
{{- end }}
{{- end }}
{{- with $values.common.containerEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Writable places: the root file system is none. */}}
{{- define "hadir.scratchMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: home, mountPath: /home/hadir}
- {name: run, mountPath: /run/hadir}
- {name: shm, mountPath: /dev/shm}
{{- end }}

{{- define "hadir.scratchVolumes" -}}
- {name: tmp, emptyDir: {}}
- {name: home, emptyDir: {}}
- {name: run, emptyDir: {}}
# Ray's shared memory; it counts as the container's memory.
- {name: shm, emptyDir: {medium: Memory, sizeLimit: {{ div (int64 .Values.ray.objectStoreBytes) 1048576 | add 64 }}Mi}}
{{- end }}

{{/* Packs: read by whoever loads models. */}}
{{- define "hadir.modelMounts" -}}
{{- if eq .Values.models.source "claim" -}}
- {name: data, mountPath: /var/lib/hadir/models, subPath: models, readOnly: true}
{{- else if ne .Values.models.source "image" -}}
- {name: models, mountPath: /var/lib/hadir/models, readOnly: true}
{{- end -}}
{{- end }}

{{- define "hadir.modelVolumes" -}}
{{- if eq .Values.models.source "imageVolume" -}}
- name: models
  image: {reference: {{ .Values.models.imageVolume.reference }}, pullPolicy: {{ .Values.models.imageVolume.pullPolicy }}}
{{- else if eq .Values.models.source "download" -}}
- {name: models, emptyDir: {}}
{{- end -}}
{{- end }}

{{- define "hadir.modelDownload" -}}
{{- if eq .Values.models.source "download" -}}
{{- $download := .Values.models.download -}}
- name: models
  {{- include "hadir.containerBasics" . | nindent 2 }}
  args: [models, fetch, {{ .Values.models.pack | quote }}, --url, {{ $download.url | quote }}, --sha256, {{ $download.sha256 }}, --front, {{ $download.front }}, --accept-licence]
  env:
    - {name: HOME, value: /home/hadir}
    - {name: HADIR_STORES__MODELS, value: /var/lib/hadir/models}
    {{- with .Values.common.containerEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  resources:
    requests: {cpu: 500m, memory: 1Gi}
    limits: {cpu: 500m, memory: 1Gi}
  volumeMounts:
    - {name: models, mountPath: /var/lib/hadir/models}
    - {name: tmp, mountPath: /tmp}
    - {name: home, mountPath: /home/hadir}
{{- end -}}
{{- end }}

{{/* Mounts of a container that runs `hadir`. `.all`: with enrolled photos, galleries and writable packs. */}}
{{- define "hadir.mounts" -}}
{{- $values := .root.Values -}}
- {name: config, mountPath: /etc/hadir/hadir.toml, subPath: hadir.toml, readOnly: true}
- {name: attendance, mountPath: /etc/hadir/attendance, readOnly: true{{ with $values.attendance.subPath }}, subPath: {{ . | quote }}{{ end }}}
{{- if and $values.kafka.tls.enabled $values.kafka.tls.existingSecret }}
- {name: kafka-ca, mountPath: /run/secrets/kafka, readOnly: true}
{{- end }}
{{- if $values.postgresql.tls.existingSecret }}
- {name: postgresql-ca, mountPath: /run/secrets/postgresql, readOnly: true}
{{- end }}
{{- if eq $values.ray.mode "cluster" }}
- {name: ray-token, mountPath: /run/secrets/ray, readOnly: true}
{{- end }}
{{- if $values.encryption.existingSecret }}
- {name: keys, mountPath: /run/keys, readOnly: true}
{{- end }}
- {name: data, mountPath: /var/lib/hadir/snapshots, subPath: snapshots}
- {name: data, mountPath: /var/lib/hadir/case-photos, subPath: case-photos}
- {name: data, mountPath: /var/lib/hadir/heads, subPath: heads}
{{- if .all }}
- {name: data, mountPath: /var/lib/hadir/photos, subPath: photos}
- {name: data, mountPath: /var/lib/hadir/gallery, subPath: gallery}
- {name: data, mountPath: /var/lib/hadir/reindex, subPath: reindex}
{{- end }}
{{- if and .all (eq $values.models.source "claim") }}
- {name: data, mountPath: /var/lib/hadir/models, subPath: models}
{{- else }}
{{- with include "hadir.modelMounts" .root }}
{{ . }}
{{- end }}
{{- end }}
{{ include "hadir.scratchMounts" .root }}
{{- end }}

{{- define "hadir.volumes" -}}
- name: config
  configMap: {name: {{ include "hadir.fullname" . }}}
- name: attendance
  {{- with .Values.attendance.existingSecret }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
  {{- end }}
  {{- with .Values.attendance.existingConfigMap }}
  configMap: {name: {{ . }}}
  {{- end }}
  {{- with .Values.attendance.existingClaim }}
  persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
  {{- end }}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.existingSecret }}
- name: kafka-ca
  secret: {secretName: {{ .Values.kafka.tls.existingSecret }}, items: [{key: {{ .Values.kafka.tls.caKey }}, path: {{ .Values.kafka.tls.caKey }}}]}
{{- end }}
{{- if .Values.postgresql.tls.existingSecret }}
- name: postgresql-ca
  secret: {secretName: {{ .Values.postgresql.tls.existingSecret }}, items: [{key: {{ .Values.postgresql.tls.caKey }}, path: {{ .Values.postgresql.tls.caKey }}}]}
{{- end }}
{{- if eq .Values.ray.mode "cluster" }}
- name: ray-token
  {{- include "hadir.rayToken" . | nindent 2 }}
{{- end }}
{{- with .Values.encryption.existingSecret }}
- name: sealed-keys
  secret: {secretName: {{ . }}, defaultMode: 0440}
- {name: keys, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
{{- end }}
- name: data
  persistentVolumeClaim: {claimName: {{ include "hadir.dataClaim" . }}}
{{- with include "hadir.modelVolumes" . }}
{{ . }}
{{- end }}
{{ include "hadir.scratchVolumes" . }}
{{- end }}

{{/* Before `hadir` starts. */}}
{{- define "hadir.initContainers" -}}
{{- if .Values.encryption.existingSecret }}
# Hadir takes a key that its owner alone can read; a Secret's files belong to root and are the group's to read.
- name: keys
  {{- include "hadir.containerBasics" . | nindent 2 }}
  command: [sh, -c, "umask 077 && cp /run/secrets/hadir/{{ .Values.encryption.key }} /run/keys/hadir.key"]
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {cpu: 100m, memory: 32Mi}
  volumeMounts:
    - {name: sealed-keys, mountPath: /run/secrets/hadir, readOnly: true}
    - {name: keys, mountPath: /run/keys}
{{- end }}
{{- with include "hadir.modelDownload" . }}
{{ . }}
{{- end }}
{{- end }}
