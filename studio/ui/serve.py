"""Start the studio and serve its page until it is stopped."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading

from studio.errors import BadSetting, StudioError
from studio.medium import media
from studio.settings import load_settings
from studio.studio import Studio

log = logging.getLogger(__name__)

PORTS_TRIED = 100


def serve() -> int:
    """Settings from the environment, then the page; the exit code when it stops."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings()
        port = free_port(settings.host, settings.port)
        studio = Studio.start(settings)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    # A host that stops the studio (Docker, systemd, a Space) does it with this signal; without a
    # handler what changed last would not be put aside.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The model loads while the page is being built: both take seconds, and need each other only
    # when the first artwork is asked for.
    threading.Thread(target=warm_up, args=(studio,), daemon=True).start()
    try:
        launch(studio, port)
    except KeyboardInterrupt:  # before the page was there
        return 0
    finally:
        studio.close()
    return 0


def launch(studio: Studio, port: int) -> None:
    """Serve the page and wait until somebody stops it."""
    # Read by the framework while it is imported, so it stands before that import: it would
    # otherwise report to its makers and ask them for the newest version.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # And it would sum up its last ten thousand events after each of them, for a page that nobody
    # is shown here: the busier the studio, the slower.
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
    from studio.ui.app import build_app

    settings = studio.settings
    app, arguments = build_app(studio)
    app.launch(
        server_name=settings.host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        **arguments,
    )
    if port != settings.port:
        print(f"Port {settings.port} is taken by another program, so this is port {port}.")
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    print(f"Latent Studio: http://{shown}:{port}", flush=True)
    app.block_thread()


def warm_up(studio: Studio) -> None:
    """Load the first medium's model; a model that cannot be loaded is told when it is asked for."""
    try:
        studio.registry.use(next(iter(media())))
    except StudioError as error:
        log.warning("%s", error)


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or the next one that is free.

    Raises:
        BadSetting: none of a hundred is, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do it: without this, a port that was just left counts as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if not isinstance(error, socket.gaierror) and error.errno != errno.EADDRNOTAVAIL:
                    continue
                raise BadSetting("host_not_here", host=host) from error
            return port
    raise BadSetting("no_free_port", first=wanted, last=port)
