"""Who is asking: a Visit for every event, and the Page that tabs are built on.

A browser keeps one unguessable key; everything else about a person lies in the store under that
key or travels with the event itself. Nothing about people lives in this process.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.i18n import I18nData

from studio.atlases import Atlases
from studio.bucket import OutOfReach
from studio.checkpoint import base_of
from studio.errors import BadCheckpoint, BadUpload, NotFound, StudioError
from studio.line import Ask, Overtaken
from studio.medium import Generator, Medium, get_medium, media
from studio.store import RatingRow
from studio.studio import Studio
from studio.taste import Curator, Ratings
from studio.taste.explain import Usual
from studio.ui.assets import asset as asset
from studio.words import LANGUAGES, Words

log = logging.getLogger(__name__)


Said = Mapping[str, Any]
"""What a browser says with an event. Distrust it."""


@dataclass(frozen=True)
class Visit:
    """One event of one person: cheap, made anew each time.

    Attributes:
        window: which of the person's open pages asks; "" where none does.
    """

    studio: Studio
    key: str
    medium: str
    language: str
    window: str = ""

    @cached_property
    def medium_object(self) -> Medium:
        return get_medium(self.medium)

    @cached_property
    def words(self) -> Words:
        """The studio's and the medium's words in this person's language."""
        return Words(self.language).including(self.medium_object.words)

    @cached_property
    def generator(self) -> Generator:
        """The version this session uses; loaded on first use.

        One whose folder is gone or damaged is told, and gives way to the one before it; one that is
        out of reach, to what newcomers get, until it is there again.
        """
        store, registry = self.studio.store, self.studio.registry
        while version := store.current_version(self.key, self.medium):
            try:
                return registry.use(self.medium, version)
            except OutOfReach as error:
                self.warn(error)
                break
            except (NotFound, BadCheckpoint) as error:
                log.warning("%s", error)
                store.roll_back(self.key, self.medium)
                self.warn(NotFound("version_lost", version=version))
        return registry.use(self.medium)

    def rated(self) -> list[RatingRow]:
        """The ratings that count, oldest first, of works of the base in use: to another base their
        latents are other works."""
        base = base_of(self.generator.version)
        rows = self.studio.store.ratings(self.key, self.medium)
        return [row for row in rows if base_of(row.recipe.version) == base]

    def ratings(self, until: datetime | None = None) -> Ratings:
        """What `rated` says; of those given until a moment."""
        rows = self.rated()
        return Ratings.from_rows(row for row in rows if until is None or row.created <= until)

    def load(self, name: str) -> dict[str, Any] | None:
        """What this session saved under a name, for this medium."""
        return self.studio.store.load_state(self.key, f"{name}.{self.medium}")

    def save(self, name: str, value: dict[str, Any]) -> None:
        self.save_all({name: value})

    def save_all(self, values: Mapping[str, dict[str, Any]]) -> None:
        """All of these documents, or none."""
        named = {f"{name}.{self.medium}": value for name, value in values.items()}
        self.studio.store.save_states(self.key, named)

    def asking(self, place: str, *, is_passing: bool = False) -> AbstractContextManager[None]:
        """See `Line.asking`; for one place of this person's page and one medium."""
        return self.studio.registry.line.asking(
            self.key, f"{place}.{self.medium}", is_passing=is_passing
        )

    @contextmanager
    def looking_ahead(self, place: str) -> Iterator[None]:
        """As `asking`, for what nobody waits for: it begins when that keeps nobody waiting.

        Raises:
            Overtaken: see `Line.calm`.
        """
        line, at = self.studio.registry.line, f"{place}.{self.medium}"
        with line.asking(self.key, at, is_passing=True, is_ahead=True), line.calm():
            yield

    def begin(self, place: str, *, is_passing: bool = False) -> Ask:
        """See `Line.begin`; for one place of this person's page and one medium."""
        return self.studio.registry.line.begin(
            self.key, f"{place}.{self.medium}", is_passing=is_passing
        )

    def throw(self, sides: int) -> int:
        """A throw of this person's dice, 0 to `sides` - 1."""
        return self.studio.dice.throw(self.key, sides)

    def warn(self, error: StudioError) -> None:
        """Tell a person what went wrong, in their words."""
        _warn(self.words, error)

    def say(self, key: str, **values: object) -> None:
        """A short note in the corner."""
        gr.Info(self.words(key, **values), title=self.words("common.note"), duration=4)


