"""The contract of a medium, and how media are found.

A medium is one folder (or one plugin package) that can make a kind of artwork from noise. The
studio finds those in its own package by their `medium.py`, which names its `MEDIA` (one, or one for
each language), and those of plugins through the entry-point group `latent_studio.media`. Nothing
outside a medium's folder knows it by name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeGuard, runtime_checkable

import numpy as np

from studio.errors import BadUpload, NotFound

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor, nn

    from studio.checkpoint import Checkpoint

ENTRY_POINTS = "latent_studio.media"
BEFORE = "before"
"""Decode option of a work that goes on from others: their latents, oldest first, as base64 of
little-endian float32. Only a medium whose `longest` is above 1 knows it."""
LOCAL = "local"
"""Decode option of a work whose latent is not the same everywhere in it: by how much it differs
from place to place, or from layer to layer, packed. Only a generator that is `Pliable` or
`Heritable` knows it."""
HELD = "held"
"""Decode option of a work in words: the texts of parts that stay as they are, by their number from
"0"."""
LONGEST_HELD = 400
"""Characters of one of them, at most."""


def pack(latent: Sequence[float]) -> str:
    """Base64 of little-endian float32: exact, and a third as long as digits."""
    return base64.b64encode(np.asarray(latent, dtype="<f4").tobytes()).decode("ascii")


def unpack(text: str) -> tuple[float, ...]:
    """What `pack` wrote.

    Raises:
        TypeError, ValueError: anything else, or numbers that no latent has.
    """
    latent = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    if not (1 <= len(latent) <= 65536 and np.isfinite(latent).all()):
        raise ValueError("latent")
    return tuple(latent.tolist())


def before_of(options: Mapping[str, Any], dim: int, most: int) -> list[str]:
    """The latents of option BEFORE, still packed: the latest `most`, or none if any is damaged."""
    packed = options.get(BEFORE) or []
    try:
        latents = [unpack(text) for text in packed]
    except (TypeError, ValueError):
        return []
    return list(packed)[-most:] if all(len(latent) == dim for latent in latents) else []


def lasting(options: Mapping[str, Any]) -> dict[str, Any]:
    """What still holds for something new: all but what came before a work, and what is its own."""
    return {key: value for key, value in options.items() if key not in (BEFORE, LOCAL)}


def held_of(options: Mapping[str, Any]) -> dict[int, str]:
    """Option HELD by the parts' numbers, from 0; what is damaged is left out."""
    held = options.get(HELD)
    if not isinstance(held, Mapping):
        return {}
    return {
        int(part): text
        for part, text in held.items()
        if str(part).isdecimal() and isinstance(text, str) and 0 < len(text) <= LONGEST_HELD
    }


def holding(options: Mapping[str, Any], part: int, text: str | None) -> dict[str, Any]:
    """Options in which a part is held as this text; None: no longer held."""
    held = {**held_of(options), part: text}
    kept = {str(number): said for number, said in sorted(held.items()) if said}
    others = {key: value for key, value in options.items() if key != HELD}
    return {**others, HELD: kept} if kept else others


@dataclass(frozen=True)
class Source:
    """A work that a model learned from, as seen from an artwork.

    Attributes:
        work: what it is called among the works trained on; artist, title, year: "" if unknown.
        distance: of its features from the artwork's.
        nearer: share of the works by the same hands that were never trained on which come nearer
            to a training work than this artwork does; None where there are none to compare with.
    """

    work: str
    artist: str
    title: str
    year: str
    distance: float
    nearer: float | None


