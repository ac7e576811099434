# The base of Python services where the official image can't be pulled, and what installs packages
# for it on this machine.
ARG BASE
FROM ${BASE} AS runtime
ARG http_proxy
ARG https_proxy
ARG no_proxy
# apt's index is twice the size of Python, and each new machine would pull it
RUN command -v python3 > /dev/null || { apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*; }
LABEL auth.localcloud.cache=python

FROM runtime AS builder
ARG http_proxy
ARG https_proxy
ARG no_proxy
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils \
      $(python3 -c 'import ensurepip' 2> /dev/null || echo python3-venv) \
 && rm -rf /var/lib/apt/lists/*
COPY host-ca.crt /usr/local/share/ca-certificates/host-ca.crt
RUN update-ca-certificates
COPY pip.conf /etc/pip.conf
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    http_proxy=${http_proxy} https_proxy=${https_proxy} no_proxy=${no_proxy}