def visit(studio: Studio, key: str, medium: str, request: gr.Request | None) -> Visit:
    """The visit of an event.

    Raises:
        NotFound: an unknown medium.
    """
    get_medium(medium)
    window = request.session_hash if request else None
    return Visit(studio, key, medium, language_of(studio, key, request), window or "")


# Files somewhat too large are let in and refused by the tab, in the person's own words; only what
# is far too large is cut off on its way.
UPLOADED_AT_MOST = 4


def require_size(visit: Visit, path: Path, times: int = 1) -> None:
    """Raises: BadUpload: a file is larger than so many times what the host allows."""
    limit = times * visit.studio.settings.max_upload_mb
    if path.stat().st_size > limit * 2**20:
        raise BadUpload("upload_too_large", limit=limit)


@contextmanager
def passing(*paths: str | Path) -> Iterator[None]:
    """Files that somebody brought in are read inside, and gone afterwards."""
    try:
        yield
    finally:
        for path in paths:
            Path(path).unlink(missing_ok=True)


def language_of(studio: Studio, key: str, request: gr.Request | None) -> str:
    """The host's language, else the person's choice, else their browser's."""
    if studio.settings.language in LANGUAGES:
        return studio.settings.language
    try:
        chosen = (studio.store.load_state(key, "language") or {}).get("language")
    except NotFound:  # an unknown key has not chosen anything
        chosen = None
    if chosen in LANGUAGES:
        return chosen
    header = request.headers.get("accept-language") if request else None
    return Words.for_request(header).language


def words_for(studio: Studio, key: str, medium: str, request: gr.Request | None) -> Words:
    """Words to speak with even where the medium or the key is what was refused."""
    words = Words(language_of(studio, key, request))
    return words.including(media()[medium].words) if medium in media() else words


def _warn(words: Words, error: StudioError) -> None:
    gr.Warning(words.error(error), title=words("common.not_done"))


@dataclass(frozen=True)
class Filled:
    """A tab and the event that fills it; `stale` comes later and is of the medium before until
    then."""

    tab: gr.Tab
    event: Callable[..., Any]
    outputs: list[gr.components.Component]
    stale: list[gr.components.Component]


