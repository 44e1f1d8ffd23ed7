"""Tunes that everybody knows, out of copyright, and what they are in."""

from __future__ import annotations

from studio.melody import abc
from studio.melody.data import settle, windows
from studio.melody.grid import Grid

TWINKLE = "M:4/4\nL:1/4\nK:C\nCCGG|AAG2|FFEE|DDC2|]"
ODE_TO_JOY = "M:4/4\nL:1/4\nK:C\nEEFG|GFED|CCDE|E>DD2|EEFG|GFED|CCDE|D>CC2|]"
GREENSLEEVES = (
    "M:6/8\nL:1/8\nK:Am\nc2d e>fe|d2B G>AB|c2A A>^GA|B2^G E3|c2d e>fe|d2B G>AB|c>BA ^G>^F^G|A3 A3|]"
)
IRISH_WASHERWOMAN = (
    "M:6/8\nL:1/8\nK:G\nBGG DGG|BGB dcB|cAA EAA|cAc edc|BGG DGG|BGB dcB|cBc Adc|BGG G3|]"
)
SCARBOROUGH_FAIR = "M:3/4\nL:1/4\nK:Ddor\nD2D|A2A|E>FE|D3|A2c|d2c|AB>G|A3|]"
OLD_JOE_CLARK = (
    "M:4/4\nL:1/8\nK:Amix\ne2f2 g2f2|e2d2 c4|e2f2 g2f2|e8|e2f2 g2f2|e2d2 c2A2|B2c2 d2B2|A8|]"
)


def phrases(tune: str) -> list[Grid]:
    """The tune's phrases of four bars, its tonic on C."""
    read = abc.read_tune(f"X:1\n{tune}")
    bars = [bar for section in read.sections for bar in section]
    return [Grid.of(settle(notes, read.tonic), meter) for notes, meter in windows(bars, read)]
