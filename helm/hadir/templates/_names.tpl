{{/* Names and labels. */}}

{{- define "hadir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 30 | trimSuffix "-" -}}
{{- end }}

{{/* At most 30 characters: KubeRay cuts the names of what it makes of a RayCluster at 50. */}}
{{- define "hadir.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 30 | trimSuffix "-" -}}
{{- end }}

{{/* What selects pods. KubeRay may set app.kubernetes.io/name itself, so that selectors leave it out. */}}
{{- define "hadir.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "hadir.podLabels" -}}
{{ include "hadir.selector" . }}
app.kubernetes.io/name: {{ include "hadir.name" .root }}
app.kubernetes.io/part-of: hadir
{{- with .root.Values.common.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hadir.labels" -}}
{{ include "hadir.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "hadir.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "hadir.strimziNamespace" -}}
{{- default .Release.Namespace .Values.strimzi.namespace -}}
{{- end }}

{{- define "hadir.dataClaim" -}}
{{- default (printf "%s-data" (include "hadir.fullname" .)) .Values.storage.existingClaim -}}
{{- end }}
