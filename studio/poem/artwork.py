"""A poem as people meet it: on a page, as a file, with its recipe."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin

from studio.errors import BadUpload
from studio.medium import Recipe, Remark
from studio.poem import chinese, data, english, page, sung, typeset
from studio.poem.data import LINES, LONGEST_ROW, Poem, read_poem, stanzas
from studio.poem.settings import Settings
from studio.provenance import RECIPE_KEY, XMP
from studio.song import Lines

FORMATS = ("txt", "png", "json")
UPLOADS = (".txt", ".json", ".png")
LARGEST_BYTES = 20_000_000
POEM_KEY = "latent-studio-poem"
RECIPE_ROW = "recipe: "


class Verse:
    """Four lines, and how they are to be set.

    Attributes:
        lines: as they are shown; language: en or zh; title: "" if there is none.
        recipe: how they were made, None for an upload that carries none.
        settings: of what is asked and seen. `options` are the same for a recipe: what differs from
            the defaults.
    """

    def __init__(
        self,
        lines: Sequence[str],
        language: str,
        recipe: Recipe | None = None,
        settings: Settings | None = None,
        title: str = "",
        remarks: Sequence[Remark] = (),
    ) -> None:
        """Raises: ValueError: not four lines, or another language."""
        if len(lines) != LINES or language not in page.SPOKEN:
            raise ValueError(f"a poem has {LINES} lines in {' or '.join(page.SPOKEN)}")
        self.poem = Poem(tuple(lines), language, title=title)
        self.recipe = recipe
        self.remarks = remarks
        self.settings = settings or Settings()
        self.options: Mapping[str, Any] = self.settings.to_options()

    @property
    def lines(self) -> tuple[str, ...]:
        return self.poem.lines

    @property
    def language(self) -> str:
        return self.poem.language

    @property
    def title(self) -> str:
        return self.poem.title

    @classmethod
    def read(cls, source: str | Path | BinaryIO, language: str = "") -> Verse:
        """A file that the studio saved, or any text of four lines, a title before them or not.

        Traditional characters become simplified ones.

        Args:
            language: the one it has to be in; "" for either.

        Raises:
            BadUpload: it cannot be used; the keys are those of studio.poem.data.
        """
        verse = cls.read_any(source)
        if language not in ("", verse.language):
            raise BadUpload("poem_other_language")
        return verse

    @classmethod
    def read_all(cls, source: str | Path | BinaryIO, language: str = "") -> list[Verse]:
        """Every poem of a file: what `read` takes, or a text of many with blank rows between them.

        Raises:
            BadUpload: there is none.
        """
        content = content_of(source)
        try:
            return [cls.read(BytesIO(content), language)]
        except BadUpload as error:
            found = []
            for lines, _, _ in stanzas(decoded(content).splitlines(), ""):
                with suppress(BadUpload):
                    found.append(cls.read(BytesIO("\n".join(lines).encode()), language))
            if not found:
                raise error
            return found

    @classmethod
    def read_any(cls, source: str | Path | BinaryIO) -> Verse:
        """See `read`."""
        content = content_of(source)
        if content.startswith(b"\x89PNG"):
            return cls.from_dict(*values_in_png(content))
        text = decoded(content)
        if text.lstrip().startswith("{"):
            return cls.from_dict(*values_in_json(text))
        lines, _, recipe = text.partition("\n" + RECIPE_ROW)
        return cls.from_poem(titled(lines), recipe_of(recipe))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], recipe: Recipe | None) -> Verse:
        """What `to_dict` wrote, distrusted: it may come from an uploaded file."""
        lines, title = values.get("lines"), values.get("title")
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise BadUpload("poem_empty")
        poem = titled("\n".join(lines), title if isinstance(title, str) else "")
        return cls.from_poem(poem, recipe)

    @classmethod
    def from_poem(cls, poem: Poem, recipe: Recipe | None) -> Verse:
        """With the settings of its recipe, or those that its own form comes nearest to."""
        settings = Settings.of(recipe.options if recipe else as_written(poem))
        return cls(poem.lines, poem.language, recipe, settings, poem.title)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "language": self.language,
            "lines": list(self.lines),
            "title": self.title,
            "recipe": self.recipe.to_dict() if self.recipe else None,
        }

    def show(self, alt: str = "") -> str:
        """See studio.medium.Artwork.show: the poem on a page, which can be read aloud."""
        return page.page(self.poem, self.settings, alt)

    def thumbnail(self, alt: str = "", size: int = 128) -> str:
        """See studio.medium.Artwork.thumbnail."""
        return page.small(self.poem, self.settings, alt, size)

    def on_paper(self, width: int) -> Image.Image:
        """See studio.medium.OnPaper: the lines alone, on paper that ends where they do."""
        written = typeset.block(self.poem, self.settings, is_signed=self.language == "zh")
        if written.width <= width:
            return written
        height = round(written.height * width / written.width)
        return written.resize((width, height), Image.Resampling.LANCZOS)

    def syllables(self) -> Lines:
        """See studio.song.Sayable."""
        return sung.syllables(self.lines, self.language)

    def text(self) -> str:
        """The lines, under their title if they have one."""
        return "\n".join([*([self.title, ""] if self.title else []), *self.lines]) + "\n"

    def export(self, format: str) -> bytes:
        """Bytes of a file with the recipe inside.

        Raises:
            ValueError: not one of FORMATS.
        """
        if format == "txt":
            return (self.text() + recipe_row(self.recipe)).encode()
        if format == "json":
            return (json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n").encode()
        if format == "png":
            return png(typeset.page(self.poem, self.settings), self.recipe, self.to_dict())
        raise ValueError(f"a poem exports to {', '.join(FORMATS)}, not {format!r}")


def recipe_row(recipe: Recipe | None) -> str:
    """The last row of a text file."""
    return f"\n{RECIPE_ROW}{recipe.to_json()}\n" if recipe else ""


def png(
    picture: Image.Image, recipe: Recipe | None, values: Mapping[str, Any] | None = None
) -> bytes:
    """A picture with its recipe, a mark of machine origin, and a poem's own words inside."""
    info = PngImagePlugin.PngInfo()
    if recipe:
        info.add_itxt(RECIPE_KEY, recipe.to_json())
        info.add_itxt("XML:com.adobe.xmp", XMP)
    if values:
        info.add_itxt(POEM_KEY, json.dumps({**values, "recipe": None}, ensure_ascii=False))
    stream = io.BytesIO()
    picture.save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def values_in_png(content: bytes) -> tuple[dict[str, Any], Recipe | None]:
    """Raises: BadUpload: no picture of a poem that the studio saved."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            said = {key: str(picture.info.get(key, "")) for key in (POEM_KEY, RECIPE_KEY)}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadUpload("poem_empty") from error
    values, _ = values_in_json(said[POEM_KEY])
    return values, recipe_of(said[RECIPE_KEY])


def values_in_json(text: str) -> tuple[dict[str, Any], Recipe | None]:
    """Raises: BadUpload: no poem is in it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadUpload("poem_empty") from error
    if not isinstance(values, dict):
        raise BadUpload("poem_empty")
    recipe = values.get("recipe")
    return values, recipe_of(json.dumps(recipe)) if isinstance(recipe, dict) else None


