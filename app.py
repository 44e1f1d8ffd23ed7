"""Starts the studio in a browser; what `make run` and a Hugging Face Space run."""

from studio.ui.serve import serve

if __name__ == "__main__":
    raise SystemExit(serve())