class Page:
    """What tabs share while they are built, and how their events reach a Visit.

    Every element with `data-key="x"` or the class `key-x` is clicked by that key while its tab
    shows, and listed on the sheet that `?` opens.
    """

    quiet: ClassVar[dict[str, Any]] = {
        "show_progress": "hidden",
        "concurrency_limit": None,
        "api_visibility": "private",
    }
    """For events that answer within a blink: no spinner, no waiting for other people."""

    def __init__(self, studio: Studio, key: gr.BrowserState, medium: gr.BrowserState) -> None:
        self.studio = studio
        self.key = key
        self.medium = medium
        self.filled: list[Filled] = []
        self.labels: set[str] = set()
        self.curator = Curator()
        self.usual = Usual(studio.registry.checkpoints)
        self.atlases = Atlases(studio.registry, studio.settings.home)

    def i18n(self, key: str) -> I18nData:
        """A label that the browser shows in its own language; `key` is one of the words."""
        self.labels.add(key)
        return gr.I18n()(key)

    def translations(self) -> gr.I18n:
        """Every label asked for so far, for launch()."""
        tables = {language: Words(language) for language in LANGUAGES}
        front_end_names = {"en": "en", "zh": "zh-CN"}
        return gr.I18n(
            **{
                front_end_names[language]: {key: words(key) for key in sorted(self.labels)}
                for language, words in tables.items()
            }
        )

    @property
    def inputs(self) -> list[gr.components.Component]:
        """The first inputs of every event that uses `handler`."""
        return [self.key, self.medium]

    def handler(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """`fn(visit, *inputs)` as an event function of `[*page.inputs, *inputs]`.

        A StudioError is told in the person's words and leaves every output as it was; anything
        else is a bug: logged, and the person hears that their work is safe.
        """

        def event(request: gr.Request, key: str, medium: str, *inputs: Any) -> Any:
            result: Any = gr.skip()
            with self.inside(key), self.told(key, medium, request):
                result = fn(visit(self.studio, key, medium, request), *inputs)
            return result

        def stream(request: gr.Request, key: str, medium: str, *inputs: Any) -> Iterator[Any]:
            yield from self.steps(fn, key, medium, request, *inputs)

        wrapped = stream if inspect.isgeneratorfunction(fn) else event
        # Gradio names an event after its function; not all of them should be called "event".
        wrapped.__name__ = getattr(fn, "__name__", "event")
        return wrapped

    @contextmanager
    def inside(self, key: str) -> Iterator[None]:
        """A question that the door let in (see studio.ui.doorway) is answered inside."""
        try:
            yield
        finally:
            self.studio.door.leave(key)

    def steps(
        self,
        fn: Callable[..., Iterator[Any]],
        key: str,
        medium: str,
        request: gr.Request,
        *inputs: Any,
    ) -> Iterator[Any]:
        """What a function yields. The framework may have each step made in another thread; and
        long work that is under way keeps nobody out."""
        made: Iterator[Any] | None = None
        has_answered = False
        while True:
            found: list[Any] = []
            entering = self.inside(key) if made is None else nullcontext()
            with entering, self.told(key, medium, request):
                made = made or fn(visit(self.studio, key, medium, request), *inputs)
                found = [*islice(made, 1)]
            if not found:
                # The framework takes no answer at all for empty outputs.
                if not has_answered:
                    yield gr.skip()
                return
            has_answered = True
            yield found[0]

    @contextmanager
    def told(self, key: str, medium: str, request: gr.Request) -> Iterator[None]:
        """What goes wrong inside is told to the person, and goes no further."""
        try:
            with self.studio.registry.line.asking(key):
                yield
        except Overtaken:
            pass
        except StudioError as error:
            _warn(words_for(self.studio, key, medium, request), error)
        except Exception:
            log.exception("an event failed")
            words = words_for(self.studio, key, medium, request)
            gr.Warning(words("common.bug"), title=words("common.not_done"))

    def saying(self, fn: Callable[[Visit, Said], Any]) -> Callable[..., Any]:
        """`fn(visit, said)` as an event function of `page.inputs`, for events that carry data."""

        def event(request: gr.Request, data: gr.EventData, key: str, medium: str) -> Any:
            return self.handler(lambda visit: fn(visit, data._data))(request, key, medium)

        def stream(request: gr.Request, data: gr.EventData, key: str, medium: str) -> Iterator[Any]:
            yield from self.steps(fn, key, medium, request, data._data)

        wrapped = stream if inspect.isgeneratorfunction(fn) else event
        wrapped.__name__ = getattr(fn, "__name__", "event")
        return wrapped

    def fills(
        self,
        tab: gr.Tab,
        fn: Callable[[Visit], Any],
        outputs: Sequence[gr.components.Component],
        stale: Sequence[gr.HTML] = (),
    ) -> None:
        """Have `fn(visit)` fill `outputs` whenever the tab comes up or shows another medium.

        Args:
            stale: what is filled later; another medium empties it.
        """
        self.filled.append(Filled(tab, self.handler(fn), list(outputs), list(stale)))
