# A studio on CPUs, as a user without rights; what people make is in the volume /data.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 studio \
    && install --directory --owner studio --mode 700 /data
WORKDIR /srv/latent-studio

# torch first, from PyTorch's own index: the build on PyPI brings two gigabytes of CUDA along.
COPY requirements.txt requirements-scale.txt ./
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
        "$(grep '^torch==' requirements.txt)" \
    && pip install --no-cache-dir -r requirements-scale.txt

COPY LICENSE app.py ./
COPY checkpoints checkpoints
COPY studio studio
RUN python -m compileall -q studio

USER studio
ENV STUDIO_HOST=0.0.0.0 STUDIO_HOME=/data
VOLUME /data
EXPOSE 7860
# The first answer waits for the imports and the page, the later ones for the database alone.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=9)"]
CMD ["python", "app.py"]
