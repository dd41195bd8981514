# A responder in a container: docker build -t talkpath . && docker run --network host -v talkpath:/var/lib/talkpath talkpath
# Its calls need the machine's own ports: behind Docker's NAT a check measures the NAT as well.
# The base image is named by tag: its digest cannot be known without asking a registry. To pin it for a build of your own:
# docker buildx imagetools inspect python:3.13-slim, and write python:3.13-slim@sha256:… in both FROM lines.
FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/talkpath
COPY requirements/core.txt requirements/
RUN /opt/talkpath/bin/pip install --no-cache-dir --require-hashes -r requirements/core.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/talkpath/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/talkpath talkpath
COPY --from=build /opt/talkpath /opt/talkpath
USER talkpath
# The responder's key lives here: keep the volume, or every link that was handed out stops working.
ENV XDG_STATE_HOME=/var/lib PYTHONUNBUFFERED=1
VOLUME /var/lib/talkpath
# Control (TLS 1.3 over TCP); the UDP ports are listed by `talkpath respond --help`.
EXPOSE 4433/tcp
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/talkpath/bin/talkpath"]
CMD ["respond"]
