"""A poem in the page: paper, type, a seal, and a voice that reads it aloud."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from studio.poem import chinese, typeset
from studio.poem.data import Poem
from studio.poem.settings import Settings
from studio.typeface import FONTS
from studio.words import LANGUAGES, Words

WORDS = Path(__file__).parent / "words"
SERIFS = {
    "en": "'EB Garamond Poems','EB Garamond',Garamond,'Iowan Old Style',Georgia,serif",
    "zh": "'Noto Serif CJK SC','Noto Serif SC','Songti SC',STSong,SimSun,serif",
}
SPOKEN = {"en": "en-GB", "zh": "zh-CN"}
MOST_EMS = 25
"""Ems of a row in English, where the page is wide; a longer line turns over."""
LEAST_HAN = 7.4
"""Ems that lines in Chinese count as at least: short ones would be set too large."""
SMALL_TYPE = (5.0, 7.0, 11.0)
"""Sizes of type in a thumbnail, whose side is 128: at least, at least where no line turns over, and
at most."""

# Inline: the page's own rules for artworks, which are square, are stronger than a style sheet.
FRAME = "display:block;aspect-ratio:auto;container-type:inline-size"
# Inside a work that is itself a button (a pair to choose from), the parser of HTML would close that
# at another one: what reads aloud only has a button's role.
VOICE = " ".join(
    f'{event}="{script}"'
    for event, script in {
        "onclick": "event.stopPropagation(); event.preventDefault(); "
        "if (this.ariaDisabled === 'true') return; "
        "const voice = window.speechSynthesis, was = this.ariaPressed === 'true'; "
        "voice.cancel(); this.ariaPressed = String(!was); if (was) return; "
        "const page = this.closest('.poem'); "
        "const lines = [...page.querySelectorAll('[data-line]')]; "
        "const quiet = () => lines.forEach((line) => line.classList.remove('is-spoken')); "
        "lines.forEach((line, at) => { const plain = line.cloneNode(true); "
        "plain.querySelectorAll('rt').forEach((reading) => reading.remove()); "
        "const said = new SpeechSynthesisUtterance(plain.textContent); "
        "said.lang = line.lang; said.rate = 0.85; "
        "said.voice = voice.getVoices().find((one) => "
        "one.lang.replace('_', '-') === said.lang) || null; "
        # A page that has been put in this one's place must not go on speaking.
        "said.onstart = () => { if (!page.isConnected) return voice.cancel(); "
        "quiet(); line.classList.add('is-spoken') }; "
        "said.onend = said.onerror = (end) => { line.classList.remove('is-spoken'); "
        "if (at === lines.length - 1 || end.error) this.ariaPressed = 'false' }; "
        "voice.speak(said) })",
        "onkeydown": "if (event.key === 'Enter' || event.key === ' ') "
        "{ event.stopPropagation(); event.preventDefault(); this.click() }",
        # A space key that is let go presses the button around.
        "onkeyup": "if (event.key === ' ') { event.stopPropagation(); event.preventDefault() }",
    }.items()
)
# The reader's language and what the browser can do are known in the page alone; this runs when the
# fragment has come into it.
READY = (
    "const page = this.closest('.poem'), button = page.querySelector('.poem-voice'); "
    "const zh = document.documentElement.lang.startsWith('zh'); "
    "const can = 'speechSynthesis' in window; "
    "const said = button.dataset[(can ? 'read' : 'mute') + (zh ? 'Zh' : 'En')]; "
    "button.title = button.ariaLabel = said; button.ariaDisabled = String(!can)"
)
STYLE = (
    ".poem{--paper:#fdfaf3;--paper-ink:#2a2621;--paper-soft:#70685b;--seal:#a63d30;"
    "position:relative;width:100%;background:var(--paper);color:var(--paper-ink);"
    "border-radius:3px;text-align:left}"
    ".dark .poem{--paper:#25221d;--paper-ink:#ebe3d5;--paper-soft:#a59b8b;--seal:#bd5545}"
    ".poem *{box-sizing:border-box}"
    ".poem-sheet{position:relative;min-height:76cqw;padding:13cqw 8cqw 14cqw;display:flex;"
    "flex-direction:column;align-items:center;justify-content:center;gap:10cqw}"
    ".poem-block{position:relative}"
    ".poem-title{display:block;color:var(--paper-soft);font-size:.62em;margin-bottom:1.8em;"
    "max-width:36em;line-height:1.4}"
    ".poem-line{display:block;transition:color .3s}"
    ".poem-line.is-spoken{color:var(--seal)}"
    ".poem-number{display:block;color:var(--paper-soft);font-size:max(2cqw,12px);"
    "line-height:1;margin-bottom:2.2em;text-align:center}"
    f".poem-block.en{{font-family:{SERIFS['en']};line-height:1.52;"
    f"font-size:clamp(max(15px,{78 / MOST_EMS:.2f}cqw),calc(78cqw / var(--ems)),max(4.2cqw,18px));"
    "font-feature-settings:'kern','liga','onum'}"
    ".en .poem-line{padding-left:2em;text-indent:calc(-2em - var(--hung,0em));text-wrap:balance;"
    "overflow-wrap:anywhere}"
    ".poem-flower{display:block;text-align:center;color:var(--paper-soft);margin-top:.9em;"
    "line-height:1}"
    f".poem-block.zh{{font-family:{SERIFS['zh']};white-space:nowrap;"
    "font-size:calc(58cqw / var(--ems));line-height:1.75}"
    ".zh .poem-line{letter-spacing:.16em;margin-inline-end:-.16em}"
    ".zh.is-glossed{line-height:2.2}"
    ".zh.is-glossed .poem-line{letter-spacing:0;margin-inline:-.15em}"
    ".zh ruby{margin-inline:.15em}"
    ".zh .poem-title{letter-spacing:.1em;white-space:normal;text-align:center}"
    ".zh.is-vertical{writing-mode:vertical-rl;text-orientation:mixed}"
    ".zh.is-vertical .poem-title{margin:0 0 0 1.6em;text-align:start;max-height:100%}"
    ".poem rt{font:italic .34em/1 "
    + SERIFS["en"]
    + ";font-style:normal;letter-spacing:0;color:var(--paper-soft);user-select:none}"
    ".is-vertical rt{position:relative;left:.25em}"
    ".poem-seal{display:grid;place-items:center;width:1em;height:1em;margin:.6em 0 0 auto;"
    "font-size:.72em;line-height:1;color:var(--paper);background:var(--seal);border-radius:.11em;"
    "letter-spacing:0;writing-mode:horizontal-tb;user-select:none}"
    ".poem-seal::before{content:'诗';font-size:.76em}"
    ".is-vertical .poem-seal{position:absolute;margin:0;bottom:0;right:calc(100% + .5em)}"
    ".poem-voice{position:absolute;right:max(1.6cqw,4px);bottom:max(1.6cqw,4px);width:44px;"
    "height:44px;display:grid;place-items:center;border-radius:50%;cursor:pointer;"
    "color:var(--paper-soft);opacity:.75;transition:opacity .15s}"
    ".poem-voice:hover,.poem-voice:focus-visible,.poem-voice[aria-pressed=true]{opacity:1}"
    ".poem-voice[aria-pressed=true]{color:var(--seal)}"
    ".poem-voice[aria-disabled=true]{opacity:.3;cursor:default}"
    ".poem-voice svg{width:20px;height:20px;fill:none;stroke:currentColor;stroke-width:1.6;"
    "stroke-linecap:round;stroke-linejoin:round}"
    ".poem-ready{display:none}"
    "@media print{.poem-voice{display:none}}"
)
SPEAKER = (
    '<svg viewBox="0 0 24 24" aria-hidden="true">'
    '<path d="M4 9.5v5h3.5l5 4v-13l-5 4ZM16 9a4.2 4.2 0 0 1 0 6M18.5 6.5a7.8 7.8 0 0 1 0 11"/>'
    "</svg>"
)


def page(poem: Poem, settings: Settings, alt: str = "") -> str:
    """HTML of one poem on a page."""
    return sheet([block(poem, settings, ems(poem, settings))], [(poem, settings)], alt, voice())


def pages(poems: Sequence[tuple[Poem, Settings]], alt: str = "") -> str:
    """HTML of poems one under another, numbered."""
    # One size for all of them.
    widest = max(ems(*each) for each in poems)
    blocks = [block(*each, widest, index + 1) for index, each in enumerate(poems)]
    return sheet(blocks, poems, alt, "")


def sheet(
    blocks: Sequence[str], poems: Sequence[tuple[Poem, Settings]], alt: str, voice: str
) -> str:
    is_latin = any(poem.language == "en" or s.gloss == "pinyin" for poem, s in poems)
    return (
        f'<div class="artwork poem" role="group" aria-label="{html.escape(alt, quote=True)}" '
        f'style="{FRAME}"><style>{face() if is_latin else ""}{STYLE}</style>'
        f'<div class="poem-sheet">{"".join(blocks)}</div>{voice}</div>'
    )


def ems(poem: Poem, settings: Settings) -> float:
    """The width of a poem's lines, in the size of its type."""
    if poem.language == "en":
        return typeset.widest([typeset.curled(each) for each in poem.lines])
    spaced = max(map(len, poem.lines)) * (1.3 if settings.gloss == "pinyin" else 1.16)
    return max(spaced, LEAST_HAN)


