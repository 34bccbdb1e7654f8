# The image of spikefocus: everything inside, no network needed at run time.
# How to build, run and prove it: containers/README.md.

# debian:bookworm-20260623-slim, by its digest.
ARG BASE=debian@sha256:60eac759739651111db372c07be67863818726f754804b8707c90979bda511df

FROM ${BASE} AS system
# The text of a sources.list, for packages of a certain day; otherwise the newest fixes come.
ARG APT_SOURCES
RUN if [ -n "${APT_SOURCES}" ]; then \
        rm -rf /etc/apt/sources.list.d/* && echo "${APT_SOURCES}" >/etc/apt/sources.list; \
    fi
COPY containers/system-libraries.txt /usr/share/spikefocus/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get upgrade -y \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 $(sed '/^#/d; s/ .*//' /usr/share/spikefocus/system-libraries.txt) \
        fonts-ipaexfont-gothic \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* \
        /var/log/apt /var/log/dpkg.log \
    && useradd --uid 1000 --create-home spikefocus

FROM system AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
RUN python3 -m venv /opt/spikefocus

# Where pip finds packages, if not where it looks by itself; they last for this stage only.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_CERT
# Which build of torch: cuda runs on GPU and CPU; cpu is smaller and is found where PyTorch
# keeps it, in PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS.
ARG VARIANT=cuda
COPY requirements.lock requirements-cuda.lock /build/
RUN cd /build \
    && case "${VARIANT}" in \
        cpu) sed -n 's/^torch==[0-9.]*/&+cpu/p' requirements.lock ;; \
        cuda) sed -n 's/^torch==\([0-9.]*\)/torch!=\1+cpu/p' requirements.lock \
            && cat requirements-cuda.lock ;; \
        *) echo "VARIANT is cpu or cuda, not '${VARIANT}'" >&2 && exit 1 ;; \
    esac >variant.lock \
    && /opt/spikefocus/bin/pip install --no-cache-dir --disable-pip-version-check \
        --progress-bar off --quiet -r requirements.lock -c variant.lock

COPY pyproject.toml README.md LICENSE /build/
COPY bids_app /build/bids_app
COPY pipeline /build/pipeline
COPY reports /build/reports
RUN /opt/spikefocus/bin/pip install --no-cache-dir --disable-pip-version-check \
        --quiet --no-deps --no-build-isolation /build
COPY containers/prune.sh /build/
RUN sh /build/prune.sh /opt/spikefocus

FROM system
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

# What is inside, by containers/labels.sh.
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ARG VARIANT=cuda
ENV SPIKEFOCUS_CONTAINER=spikefocus:${VERSION}-${REVISION}
LABEL org.opencontainers.image.title="spikefocus" \
      org.opencontainers.image.description="BIDS-App that images the sources of interictal MEG spikes. Research use only." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      spikefocus.variant="${VARIANT}"

USER spikefocus
WORKDIR /tmp
# Are weights and templates whole, and can the work folder be written?
HEALTHCHECK --interval=30m --timeout=60s --start-period=60s CMD ["spikefocus", "--preflight"]
ENTRYPOINT ["spikefocus"]
