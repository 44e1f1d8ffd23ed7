"""A triptych as one web page that needs nothing else: no server, no net."""

from __future__ import annotations

import base64
import json
from html import escape

from studio.medium import Artwork, get_medium
from studio.poem.page import face
from studio.triptych import Triptych, is_wide
from studio.triptych.poster import KEY, origin
from studio.words import Words

PICTURE = "jpg"
KINDS = {"jpg": "image/jpeg", "txt": "text/plain"}
STYLE = """
:root { --paper: #fdfaf3; --wall: #f4f2ee; --ink: #23211d; --soft: #625d54; color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wall); color: var(--ink);
  font: 17px/1.6 'EB Garamond Poems', Georgia, 'Songti SC', 'Noto Serif CJK SC', serif; }
main { max-width: 1180px; margin: 0 auto; padding: clamp(16px, 4vw, 56px);
  display: grid; gap: clamp(18px, 3vw, 40px); grid-template-columns: repeat(2, minmax(0, 1fr)); }
figure { margin: 0; align-self: center; }
figure > img, figure > .artwork { display: block; width: 100%; }
figure > img { box-shadow: 0 18px 48px -16px rgb(40 34 24 / 28%); border-radius: 3px; }
.melody-roll svg { aspect-ratio: 5 !important; }
.wide { grid-column: 1 / -1; }
footer { max-width: 1180px; margin: 0 auto; padding: 0 clamp(16px, 4vw, 56px) 48px;
  color: var(--soft); font-size: 15px; }
a { color: inherit; }
a[download] { display: inline-block; padding: 10px 14px 10px 0; }
@media (max-width: 720px) { main { grid-template-columns: minmax(0, 1fr); } }
"""


def page(triptych: Triptych, words: Words) -> str:
    """HTML in the language of `words`, with the works, their files, and all recipes inside."""
    sung = triptych.sung()
    panels = "".join(panel(name, work, words) for name, work in sung.works.items())
    files = " ".join(download(name, work, words) for name, work in sung.works.items())
    title = escape(words("triptych.title"))
    about = triptych.to_json().replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="{words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Latent Studio">
<meta name="description" content="{escape(words("triptych.made_with"))}">
<title>{title}</title>
<style>{face()}{STYLE}</style>
</head>
<body>
<h1 style="position:absolute;clip-path:inset(50%)">{title}</h1>
<main>{panels}</main>
<footer>
<p>{escape(words("triptych.made_with"))}<br>{escape(origin(triptych))}</p>
{nearest(triptych, words)}
<p>{files}</p>
</footer>
<script type="application/json" id="{KEY}">{about}</script>
</body>
</html>
"""


def named(name: str, words: Words) -> str:
    return words.including(get_medium(name).words)("medium.one")


def panel(name: str, work: Artwork, words: Words) -> str:
    """A work: as a picture where it can be saved as one, which is larger than what the studio shows
    while one steers; else as the studio shows it."""
    alt = escape(words("triptych.alt", one=named(name, words)))
    if PICTURE in get_medium(name).formats:
        return f'<figure><img alt="{alt}" src="{data(work, PICTURE)}"></figure>'
    kind = ' class="wide"' if is_wide(name) else ""
    return f"<figure{kind}>{work.show(alt)}</figure>"


def data(work: Artwork, format: str) -> str:
    packed = base64.b64encode(work.export(format)).decode("ascii")
    return f"data:{KINDS.get(format, 'application/octet-stream')};base64,{packed}"


def download(name: str, work: Artwork, words: Words) -> str:
    formats = get_medium(name).formats
    format = PICTURE if PICTURE in formats else formats[0]
    label = words("triptych.save_one", one=named(name, words), format=format.upper())
    return f'<a download="{name}.{format}" href="{data(work, format)}">{escape(label)}</a>'


def nearest(triptych: Triptych, words: Words) -> str:
    """What the works come nearest to among those that their models learned from."""
    rows = []
    for recipe in triptych.recipes:
        for source in recipe.sources[:1]:
            work = ", ".join(filter(None, (source.title or source.work, source.artist)))
            one = named(recipe.medium, words)
            rows.append(f"<p>{escape(words('triptych.nearest', one=one, work=work))}</p>")
    return "".join(rows)


def recipes_in(text: str) -> list[dict[str, object]]:
    """The recipes of a page that `page` wrote; for whoever reads it back."""
    packed = text.split(f'id="{KEY}">')[1].split("</script>")[0]
    return json.loads(packed)["triptych"]
