# syntax=docker/dockerfile:1

# The web clients: TypeScript in, gateway/api/static out.
FROM node:22-slim AS web
WORKDIR /src/clients/web
COPY clients/web/package.json clients/web/package-lock.json clients/web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY clients/web ./
RUN npm run build

# The environment: locked dependencies first, since they change least, then turngate as a wheel.
FROM python:3.13-slim AS python
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/turngate
WORKDIR /src
COPY requirements.lock ./
RUN /opt/turngate/bin/pip install --require-hashes --no-deps -r requirements.lock
COPY . ./
COPY --from=web /src/gateway/api/static gateway/api/static
RUN /opt/turngate/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/turngate/bin/pip install --no-index --no-deps dist/turngate-*.whl

# What runs: no compiler, no Node, no sources, no root.
FROM python:3.13-slim
RUN useradd --system --user-group --home-dir /data --shell /usr/sbin/nologin turngate \
 && install --directory --owner turngate --group turngate --mode 0700 /data
COPY --from=python /opt/turngate /opt/turngate
ENV PATH=/opt/turngate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TURNGATE_HOST=0.0.0.0 \
    TURNGATE_PORT=8080 \
    TURNGATE_DATA_DIR=/data \
    TURNGATE_LOG__FORMAT=json
USER turngate
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"TURNGATE_PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["turngate"]
CMD ["serve"]
