# Debian 13: its C library is new enough for the packages. The compiler stays in the first stage.
FROM python:3.11-slim-trixie AS environment

RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /readalike
COPY requirements.lock Makefile ./
COPY scripts scripts
RUN make setup

FROM python:3.11-slim-trixie

# A number, because Kubernetes cannot tell from a name that it is not root; group 0 for clusters that choose the number.
RUN useradd --uid 1000 --gid 0 --create-home readalike && chmod g=u /home/readalike

WORKDIR /readalike
COPY --from=environment /readalike/.venv .venv
COPY --chown=1000:0 . .

ENV TF_USE_LEGACY_KERAS=1 \
    PYTHONPATH=/readalike \
    PATH=/readalike/.venv/bin:$PATH \
    HOME=/home/readalike

RUN python -m compileall -q components core data evaluation pipeline registry report serving storage trainer transform

ARG REVISION=unknown
LABEL org.opencontainers.image.revision=$REVISION
ENV READALIKE_REVISION=$REVISION

USER 1000

CMD ["python", "local_runner.py", "--help"]