def block(poem: Poem, settings: Settings, ems: float, number: int = 0) -> str:
    """The lines; signed with a seal or a flower, unless they are numbered."""
    title = f'<span class="poem-title">{escaped(poem, poem.title)}</span>' if poem.title else ""
    lines = "".join(line(poem, settings, index) for index in range(len(poem.lines)))
    if poem.language == "zh":
        sign = '<span class="poem-seal" aria-hidden="true"></span>'
        kinds = ["is-vertical"] * (settings.setting == "vertical")
        kinds += ["is-glossed"] * (settings.gloss == "pinyin")
        wide = ""
    else:
        sign = f'<span class="poem-flower" aria-hidden="true">{typeset.FLOWER}</span>'
        kinds = []
        rows = [typeset.turned(typeset.curled(each), 1.0, MOST_EMS) for each in poem.lines]
        # A block in which a line turns over is as wide as its widest row, or it would stand left.
        widest = max(typeset.widest(row[:1]) for row in rows)
        rest = max((typeset.widest(row[1:]) for row in rows if row[1:]), default=0.0)
        wide = f";max-width:{max(widest, rest + typeset.TURNOVER) + 0.2:.2f}em"
    sign = sign if not number else ""
    label = f'<span class="poem-number" aria-hidden="true">{number}</span>' if number else ""
    return (
        f'<div>{label}<div class="{" ".join(["poem-block", poem.language, *kinds])}" '
        f'lang="{SPOKEN[poem.language]}" style="--ems:{ems:.2f}{wide}">'
        f"{title}{lines}{sign}</div></div>"
    )


