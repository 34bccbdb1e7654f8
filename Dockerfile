# The image of spikefocus: everything inside, no network needed at run time.
# How to build, run and prove it: containers/README.md.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
RUN python3 -m venv /opt/spikefocus

# Where pip finds packages, if not where it looks by itself; they last for this stage only.
# The index also decides whether torch comes in its CPU or its CUDA build.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_CERT
COPY requirements.lock /build/
RUN /opt/spikefocus/bin/pip install --no-cache-dir --disable-pip-version-check \
        --progress-bar off --quiet -r /build/requirements.lock

COPY pyproject.toml README.md LICENSE /build/
COPY bids_app /build/bids_app
COPY pipeline /build/pipeline
COPY reports /build/reports
RUN /opt/spikefocus/bin/pip install --no-cache-dir --disable-pip-version-check \
        --quiet --no-deps --no-build-isolation /build
COPY containers/prune.sh /build/
RUN sh /build/prune.sh /opt/spikefocus

FROM ${BASE}
COPY containers/system-libraries.txt /usr/share/spikefocus/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 $(sed '/^#/d; s/ .*//' /usr/share/spikefocus/system-libraries.txt) \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && useradd --uid 1000 --create-home spikefocus
COPY --from=build /opt/spikefocus /opt/spikefocus

# Any user id must do, also one without a name or a home of its own, and a read-only root:
# /tmp is the only place outside the output and work folders that is written to.
ENV PATH=/opt/spikefocus/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    USER=spikefocus \
    MPLCONFIGDIR=/tmp/matplotlib \
    MNE_DONTWRITE_HOME=true \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    PYTHONUNBUFFERED=1

ARG VERSION=unknown
ARG REVISION=unknown
ENV SPIKEFOCUS_CONTAINER=spikefocus:${VERSION}-${REVISION}
LABEL org.opencontainers.image.title="spikefocus" \
      org.opencontainers.image.description="BIDS-App that images the sources of interictal MEG spikes. Research use only." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="BSD-3-Clause"

USER spikefocus
WORKDIR /tmp
ENTRYPOINT ["spikefocus"]
