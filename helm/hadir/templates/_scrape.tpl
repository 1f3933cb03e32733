{{/* How a monitor scrapes; `.` is its values. Rules and dashboards ask for job="hadir", whatever the release is called. */}}
{{- define "hadir.scrape" -}}
path: /metrics
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
honorLabels: {{ .honorLabels }}
relabelings:
  - {action: replace, targetLabel: job, replacement: hadir}
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