def line(poem: Poem, settings: Settings, index: int) -> str:
    """One line, with `data-line` for who wants to point at it."""
    text = poem.lines[index]
    content, hung = escaped(poem, text), typeset.hung(typeset.curled(text))
    if poem.language == "zh" and settings.gloss == "pinyin":
        content = "".join(
            f"<ruby>{html.escape(char)}<rt>{html.escape(reading)}</rt></ruby>"
            for char, reading in zip(text, chinese.pinyin(text), strict=True)
        )
    style = f' style="--hung:{hung:.2f}em"' if poem.language == "en" and hung else ""
    return (
        f'<span class="poem-line" data-line="{index}" lang="{SPOKEN[poem.language]}"{style}>'
        f"{content}</span>"
    )


def escaped(poem: Poem, text: str) -> str:
    return html.escape(typeset.curled(text) if poem.language == "en" else text)


def voice() -> str:
    """What reads aloud, in the words of whoever looks at it."""
    said = "".join(
        f' data-{do}-{language}="{html.escape(Words(language, (WORDS,))(f"poem.{do}"))}"'
        for do in ("read", "mute")
        for language in LANGUAGES
    )
    name = html.escape(Words(LANGUAGES[0], (WORDS,))("poem.read"))
    return (
        f'<span class="poem-voice" role="button" tabindex="0" aria-pressed="false" '
        f'aria-label="{name}"{said} {VOICE}>'
        f'{SPEAKER}</span><style class="poem-ready" onload="{READY}"></style>'
    )