def recipe_of(text: str) -> Recipe | None:
    """The recipe of a file; None where there is none that can be read: the poem is still there."""
    try:
        return Recipe.from_json(text)
    except BadUpload:
        return None


def content_of(source: str | Path | BinaryIO) -> bytes:
    """The first LARGEST_BYTES of a file."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream:
            return stream.read(LARGEST_BYTES)
    return source.read(LARGEST_BYTES)


def decoded(content: bytes) -> str:
    """The text of a file, in the encodings that old programs for either language still write."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        above = sum(byte > 127 for byte in content[:4096])
        chinese_text = above > len(content[:4096]) / 3
        return content.decode("gb18030" if chinese_text else "cp1252", errors="replace")


def titled(text: str, title: str = "") -> Poem:
    """The poem of a text, in simplified characters; a row that stands alone before it is its title.

    Raises:
        BadUpload: what it is that makes it no quatrain.
    """
    # Turning a book into simplified characters would take its time for nothing.
    if len(text) <= LONGEST_ROW and any(map(data.is_han, text)):
        changed, is_traditional = chinese.simplified(text + "\n" + title)
        if is_traditional:
            text, _, title = changed.rpartition("\n")
    try:
        return read_poem(text, title)
    except BadUpload:
        first, _, rest = text.strip().partition("\n\n")
        if title or "\n" in first or not rest.strip():
            raise
        return read_poem(rest, first)


def as_written(poem: Poem) -> dict[str, str]:
    """Options that come nearest to a poem's own form."""
    if poem.language == "zh":
        return {"form": {5: "five", 7: "seven"}[len(poem.lines[0])]}
    # Settings leaves out what is not one of its choices.
    return {"scheme": english.scheme_of(poem.lines)}
