{{- define "exfilwatch.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "exfilwatch.labels" -}}
app.kubernetes.io/name: exfilwatch
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "exfilwatch.selector" -}}
app.kubernetes.io/name: exfilwatch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "exfilwatch.secret" -}}
{{- .Values.existingSecret | default (include "exfilwatch.name" .) -}}
{{- end }}

{{/* Empty where there are no settings: with nothing to poll, a service that is to poll does not start. */}}
{{- define "exfilwatch.configured" -}}
{{- if or .Values.settings .Values.existingConfigMap .Values.secrets .Values.existingSecret }}yes{{ end }}
{{- end }}

{{/* What can't work is refused here, where somebody reads it. */}}
{{- define "exfilwatch.check" -}}
{{- if and .Values.settings .Values.existingConfigMap }}{{ fail "settings and existingConfigMap: give one of them" }}{{ end }}
{{- if and .Values.secrets .Values.existingSecret }}{{ fail "secrets and existingSecret: give one of them" }}{{ end }}
{{- if and .Values.postgresql.host (not .Values.postgresql.existingSecret) }}{{ fail "postgresql.existingSecret: name the Secret that has the password" }}{{ end }}
{{- if gt (int .Values.replicas) 1 }}
{{- if not .Values.postgresql.host }}{{ fail "replicas: more than one needs postgresql.host: SQLite has one pod" }}{{ end }}
{{- if not (and .Values.persistence.enabled (or .Values.persistence.existingClaim (eq .Values.persistence.accessMode "ReadWriteMany"))) }}{{ fail "replicas: more than one needs a volume that all may write, for suppressions: persistence.accessMode=ReadWriteMany, or an existingClaim that is so" }}{{ end }}
{{- end }}
{{- end }}

{{/* The pod of the service and of the polls; .args and .probes differ. */}}
{{- define "exfilwatch.pod" -}}
{{- $root := .root }}{{- $values := .root.Values -}}
serviceAccountName: {{ include "exfilwatch.name" $root }}
automountServiceAccountToken: false
{{- with $values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
containers:
  - name: exfilwatch
    image: {{ printf "%s:%s" $values.image.repository ($values.image.tag | default $root.Chart.AppVersion) | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args: {{- toYaml .args | nindent 6 }}
    {{- if .serves }}
    ports:
      - {name: http, containerPort: 8437}
    {{- end }}
    envFrom:
      - secretRef: {name: {{ include "exfilwatch.secret" $root }}, optional: true}
    {{- if $values.postgresql.host }}
    env:
      - name: EXFILWATCH_DATABASE
        value: {{ printf "postgresql://%s@%s:%d/%s?sslmode=%s" ($values.postgresql.user | urlquery) $values.postgresql.host (int $values.postgresql.port) ($values.postgresql.database | urlquery) $values.postgresql.sslmode | quote }}
      - name: PGPASSWORD
        valueFrom:
          secretKeyRef: {name: {{ $values.postgresql.existingSecret }}, key: {{ $values.postgresql.passwordKey }}}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    resources: {{- toYaml $values.resources | nindent 6 }}
    {{- if .serves }}
    {{- $scheme := ternary "HTTPS" "HTTP" (ne $values.tls.existingSecret "") }}
    startupProbe:
      httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
      periodSeconds: 20
      timeoutSeconds: 5
    readinessProbe:
      httpGet: {path: /readyz, port: http, scheme: {{ $scheme }}}
      timeoutSeconds: 5
    {{- end }}
    volumeMounts:
      - {name: config, mountPath: /etc/exfilwatch, readOnly: true}
      - {name: data, mountPath: /var/lib/exfilwatch}
      - {name: tmp, mountPath: /tmp}
      {{- if and .serves $values.tls.existingSecret }}
      - {name: tls, mountPath: /etc/exfilwatch-tls, readOnly: true}
      {{- end }}
      {{- with $values.extraVolumeMounts }}{{ toYaml . | nindent 6 }}{{ end }}
volumes:
  - name: config
    configMap: {name: {{ $values.existingConfigMap | default (include "exfilwatch.name" $root) }}}
  - name: data
    {{- if $values.persistence.enabled }}
    persistentVolumeClaim: {claimName: {{ $values.persistence.existingClaim | default (include "exfilwatch.name" $root) }}}
    {{- else }}
    emptyDir: {}
    {{- end }}
  - name: tmp
    emptyDir: {sizeLimit: {{ $values.tmpSize }}}
  {{- if and .serves $values.tls.existingSecret }}
  - name: tls
    secret: {secretName: {{ $values.tls.existingSecret }}, defaultMode: 0440}
  {{- end }}
  {{- with $values.extraVolumes }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
