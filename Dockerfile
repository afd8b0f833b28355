ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /source
# The environment of the build: pip and the build backend stay here.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /build \
 && /build/bin/pip install --quiet --no-cache-dir --only-binary :all: --require-hashes -r requirements-build.lock \
 && python -m venv --without-pip /opt/workflow-mock \
 && /build/bin/pip --python /opt/workflow-mock install --quiet --no-cache-dir --no-compile \
      --only-binary :all: --require-hashes -r requirements.lock
COPY . .
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /build/bin/pip --python /opt/workflow-mock install --quiet --no-deps --no-compile /wheel/*.whl \
 && /opt/workflow-mock/bin/python -m compileall -q -j 0 /opt/workflow-mock/lib

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/workflow-mock /opt/workflow-mock
COPY --from=build /source/examples/first_request.py /opt/workflow-mock/examples/
# Catalogue files mounted here replace the demo; an empty folder leaves it.
RUN mkdir /etc/workflow-mock
ENV PATH=/opt/workflow-mock/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    WORKFLOW_MOCK_HOST=0.0.0.0 \
    WORKFLOW_MOCK_CATALOGUE=/etc/workflow-mock
USER 65532:65532
EXPOSE 8080
# No --start-interval: Podman before 5 can't build it. A check takes 0.1 s of a core.
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["workflow-mock", "health"]
ENTRYPOINT ["workflow-mock"]
CMD ["serve"]