@dataclass(frozen=True)
class Recipe:
    """How an artwork was made, complete enough to make it again.

    The latent itself is stored, not only a seed: the same seed may meet another mapping, and an
    edited latent has no seed.

    Attributes:
        medium, version: what decodes the latent.
        latent: D float32 numbers.
        seed: the seed of its noise while the latent is still exactly that noise's, else None.
        options: the medium's decode options.
        parents: ids of the artworks this one was made from.
        how: one word for the last gesture: seed, slider, nearby, morph, breed, upload, sample.
        sources: the works it comes nearest to among those the model learned from; files say it,
            and it is not believed when a file comes back.
    """

    medium: str
    version: str
    latent: tuple[float, ...]
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    how: str = "sample"
    sources: tuple[Source, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the latent as base64 of little-endian float32, so that it is exact."""
        nearest = {"nearest_works": [asdict(source) for source in self.sources]}
        return {
            "made_with": "Latent Studio: a machine helped make this",
            "medium": self.medium,
            "version": self.version,
            "latent": pack(self.latent),
            "seed": self.seed,
            "options": dict(self.options),
            "parents": list(self.parents),
            "how": self.how,
            **(nearest if self.sources else {}),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Read what `to_dict` wrote, distrusting it: it may come from an uploaded file.

        Raises:
            BadUpload: something is missing or of the wrong kind.
        """
        try:
            latent = unpack(values["latent"])
            seed = values.get("seed")
            options = dict(values.get("options") or {})
            if not isinstance(options.get(BEFORE, []), list):
                raise ValueError(BEFORE)
            return cls(
                medium=str(values["medium"])[:64],
                version=str(values["version"])[:128],
                latent=latent,
                seed=None if seed is None else int(seed),
                options=options,
                parents=tuple(str(parent)[:64] for parent in values.get("parents") or ())[:64],
                how=str(values.get("how", "upload"))[:32],
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadUpload("recipe_damaged") from error

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Raises: BadUpload: not a recipe."""
        try:
            values = json.loads(text)
        # Brackets within brackets, thousands deep, are no value error.
        except (ValueError, RecursionError) as error:
            raise BadUpload("recipe_damaged") from error
        if not isinstance(values, dict):
            raise BadUpload("recipe_damaged")
        return cls.from_dict(values)

    def with_(self, **changes: Any) -> Recipe:
        return replace(self, **changes)


def latents_of(recipes: Sequence[Recipe]) -> Tensor:
    """Latents [N, D] of recipes; [0, 0] of none."""
    import torch

    return torch.tensor([recipe.latent for recipe in recipes]).reshape(
        len(recipes), -1 if recipes else 0
    )


Remark = tuple[str, Mapping[str, object]]
"""The key of a sentence among the medium's words, and what it is filled in with."""


class Artwork(Protocol):
    """What people see: made by `Generator.decode`, or read from an upload by `Medium.read`."""

    recipe: Recipe | None
    """None for an upload that carries none."""
    options: Mapping[str, Any]
    """Decode options of the medium that this work has; of an upload, those that come nearest."""
    remarks: Sequence[Remark]
    """What could not be done as it was asked; shown beside the work."""

    def show(self, alt: str = "") -> str:
        """An HTML fragment that shows the work large; self-contained, safe, fills its parent's
        width. `alt` describes it for people who cannot see it."""

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        """A small HTML fragment for strips and grids, at most about 10 kB."""

    def export(self, format: str) -> bytes:
        """The file a person downloads, with the recipe inside where the format can hold it.

        Raises:
            ValueError: not one of the medium's `formats`.
        """


@dataclass(frozen=True)
class Option:
    """Something that an artist chooses about decoding, beside the latent.

    Attributes:
        key: its name in `Recipe.options`, and the key of its words (`option.<key>`, and for each
            of its choices `option.<key>.<choice>`).
        default: what holds while nothing is chosen; recipes leave it out.
        choices: the values it may have; empty for a number or a text.
        least, most, step: of a number.
        longest: characters of a text; 0 for anything else.
    """

    key: str
    default: str | float
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 1.0
    step: float = 0.05
    longest: int = 0

    def clean(self, value: Any) -> str | float:
        """The nearest value it may have to what came from a browser or a file."""
        if self.longest:
            # Cut before it is looked at, so that what is far too long costs nothing.
            said = value[: 8 * self.longest] if isinstance(value, str) else ""
            shown = "".join(c if c.isprintable() else " " for c in said)
            return " ".join(shown.split())[: self.longest].rstrip()
        if self.choices:
            return value if value in self.choices else self.default
        try:
            number = float(value)
        except (TypeError, ValueError):
            return self.default
        return min(max(number, self.least), self.most) if isfinite(number) else self.default


@dataclass(frozen=True)
class Direction:
    """A unit vector in latent space with a name people use; see studio.directions.moved.

    Attributes:
        key: stable identifier, also the key of its words (`direction.<key>`, `.low`, `.high`).
        vector: D numbers of length one.
        scale: latent distance of one standard deviation of samples along it: sliders speak in
            these.
        attribute: the measured attribute it moves, or "" for a principal axis.
        effect: change of that attribute for one step of `scale`, in standard deviations of the
            attribute among samples.
        correlation: rank correlation of slider position and measured attribute over samples.
        side_effects: the same effect on the other attributes.
        bend: how the way depends on where one is, for what no single vector does (wider leaps are
            another step from every melody): base64 of float32 [2, rank, D], packed by `pack`, in
            latent units for one step. Empty: the same way from everywhere.
    """

    key: str
    vector: tuple[float, ...]
    scale: float
    attribute: str = ""
    effect: float = 0.0
    correlation: float = 0.0
    side_effects: Mapping[str, float] = field(default_factory=dict)
    bend: str = ""


@dataclass(frozen=True)
class LatentStatistics:
    """Where a generator's latents lie, measured on many samples.

    Attributes:
        mean: [D].
        axes: principal axes [K, D], orthonormal, largest first.
        scales: standard deviation along each axis [K].
    """

    mean: Tensor
    axes: Tensor
    scales: Tensor


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Where a base generator's features lie, so that taste can work in few, whitened dimensions.

    Attributes:
        mean: [F].
        axes: [K, F], orthonormal.
        scales: [K].
        kinds: how many of the features, one after the other, are of which kind (`subject`,
            `palette`); F together. A taste may go by one kind and not by another. Without any, all
            features are of one. People read their names as `kind.<name>`.
    """

    mean: Tensor
    axes: Tensor
    scales: Tensor
    kinds: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Generator(Protocol):
    """What the studio needs of a trained model of any medium.

    Latents are float32 tensors [batch, latent_dim]; every method accepts any batch size, including
    zero, returns tensors on the CPU, and is safe to call from several threads.
    """

    medium: str
    version: str
    device: Any
    latent_dim: int
    at_once: int
    """How many works of different people are worth decoding in one pass."""
    statistics: LatentStatistics
    feature_statistics: FeatureStatistics
    directions: Sequence[Direction]
    mapping: nn.Module
    """Noise to latents; fine-tuning adapts its linear layers (see studio.adapter)."""

    def map(self, noise: Tensor) -> Tensor:
        """Noise [B, 128] ~ N(0, I) to latents [B, D]."""

    def decode(
        self, latents: Tensor, options: Mapping[str, Any] | None = None
    ) -> Sequence[Artwork]:
        """Latents [B, D] to B artworks, the same ones every time, each carrying its recipe.

        Options that the medium does not know, or with values that it does not, are left out.

        Raises:
            ValueError: latents are not [B, D] or hold NaN.
        """

    def encode(self, artworks: Sequence[Artwork]) -> Tensor:
        """The latents [B, D] whose artworks come nearest to these (inversion of uploads)."""

    def features(self, artworks: Sequence[Artwork]) -> Tensor:
        """What taste sees of artworks [B, F]."""

    def attributes(self, artworks: Sequence[Artwork]) -> Mapping[str, Tensor]:
        """What people can name, each [B]; units are in the medium's `attribute_units`."""

    def latent_features(self, latents: Tensor) -> Tensor:
        """Features [B, F] of the artworks of latents [B, D], differentiable with respect to the
        latents: fine-tuning's way from reward to mapping. On the generator's device."""

    def forward(self, latents: Tensor) -> Tensor:
        """The decoder network alone on latents [B, D]: the floor that `decode` is measured by."""

    def adapted(self, adapter: Mapping[str, Tensor], version: str) -> Generator:
        """A generator that shares every weight with this one except the adapted mapping (and
        decoder, if it is `Handed` and the adapter holds one).

        Raises:
            ValueError: the adapter belongs to a model of another shape.
        """

    def memory_bytes(self) -> int:
        """Device memory of the weights; an adapted generator counts only what it adds."""


@dataclass(frozen=True)
class Draws:
    """S works drawn at random for each of B latents.

    Attributes:
        features: [S, B, F], without gradient.
        log_probabilities: [S, B], in nats, of each work whole; differentiable with respect to the
            policy's parameters.
        divergence: [B], the KL divergence in nats of the policy's works from those of the
            generator's own decoder: exact where a work's tokens are independent given the latent,
            else an estimate from the draws; differentiable likewise.
    """

    features: Tensor
    log_probabilities: Tensor
    divergence: Tensor


class Handed(Protocol):
    """What a generator can do besides, if its decoder can learn: `adapted` then takes an adapter of
    it beside that of the mapping, with `decoder.` before the names of its tensors.

    Taste fine-tunes the decoder by the gradient of `latent_features` with respect to its weights,
    or, if it is `Sampled`, by policy gradient.
    """

    decoder: nn.Module
    """Its linear layers are adapted (see studio.adapter)."""


class Sampled(Handed, Protocol):
    """What a generator can do besides, if its decoder says how likely each work is: it learns by
    policy gradient (Williams, Simple Statistical Gradient-Following Algorithms for Connectionist
    Reinforcement Learning, 1992), which asks for no gradient through the work."""

    def draw(self, policy: nn.Module, latents: Tensor, count: int, rng: torch.Generator) -> Draws:
        """Works of latents [B, D] from an adapted copy of `decoder`, `count` of each.

        `decode` shows the likeliest work; this draws from all of them, as the policy weighs them.
        """


class Sourced(Protocol):
    """What a generator can do besides, if it knows the works that its model learned from."""

    def sources(self, artworks: Sequence[Artwork]) -> Sequence[Sequence[Source]]:
        """The training works nearest to each of the artworks, the nearest first."""


def is_sourced(generator: Any) -> TypeGuard[Sourced]:
    """Whether a generator knows them. From Python 3.12 on, `isinstance` does not see what whoever
    stands before a generator passes on."""
    return hasattr(generator, "sources")


def with_sources(generator: Generator, artwork: Artwork) -> Artwork:
    """The artwork, its recipe saying what it comes nearest to if the generator knows."""
    if is_sourced(generator) and artwork.recipe is not None:
        (found,) = generator.sources([artwork])
        artwork.recipe = artwork.recipe.with_(sources=tuple(found))
    return artwork


class InParts(Protocol):
    """What a generator can do besides, if its medium has `parts`."""

    def refilled(
        self,
        latent: Tensor,
        kept: Sequence[int],
        seed: int,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Tensor, Mapping[str, Any]]:
        """A latent [D] and options whose work has the kept parts of this one's exactly, and others
        that go with them."""

    def continued(self, latent: Tensor, seed: int) -> Tensor:
        """A latent [D] for what could come after this one's work; its option BEFORE then holds
        the latents of what comes before it."""


class Heritable(Protocol):
    """What a generator can do besides, if a work can take after one work in some of its traits and
    after another in others (see studio.heredity)."""

    traits: Sequence[str]
    """Keys of the words `trait.<key>`."""

    def inherited(
        self, latents: Tensor, options: Sequence[Mapping[str, Any]], shares: Tensor
    ) -> tuple[Tensor, Sequence[Mapping[str, Any]]]:
        """Latents [N, D] and options of N children of parents with latents [P, D] and options.

        Args:
            shares: how much of each of the T traits each child has from each parent [N, T, P]; they
                add up to 1 over parents.
        """


class Worded(Artwork, Protocol):
    """A work of a medium that is `in_words`."""

    lines: Sequence[str]
    """The texts of its parts."""


class InWords(InParts, Protocol):
    """What a generator can do besides, if its medium is `in_words`: its parts are lines of words,
    which people hold (see HELD) and write themselves."""

    def rewritten(
        self, latent: Tensor, part: int, text: str, options: Mapping[str, Any] | None = None
    ) -> tuple[Tensor, Mapping[str, Any]]:
        """A latent [D] and options whose work is this one's, but for one part in a person's words:
        as near as the generator can come to it, and held as it was written.

        Raises:
            BadUpload: the text cannot be a part; says why for a person.
        """

    def alternatives(
        self, latent: Tensor, part: int, count: int, seed: int, options: Mapping[str, Any] | None
    ) -> Sequence[str]:
        """Other texts for one part that go with the others, the likeliest first; none twice."""


class Medium(Protocol):
    """A kind of artwork. Stateless; everything learned lives in checkpoints."""

    name: str
    language: str
    """Of its works (en, zh), where they have one; else "". Media of one kind in several languages
    have names that differ in what follows a hyphen."""
    place: int
    """Where it stands among the media that ship; the first is what a newcomer meets."""
    words: Path
    """Folder of en/*.json and zh/*.json: `medium.title`, `medium.one`, `attribute.*`,
    `direction.*`, `error.*`."""
    formats: Sequence[str]
    """File endings an artwork exports to, the best first."""
    path_formats: Sequence[str]
    """File endings a path (a morph) exports to."""
    uploads: Sequence[str]
    """File endings that `read` understands."""
    attribute_units: Mapping[str, str]
    options: Sequence[Option]
    """What an artist can choose about decoding."""
    parts: int
    """Of a latent that is a row of equal parts (bars, lines), how many there are; else 0. With
    parts, its generators are `InParts`."""
    in_words: bool
    """Whether its parts are lines of words; its generators are then `InWords`."""
    shows_paths: bool
    """Whether the frames of a path are also one work (melodies heard one after another)."""
    longest: int
    """How many latents one after another a work may hold (see InParts.continued); 1 without."""

    def load(self, checkpoint: Checkpoint, device: str) -> Generator:
        """Raises: BadCheckpoint: the folder is not one of this medium's models."""

    def read(self, source: str | Path | BinaryIO) -> Artwork:
        """A person's file as an artwork; its recipe is set if the file carries one.

        Raises:
            BadUpload: it cannot be used; says why for a person.
        """

    def export_path(
        self, artworks: Sequence[Artwork], format: str, seconds: float, target: Path
    ) -> None:
        """Write the frames of a path as one file (film, long melody, sequence of poems).

        Raises:
            ValueError: not one of `path_formats`.
        """

    def show_path(self, artworks: Sequence[Artwork], alt: str = "") -> str:
        """HTML of the frames of a path as one work; asked for only if `shows_paths`."""

    def train(self, arguments: Sequence[str]) -> int:
        """`python -m studio train <medium> …`; imports neither gradio nor the store."""

    def evaluate(
        self, generator: Generator, checkpoint: Checkpoint, data: Path | None, samples: int
    ) -> Mapping[str, Any]:
        """Figures of a model, each with its baseline, as plain values.

        `checkpoint` is the base that the generator is, or was fine-tuned from; what evaluation
        without data needs lies there.
        """


@runtime_checkable
class Glimpsed(Protocol):
    """What an artwork can do besides, if `show` takes longer than an eye does."""

    def glimpse(self, alt: str = "") -> str:
        """As `Artwork.show` in the same layout, without what is only wanted once a hand rests:
        shown while a dial is dragged."""


class Gathered(Protocol):
    """What a medium can do besides, if one file may hold several works."""

    def read_all(self, source: str | Path | BinaryIO) -> Sequence[Artwork]:
        """Every work of a person's file.

        Raises:
            BadUpload: there is none that can be used.
        """


@runtime_checkable
class Shares(Protocol):
    """What a medium can say besides: which of its attributes express a quality that other media
    have too. What a person likes in one is then a hint of what to show them first in another."""

    shared: Mapping[str, tuple[str, int]]
    """By the quality (brightness, liveliness, nature): the attribute, and 1 or, where less of the
    attribute is more of the quality, -1."""


def shared_of(medium: Medium) -> Mapping[str, tuple[str, int]]:
    """`Shares.shared`, empty for a medium that says nothing of it."""
    return medium.shared if isinstance(medium, Shares) else {}


@runtime_checkable
class Felt(Protocol):
    """What a medium can say besides: how the mood of its works is read from their attributes, so
    that works of other media can be found in the same mood (see studio.triptych)."""

    moods: Mapping[str, Mapping[str, float]]
    """By the mood (valence, from sad to glad; energy, from calm to stirred; nature, from the room
    to the open): attributes, and how much a standard deviation of each says of it."""


def moods_of(medium: Medium) -> Mapping[str, Mapping[str, float]]:
    """`Felt.moods`, empty for a medium that says nothing of it."""
    return medium.moods if isinstance(medium, Felt) else {}


@runtime_checkable
class OnPaper(Protocol):
    """What an artwork can do besides, if it can be printed."""

    def on_paper(self, width: int) -> Image:
        """As a picture so many pixels wide, on white paper or on the studio's own."""


@cache
def media() -> Mapping[str, Medium]:
    """All media by name: the shipped ones in their places, then plugins by name."""
    here = Path(__file__).parent
    shipped: list[Medium] = [
        medium
        for file in here.glob("*/medium.py")
        for medium in import_module(f"studio.{file.parent.name}.medium").MEDIA
    ]
    found = {medium.name: medium for medium in sorted(shipped, key=lambda each: each.place)}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda e: e.name):
        found.setdefault(entry.name, entry.load())
    return found


def get_medium(name: str) -> Medium:
    """Raises: NotFound: no medium of this name; the sentence lists those there are."""
    try:
        return media()[name]
    except KeyError:
        raise NotFound("unknown_medium", name=name, known=", ".join(media())) from None


def in_language(name: str, language: str) -> str:
    """The name of a medium's twin in another language; the same for "".

    Raises:
        NotFound: there is none.
    """
    get_medium(name)
    kind = name.split("-")[0]
    for other in media().values():
        if not language or (other.language == language and other.name.split("-")[0] == kind):
            return other.name if language else name
    known = [each.language for each in media().values() if each.name.split("-")[0] == kind]
    raise NotFound("no_such_language", name=name, language=language, known=", ".join(known))
