# The web page and the commands of Twinsearch, for docker-compose.yml. The embedded Milvus works in it as well.
FROM python:3.12.13-slim-trixie AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/twinsearch
ENV PATH=/opt/twinsearch/bin:$PATH
WORKDIR /src

# torch alone and first: the build for processors spares gigabytes of CUDA, and the layer lasts until constraints.txt changes.
COPY constraints.txt ./
RUN pip install --no-deps --constraint constraints.txt --index-url https://download.pytorch.org/whl/cpu torch

# The other dependencies, in a layer that a change of our own code doesn't touch.
COPY pyproject.toml ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['bundled'], sep='\n')" > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

COPY README.md LICENSE ./
COPY ingest ingest
COPY search_app search_app
COPY ui ui
RUN pip install --no-deps .


FROM python:3.12.13-slim-trixie

# The account's own folder is the volume: the home, and the cache of the model hub beside it.
RUN useradd --system --uid 10001 --user-group --shell /usr/sbin/nologin --home-dir /var/lib/twinsearch twinsearch \
    && install --directory --mode 0700 --owner twinsearch --group twinsearch /var/lib/twinsearch
COPY --from=build /opt/twinsearch /opt/twinsearch
ENV PATH=/opt/twinsearch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/twinsearch \
    TWINSEARCH_HOME=/var/lib/twinsearch/home
USER twinsearch
WORKDIR /var/lib/twinsearch

EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=5 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["twinsearch"]
CMD ["ui", "--address", "0.0.0.0", "--insecure"]
