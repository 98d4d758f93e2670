# exfilwatch as a container: the command line, `serve` with its scheduler, or one poll. Not root; its root file system may be
# read-only: it writes to /var/lib/exfilwatch and, for inputs too large for memory, to TMPDIR.
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY connector connector
COPY playbooks playbooks
RUN python -m venv /opt/exfilwatch \
 && /opt/exfilwatch/bin/pip install --no-cache-dir '.[serve,postgresql,microsoft,aws,stix,mcp]'

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="exfilwatch" \
      org.opencontainers.image.description="Finds automated data exfiltration and opens cases an analyst can act on" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/exfilwatch /opt/exfilwatch
RUN useradd --system --uid 10001 --home-dir /var/lib/exfilwatch --create-home exfilwatch \
 && mkdir /etc/exfilwatch
ENV PATH=/opt/exfilwatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CONFIG_HOME=/etc \
    XDG_DATA_HOME=/var/lib
USER 10001:10001
VOLUME /var/lib/exfilwatch
EXPOSE 8437
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8437/healthz', timeout=4)"]
ENTRYPOINT ["exfilwatch"]
CMD ["serve", "--host", "0.0.0.0", "--insecure", "--poll-every", "5m"]
