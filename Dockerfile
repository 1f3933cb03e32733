# Hadir as an image: its wheel on the packages of the lock, each checked by its hash. No compiler, no source tree, no pip
# in what runs; a numeric user without rights; nothing is written outside /tmp, HOME and the volumes that one mounts.
#
#   docker build --target cpu  -t hadir:0.1.0 .
#   docker build --target cuda -t hadir:0.1.0-cuda .     # with CUDA's libraries; the node brings only NVIDIA's driver
#
# The list of what is inside (CycloneDX): docker run --rm --entrypoint cat hadir:0.1.0 /usr/share/doc/hadir/sbom.cdx.json

ARG PYTHON_IMAGE=docker.io/library/python:3.11.14-slim-bookworm

# --- the packages of the lock, in a virtual environment that later stages copy whole
FROM ${PYTHON_IMAGE} AS packages-cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /locks/
RUN python -m venv /opt/hadir \
 && /opt/hadir/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: -r /locks/requirements.lock

FROM ${PYTHON_IMAGE} AS packages-cuda
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements-gpu.lock /locks/
RUN python -m venv /opt/hadir \
 && /opt/hadir/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: -r /locks/requirements-gpu.lock

# --- Hadir's wheel, built with the lock's setuptools and without a network
FROM packages-cpu AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY core/ core/
COPY faces/ faces/
COPY index/ index/
COPY attendance/ attendance/
COPY pipeline/ pipeline/
COPY actors/ actors/
COPY app/ app/
RUN /opt/hadir/bin/pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir /wheels .

# --- both together, with the list of what is inside; then pip goes
FROM packages-cpu AS built-cpu
COPY --from=wheel /wheels/ /wheels/
COPY dev/sbom.py /build/
RUN /opt/hadir/bin/pip install --quiet --no-deps --no-index /wheels/hadir-*.whl \
 && /opt/hadir/bin/python /build/sbom.py /locks/requirements.lock > /opt/hadir/sbom.cdx.json \
 && /opt/hadir/bin/pip uninstall --quiet --yes pip \
 && /opt/hadir/bin/hadir --help > /dev/null

FROM packages-cuda AS built-cuda
COPY --from=wheel /wheels/ /wheels/
COPY dev/sbom.py /build/
RUN /opt/hadir/bin/pip install --quiet --no-deps --no-index /wheels/hadir-*.whl \
 && /opt/hadir/bin/python /build/sbom.py /locks/requirements-gpu.lock > /opt/hadir/sbom.cdx.json \
 && /opt/hadir/bin/pip uninstall --quiet --yes pip \
 && /opt/hadir/bin/hadir --help > /dev/null

# --- what runs
FROM ${PYTHON_IMAGE} AS runtime
# tini is the first process: it hands SIGTERM on also before Hadir listens for it, and buries what Ray's agents leave.
# The links are for login shells, whose PATH is their own: KubeRay starts `ray` in a shell.
RUN apt-get update && apt-get install --yes --quiet --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
 && /usr/local/bin/python -m pip uninstall --quiet --yes pip setuptools wheel \
 && groupadd --gid 10001 hadir \
 && useradd --uid 10001 --gid 10001 --create-home --home-dir /home/hadir --shell /usr/sbin/nologin hadir \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/hadir \
 && install --directory /usr/share/doc/hadir \
 && ln -s /opt/hadir/sbom.cdx.json /usr/share/doc/hadir/sbom.cdx.json \
 && ln -s /opt/hadir/bin/hadir /opt/hadir/bin/ray /usr/local/bin/
# HOME and USER are named because an arbitrary user id (OpenShift) has no entry in /etc/passwd.
ENV PATH=/opt/hadir/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/home/hadir USER=hadir \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/hadir
USER 10001:10001
ENTRYPOINT ["tini", "--", "hadir"]
CMD ["--help"]

FROM runtime AS cuda
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hadir" \
      org.opencontainers.image.description="Verdicts for the check-ins of public servants, with CUDA's libraries" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=built-cuda /opt/hadir /opt/hadir

# The last stage is what a build without --target makes.
FROM runtime AS cpu
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hadir" \
      org.opencontainers.image.description="Verdicts for the check-ins of public servants" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=built-cpu /opt/hadir /opt/hadir