@cache
def face() -> str:
    """The type for English, small enough to travel with each page."""
    data = (FONTS / "EBGaramond-Poems.woff2").read_bytes()
    source = base64.b64encode(data).decode("ascii")
    return (
        "@font-face{font-family:'EB Garamond Poems';"
        f"src:url(data:font/woff2;base64,{source}) format('woff2')}}"
    )


def small(poem: Poem, settings: Settings, alt: str, size: int) -> str:
    """HTML of a poem set on a square of at most `size` pixels; drawn to a scale of 128."""
    marks = han_marks(poem, settings) if poem.language == "zh" else latin_marks(poem)
    style = f"display:block;width:100%;max-width:{size}px;line-height:0"
    paper = "display:block;width:100%;height:auto;background:var(--panel,#fdfaf3);border-radius:3px"
    return (
        f'<span class="thumbnail" role="img" aria-label="{html.escape(alt, quote=True)}" '
        f'style="{style}"><svg viewBox="0 0 128 128" xmlns="http://www.w3.org/2000/svg" '
        f'aria-hidden="true" style="{paper}" fill="var(--ink,#2a2621)" '
        f'font-family="{SERIFS[poem.language]}">{marks}</svg></span>'
    )


def han_marks(poem: Poem, settings: Settings) -> str:
    length, count = max(map(len, poem.lines)), len(poem.lines)
    step = min(104 / length, 20)
    size, pitch = step * 0.9, min(104 / count, 1.6 * step)
    marks = []
    for index, text in enumerate(poem.lines):
        along = [64 + (place - (length - 1) / 2) * step for place in range(len(text))]
        across = 64 + (index - (count - 1) / 2) * pitch
        # The middle of a character lies so far above the line it is written on.
        if settings.setting == "vertical":
            places = {"x": [128 - across], "y": [at + 0.36 * size for at in along]}
        else:
            places = {"x": along, "y": [across + 0.36 * size]}
        x, y = (listed(places[axis], len(text)) for axis in "xy")
        marks.append(f'<text x="{x}" y="{y}">{html.escape(text)}</text>')
    return f'<g font-size="{size:.1f}" text-anchor="middle">{"".join(marks)}</g>'


def listed(places: Sequence[float], count: int) -> str:
    """Places of so many characters; of a single place that all of them share, as many times it."""
    # With one place SVG would set the others after the first.
    return " ".join(f"{place:.1f}" for place in list(places) * (count // len(places)))


def latin_marks(poem: Poem) -> str:
    lines = [typeset.curled(text) for text in poem.lines]
    room, high = 110.0, 108.0
    least, unturned, most = SMALL_TYPE
    size = min(room / typeset.widest(lines), most)
    rows = [[text] for text in lines]
    if size < unturned:
        # The largest type whose rows, with those that turn over, have room on the square.
        size = most
        while size >= least:
            rows = [typeset.turned(text, size, room) for text in lines]
            if sum(map(len, rows)) * size * 1.25 <= high:
                break
            size -= 0.25
    step = size * (1.25 if any(row[1:] for row in rows) else 1.7)
    y = 64 - (sum(map(len, rows)) / 2 - 0.75) * step
    marks = []
    for row in rows:
        for turn, text in enumerate(row):
            wide = typeset.widest([text]) * size
            # The browser may lack this type: the length keeps another in its place.
            marks.append(
                f'<text x="{9 + bool(turn) * 1.2 * size:.1f}" y="{y:.1f}" '
                f'textLength="{wide:.1f}" lengthAdjust="spacingAndGlyphs">'
                f"{html.escape(text)}</text>"
            )
            y += step
    return f'<g font-size="{size:.2f}">{"".join(marks)}</g>'
