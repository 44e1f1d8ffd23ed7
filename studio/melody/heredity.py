"""A melody with the rhythm of one and the pitches of another."""

from __future__ import annotations

from studio.melody.grid import METERS, Grid, Note

PITCHES, RHYTHM = "pitches", "rhythm"
TRAITS = (PITCHES, RHYTHM)


def crossed(pitches: Grid, rhythm: Grid) -> Grid:
    """The notes of `rhythm`, each at the pitch that sounds at the same time of the same bar in
    `pitches`, or that sounded last before."""
    sung = pitches.notes()
    if not sung:
        return rhythm
    theirs, ours = METERS[pitches.meter], METERS[rhythm.meter]
    notes = []
    for note in rhythm.notes():
        bar, within = divmod(note.start, ours)
        at = bar * theirs + within * theirs / ours
        pitch = next((each.pitch for each in reversed(sung) if each.start <= at), sung[0].pitch)
        notes.append(Note(note.start, note.duration, pitch))
    return Grid.of(notes, rhythm.meter)
