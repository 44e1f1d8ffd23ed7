"""Where maps are kept, and how a version that has none gets one.

A map lies beside the weights (`python -m studio map`). Where it does not, as for a fine-tuned
version or a plugin's model, it is drawn on first use, once for everybody, and kept in the home
folder as long as the model stays the same.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from studio.atlas import Atlas, Finder, Report, learn, survey, unheard
from studio.checkpoint import (
    MAP,
    Checkpoint,
    model_files,
    open_checkpoint,
    read_card,
    write_checkpoint,
)
from studio.errors import BadCheckpoint, StudioError
from studio.medium import Generator
from studio.registry import Registry

log = logging.getLogger(__name__)

MOST = 32
"""Maps in memory."""


@dataclass
class Drawing:
    """A map that is there, or on its way.

    Attributes:
        share: how much of it is done, 0..1.
        finder: what finds works on it, once it is there.
    """

    share: float = 0.0
    finder: Finder | None = None
    error: BaseException | None = None
    is_over: threading.Event = field(default_factory=threading.Event)

    def result(self) -> Finder:
        """Waits for it.

        Raises:
            StudioError: it could not be drawn, or not be read.
        """
        self.is_over.wait()
        if self.error is not None:
            raise self.error
        assert self.finder is not None
        return self.finder


class Atlases:
    """Maps by medium and version; one for a process, shared by everybody."""

    def __init__(self, registry: Registry, home: Path) -> None:
        self.registry = registry
        self.kept = home / "maps"
        self.drawings: OrderedDict[tuple[str, str], Drawing] = OrderedDict()
        self.lock = threading.Lock()

    def of(self, generator: Generator) -> Drawing:
        """The map of a generator; begins to draw it if there is none."""
        name = (generator.medium, generator.version)
        with self.lock:
            drawing = self.drawings.get(name)
            if drawing is None or drawing.error is not None:
                drawing = self.drawings[name] = Drawing()
                # A daemon: nobody who stops the studio should have to wait for a map.
                threading.Thread(target=self.draw, args=(drawing, *name), daemon=True).start()
            self.drawings.move_to_end(name)
            while len(self.drawings) > MOST:
                self.drawings.popitem(last=False)
        return drawing

    def draw(self, drawing: Drawing, medium: str, version: str) -> None:
        """Fills in a drawing."""

        def report(share: float) -> None:
            drawing.share = share

        try:
            generator = self.registry.use_apart(medium, version)
            drawing.finder = Finder.of(generator, self.atlas(medium, version, report))
        except Exception as error:
            if not isinstance(error, StudioError):
                log.exception("a map could not be drawn")
            drawing.error = error
        finally:
            drawing.is_over.set()

    def atlas(self, medium: str, version: str, report: Report = unheard) -> Atlas:
        """The map of a version, from wherever it is; drawn and kept where it is nowhere.

        Raises:
            NotFound, BadCheckpoint: as `Registry.use`.
        """
        checkpoint = self.registry.checkpoints.find(medium, version)
        found = shipped(checkpoint) or self.cached(checkpoint)
        if found is None:
            found = self.drawn(checkpoint, report)
            self.keep(checkpoint, found)
        return found

    def drawn(self, checkpoint: Checkpoint, report: Report) -> Atlas:
        medium, version = checkpoint.medium, checkpoint.version
        generator = self.registry.use_apart(medium, version)
        if checkpoint.is_base:
            return learn(generator, report)
        base = self.registry.base(medium, version)
        half = 0.0 if shipped(base) or self.cached(base) else 0.5
        noise = self.atlas(medium, base.version, lambda done: report(half * done)).noise
        return survey(generator, noise, lambda done: report(half + (1 - half) * done))

    def cached(self, checkpoint: Checkpoint) -> Atlas | None:
        """The map that was kept of a model, if the model is still the same."""
        folder = self.kept / checkpoint.medium / checkpoint.version
        try:
            if read_card(folder)["of"] != model_files(checkpoint.card):
                return None
            return read(open_checkpoint(folder))
        except (BadCheckpoint, KeyError):
            return None

    def keep(self, checkpoint: Checkpoint, atlas: Atlas) -> None:
        """In the home folder; where that cannot be written, it is drawn again another time."""
        card = {
            "medium": checkpoint.medium,
            "version": checkpoint.version,
            "of": model_files(checkpoint.card),
        }
        shutil.rmtree(self.kept / checkpoint.medium / checkpoint.version, ignore_errors=True)
        try:
            write_checkpoint(self.kept, card, {MAP: atlas.tensors()}, {MAP: document(atlas)})
        except BadCheckpoint as error:
            log.warning("%s", error)


def document(atlas: Atlas) -> dict[str, list[str]]:
    """What is said in words beside the tensors of a map."""
    return {"attributes": list(atlas.attributes)}


def read(checkpoint: Checkpoint) -> Atlas:
    """Raises: BadCheckpoint: it holds no map."""
    try:
        return Atlas.from_tensors(checkpoint.tensors(MAP), checkpoint.document(MAP)["attributes"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadCheckpoint("checkpoint_incomplete", folder=checkpoint.version, file=MAP) from error


def shipped(checkpoint: Checkpoint) -> Atlas | None:
    """The map beside a model's weights."""
    return read(checkpoint) if checkpoint.holds(MAP) else None
