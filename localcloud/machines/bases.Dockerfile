# What the emulated cloud's machines start from where a registry answers; see localcloud/machine_image.py.
FROM docker.io/library/ubuntu:24.04@sha256:008173c23f95b170204355c12626cb5a965d779a7e1283b09e9cffbb1bf33ca3 AS system
