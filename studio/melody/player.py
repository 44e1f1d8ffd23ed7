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
        "figure.style.setProperty('--at', at); "
        "for (const note of figure.querySelectorAll('[data-at]')) "
        "{ note.classList.remove('is-sounding'); "
        "if (note.dataset.at <= at + 0.0005) sounding = note } "
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
)


def figure(alt: str, roll: str, score: str, midi: bytes, seconds: float) -> str:
    """HTML of a piano roll and a score, either may be "", over the sound of MIDI bytes, which goes
    round after so many seconds."""
    source = base64.b64encode(sound.flac(midi, seconds)).decode("ascii")
    label = html.escape(alt, quote=True)
    written = f'<div class="melody-score">{score}</div>' if score else ""
    return (
        f'<div class="artwork melody" role="group" aria-label="{label}" style="--at:0;{FRAME}">'
        f'<style>{STYLE}</style><div class="melody-roll">{roll}'
        f'<i class="melody-playhead"></i></div>{written}'
        f'<audio controls loop preload="auto" {PLAYER} '
        f'src="data:audio/flac;base64,{source}"></audio></div>'
    )
