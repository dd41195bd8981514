# A test server in a container, with the page for phones and its relay: `docker compose up -d` (compose.yaml).
# The container uses the machine's own network: behind Docker's NAT a check measures the NAT as well.
# The base image is named by tag: its digest cannot be known without asking a registry. To pin it for a build of your own:
# docker buildx imagetools inspect python:3.13-slim, and write python:3.13-slim@sha256:… in both FROM lines.
FROM python:3.13-slim AS build
# web.txt holds what a test server needs, observatory.txt what an observatory needs.
ARG REQUIREMENTS=web.txt
WORKDIR /source
RUN python3 -m venv /opt/talkpath
COPY requirements/${REQUIREMENTS} requirements/
RUN /opt/talkpath/bin/pip install --no-cache-dir --require-hashes -r requirements/${REQUIREMENTS}
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/talkpath/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends coturn && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/talkpath /opt/talkpath
# The server's key and the page's certificate live here: keep the volume, or every link that was handed out is void.
ENV XDG_STATE_HOME=/var/lib PYTHONUNBUFFERED=1
VOLUME /var/lib/talkpath
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/talkpath/bin/talkpath"]
CMD ["respond"]
