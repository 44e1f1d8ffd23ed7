"""The figure in the page that plays a melody: its pictures, and the browser's own audio element."""

from __future__ import annotations

import base64
import html

from studio.melody import sound
from studio.melody.roll import STYLE as ROLL_STYLE

# The playhead, and the note that sounds in the score, follow the sound. A melody that takes the
# place of one that is playing plays on from there, so that one can steer while it sounds; an
# element that has left the page is not one that somebody has paused. The browser tells the time
# four times a second, which is slower than sixteenths: while it plays, each frame asks for it.
PLAYER = " ".join(
    f'{event}="{script}"'
    for event, script in {
        "ontimeupdate": "const at = window.melodyAt = this.currentTime / this.duration || 0; "
        "const figure = this.parentElement; let sounding = null; "
        "const here = at * this.dataset.rounds % 1; "
        "figure.style.setProperty('--at', here); "
        "for (const note of figure.querySelectorAll('[data-at]')) "
        "{ note.classList.remove('is-sounding'); "
        "if (note.dataset.at <= here + 0.0005) sounding = note } "
        "if (sounding && at) sounding.classList.add('is-sounding')",
        "onplay": "window.melodyPlays = true; const follow = () => "
        "{ if (this.isConnected && !this.paused) "
        "{ this.ontimeupdate(); requestAnimationFrame(follow) } }; follow()",
        "onpause": "if (this.isConnected) window.melodyPlays = false",
        "onloadedmetadata": "if (window.melodyPlays) "
        "{ this.currentTime = window.melodyAt * this.duration; this.play() }",
    }.items()
)
# Inline: the page's own rules for artworks, which are square, are stronger than a style sheet.
FRAME = "display:flex;flex-direction:column;gap:.75rem;aspect-ratio:auto;padding-bottom:.75rem"
STYLE = ROLL_STYLE + (
    ".melody-score svg{width:100%;height:auto;display:block;fill:currentColor}"
    ".melody-score .is-sounding{color:hsl(21 90% 52%);fill:currentColor}"
    ".melody audio{width:100%}"
    ".melody-roll:has(.melody-time){overflow-x:auto}"
    ".melody-time{position:relative;font:.9375rem/1.6 'EB Garamond Poems',Georgia,'Songti SC',"
    "'Noto Serif CJK SC',serif}"
    ".melody-words{position:relative;height:1.6em;margin:0}"
    ".melody-words span{position:absolute;white-space:nowrap}"
)


def figure(
    alt: str,
    roll: str,
    score: str,
    midi: bytes | None,
    seconds: float,
    rounds: int = 1,
    width: float = 0.0,
) -> str:
    """HTML of a piano roll and a score, either may be "", over the sound of MIDI bytes, which goes
    round after so many seconds.

    Args:
        midi: None: nothing is heard yet.
        rounds: how often the playhead goes along the roll meanwhile.
        width: ems that the roll needs; where it has not got them, it is moved by hand or keys.
    """
    source = ""
    if midi is not None:
        flac = base64.b64encode(sound.flac(midi, seconds)).decode("ascii")
        source = f' src="data:audio/flac;base64,{flac}"'
    label = html.escape(alt, quote=True)
    written = f'<div class="melody-score">{score}</div>' if score else ""
    shown = f'{roll}<i class="melody-playhead"></i>'
    along = ""
    if width:
        shown = f'<div class="melody-time" style="min-width:{width:.0f}em">{shown}</div>'
        along = f' tabindex="0" role="group" aria-label="{label}"'
    return (
        f'<div class="artwork melody" role="group" aria-label="{label}" style="--at:0;{FRAME}">'
        f'<style>{STYLE}</style><div class="melody-roll"{along}>{shown}</div>{written}'
        f'<audio controls loop preload="auto" data-rounds="{rounds}" {PLAYER}'
        f"{source}></audio></div>"
    )
