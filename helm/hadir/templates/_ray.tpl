{{/* The Ray cluster: pods, and a name that changes with them. */}}

{{/* KubeRay 1.5 leaves running pods as they are when their template changes. With another name an upgrade makes a new
cluster and removes the old one. Replicas do not count. */}}
{{- define "hadir.rayCluster" -}}
{{- $pods := include "hadir.rayHeadPod" . -}}
{{- range $name, $group := .Values.ray.workerGroups -}}
{{- $pods = print $pods $name (include "hadir.rayWorkerPod" (dict "root" $ "name" $name "group" $group)) (include "hadir.rayWorkerParams" (dict "root" $ "group" $group)) -}}
{{- end -}}
{{ printf "%s-%s" (include "hadir.fullname" .) (print $pods (include "hadir.rayHeadParams" .) | sha256sum | trunc 8) }}
{{- end }}

{{- define "hadir.rayToken" -}}
{{- with .Values.ray.auth -}}
{{- if .existingSecret -}}
secret: {secretName: {{ .existingSecret }}, defaultMode: 0440, items: [{key: {{ .key }}, path: token}]}
{{- else -}}
secret: {secretName: {{ include "hadir.rayCluster" $ }}, defaultMode: 0440, items: [{key: auth_token, path: token}]}
{{- end -}}
{{- end -}}
{{- end }}

{{/* As hadir.actors.ray_session.environment says for every process of a Ray that Hadir uses (a test compares). */}}
{{- define "hadir.rayEnv" -}}
- {name: HOME, value: /home/hadir}
{{- if .Values.ray.auth.existingSecret }}
- {name: RAY_AUTH_MODE, value: token}
- {name: RAY_AUTH_TOKEN_PATH, value: /run/secrets/ray/token}
{{- end }}
- {name: RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER, value: "1"}
- {name: RAY_ENABLE_UV_RUN_RUNTIME_ENV, value: "0"}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
- {name: RAY_task_events_report_interval_ms, value: "0"}
- {name: RAY_enable_metrics_collection, value: "0"}
- {name: RAY_event_stats, value: "0"}
- {name: RAY_prestart_worker_first_driver, value: "0"}
- {name: RAY_enable_worker_prestart, value: "0"}
- {name: RAY_max_direct_call_object_size, value: "16777216"}
- {name: RAY_task_rpc_inlined_bytes_limit, value: "33554432"}
- {name: RAY_kill_worker_timeout_milliseconds, value: "500"}
- {name: OMP_NUM_THREADS, value: "1"}
- {name: OPENBLAS_NUM_THREADS, value: "1"}
- {name: OPENCV_FOR_THREADS_NUM, value: "1"}
- {name: MALLOC_ARENA_MAX, value: "2"}
- {name: ARROW_DEFAULT_MEMORY_POOL, value: system}
- {name: MALLOC_TRIM_THRESHOLD_, value: "67108864"}
- {name: MALLOC_MMAP_THRESHOLD_, value: "33554432"}
{{- with .Values.common.containerEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The same ports in every pod, so that a policy can name them; the intake's own node takes its first twenty. */}}
{{- define "hadir.rayPorts" -}}
node-manager-port: "20100"
object-manager-port: "20101"
runtime-env-agent-port: "20102"
dashboard-agent-grpc-port: "20103"
metrics-export-port: "20104"
dashboard-agent-listen-port: "20105"
min-worker-port: "20106"
max-worker-port: "20199"
{{- end }}

{{- define "hadir.rayHeadParams" -}}
num-cpus: "0"
include-dashboard: "false"
object-store-memory: {{ int64 .Values.ray.objectStoreBytes | quote }}
{{ include "hadir.rayPorts" . }}
{{- end }}

{{- define "hadir.rayWorkerParams" -}}
{{- $own := include "hadir.rayPorts" . | fromYaml -}}
{{- $_ := set $own "num-cpus" (.group.faceWorkers | toString) -}}
{{- $_ := set $own "object-store-memory" (int64 .root.Values.ray.objectStoreBytes | toString) -}}
{{ merge $own (default dict .group.rayStartParams) | toYaml }}
{{- end }}

{{/* KubeRay's own probes ask Ray's dashboard through wget; the image has neither. `ray start --block` ends with the
processes it started, and the head ends nodes that do not answer, so an open port says what is left to know. */}}
{{- define "hadir.rayProbes" -}}
livenessProbe:
  tcpSocket: {port: {{ .port }}}
  initialDelaySeconds: 30
  periodSeconds: 10
  failureThreshold: 12
readinessProbe:
  tcpSocket: {port: {{ .port }}}
  periodSeconds: 5
  failureThreshold: 3
{{- end }}

{{- define "hadir.rayVolumes" -}}
{{- if .Values.ray.auth.existingSecret }}
- name: ray-token
  {{- include "hadir.rayToken" . | nindent 2 }}
{{- end }}
{{ include "hadir.scratchVolumes" . }}
{{- end }}

{{- define "hadir.rayMounts" -}}
{{- if .Values.ray.auth.existingSecret }}
- {name: ray-token, mountPath: /run/secrets/ray, readOnly: true}
{{- end }}
{{ include "hadir.scratchMounts" . }}
{{- end }}

{{- define "hadir.rayHeadPod" -}}
metadata:
  labels:
    {{- include "hadir.podLabels" (dict "root" . "component" "ray-head") | nindent 4 }}
  {{- with .Values.ray.head.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "hadir.account" . | nindent 2 }}
  {{- include "hadir.podBasics" . | nindent 2 }}
  {{- include "hadir.placement" (dict "root" . "component" "ray-head" "where" .Values.ray.head) | trim | nindent 2 }}
  containers:
    - name: ray
      {{- include "hadir.containerBasics" . | nindent 6 }}
      env:
        {{- include "hadir.rayEnv" . | nindent 8 }}
      ports:
        - {name: gcs-server, containerPort: 6379}
      resources:
        {{- toYaml .Values.ray.head.resources | nindent 8 }}
      {{- include "hadir.rayProbes" (dict "port" 6379) | nindent 6 }}
      volumeMounts:
        {{- include "hadir.rayMounts" . | trim | nindent 8 }}
  volumes:
    {{- include "hadir.rayVolumes" . | trim | nindent 4 }}
{{- end }}

{{/* A worker reads packs and snapshots and nothing else: it is what looks at strangers' photos. */}}
{{- define "hadir.rayWorkerPod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "hadir.podLabels" (dict "root" $root "component" "ray-worker") | nindent 4 }}
  {{- with .group.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "hadir.account" $root | nindent 2 }}
  {{- include "hadir.podBasics" $root | nindent 2 }}
  {{- include "hadir.placement" (dict "root" $root "component" "ray-worker" "group" .name "where" .group) | trim | nindent 2 }}
  {{- with include "hadir.modelDownload" $root }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: ray
      {{- include "hadir.containerBasics" $root | nindent 6 }}
      env:
        {{- include "hadir.rayEnv" $root | nindent 8 }}
      ports:
        - {name: node-manager, containerPort: 20100}
      resources:
        {{- toYaml .group.resources | nindent 8 }}
      {{- include "hadir.rayProbes" (dict "port" 20100) | nindent 6 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/hadir/snapshots, subPath: snapshots, readOnly: true}
        {{- with include "hadir.modelMounts" $root }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- include "hadir.rayMounts" $root | trim | nindent 8 }}
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: {{ include "hadir.dataClaim" $root }}}
    {{- with include "hadir.modelVolumes" $root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- include "hadir.rayVolumes" $root | trim | nindent 4 }}
{{- end }}
