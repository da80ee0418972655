# Debian 13: its C library is new enough for the packages, and its Python (3.13) is one of those that are locked.
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates g++ git make python3 python3-dev \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home readalike && mkdir /readalike && chown readalike /readalike
USER readalike
WORKDIR /readalike

# The environment first: it changes less often than the code.
COPY --chown=readalike requirements.lock Makefile ./
COPY --chown=readalike scripts scripts
RUN make setup && rm -rf .cache /home/readalike/.cache

COPY --chown=readalike . .

ENV TF_USE_LEGACY_KERAS=1 \
    PYTHONPATH=/readalike \
    PATH=/readalike/.venv/bin:$PATH

CMD ["python", "local_runner.py", "--help"]
