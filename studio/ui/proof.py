"""A blind test of what a lesson made: pairs of works, and nothing that says which is whose.

Which side is the tuned version's stays in the store until all pairs are judged. The answers judge
one version and are no ratings: a lesson that learned from its own examination would make the next
one worthless.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from studio.latent import MAX_SEED, noise_from_seed
from studio.store import JobRow, VersionRow
from studio.taste.proof import CHOICES, PAIRS, SIDES, Outcome, Pair, deal
from studio.ui import lesson
from studio.ui.panel import Act, text
from studio.ui.session import Said, Visit
from studio.ui.surface import attributes, button

STATE = "proof"
KEYS = {"left": "ArrowLeft", "tie": "ArrowDown", "right": "ArrowRight"}


@dataclass(frozen=True)
class BlindTest:
    """How far a blind test is. There is one for each version: taken until it pleases, it would
    prove nothing.

    Attributes:
        is_open: it is what the tab shows.
    """

    version: str
    pairs: tuple[Pair, ...]
    answers: tuple[str, ...] = ()
    is_open: bool = True

    @classmethod
    def of(cls, visit: Visit, version: str) -> BlindTest | None:
        saved = visit.load(STATE)
        if not saved or saved["version"] != version:
            return None
        pairs = tuple(Pair(**pair) for pair in saved["pairs"])
        return cls(version, pairs, tuple(saved["answers"]), saved["is_open"])

    def save(self, visit: Visit) -> None:
        visit.save(STATE, asdict(self))

    @property
    def outcome(self) -> Outcome | None:
        """Once every pair is judged."""
        if len(self.answers) < len(self.pairs):
            return None
        return Outcome.of(self.pairs, self.answers)


def undecided(visit: Visit) -> VersionRow | None:
    """The version that can be tested now."""
    job = lesson.latest(visit)
    row = lesson.candidate(visit, job) if job else None
    return row if row and row.status == "candidate" else None


def current(visit: Visit) -> BlindTest | None:
    row = undecided(visit)
    return BlindTest.of(visit, row.version) if row else None


def begin(visit: Visit, said: Said) -> None:
    """Begin, or go on where one left."""
    if row := undecided(visit):
        test = BlindTest.of(visit, row.version) or BlindTest(
            row.version, deal(visit.throw(MAX_SEED))
        )
        replace(test, is_open=True).save(visit)


def leave(visit: Visit, said: Said) -> None:
    if test := current(visit):
        replace(test, is_open=False).save(visit)


def judge(visit: Visit, said: Said) -> None:
    """Keep an answer; one to a pair that is judged already comes from an impatient hand."""
    test, choice = current(visit), said["choice"]
    if test and choice in CHOICES and said["number"] == str(len(test.answers)):
        answers = (*test.answers, choice)
        if len(answers) <= len(test.pairs):
            replace(test, answers=answers, is_open=len(answers) < len(test.pairs)).save(visit)


def take_back(visit: Visit, said: Said) -> None:
    """Judge the pair before once more; not the last one, which has told how the test ended."""
    test = current(visit)
    if test and test.outcome is None and said["number"] == str(len(test.answers)):
        replace(test, answers=test.answers[:-1]).save(visit)


ACTS: dict[str, Act] = {
    "proof_begin": begin,
    "proof_leave": leave,
    "proof_judge": judge,
    "proof_back": take_back,
}


def is_open(visit: Visit, job: JobRow) -> bool:
    test = BlindTest.of(visit, job.result["version"])
    return test is not None and test.is_open and test.outcome is None


def facts(visit: Visit) -> dict[str, Any]:
    """What the card of the version that can be tested is to say of its test, if it was taken."""
    test = current(visit)
    return test.outcome.to_card() if test and test.outcome else {}


def pair(visit: Visit, job: JobRow) -> str:
    """The pair to judge now."""
    words, test = visit.words, BlindTest.of(visit, job.result["version"])
    assert test is not None
    number = len(test.answers)
    answers = "".join(answer(visit, choice, number) for choice in ("left", "tie", "right"))
    said = words("teach.proof.pair", number=number + 1, pairs=len(test.pairs))
    bar = attributes(
        role="progressbar",
        aria_label=said,
        aria_valuemin=0,
        aria_valuemax=len(test.pairs),
        aria_valuenow=number,
        style=f"--share: {number / len(test.pairs):.3f}",
    )
    back = button(
        words("rate.undo"),
        "proof_back",
        kind="quiet",
        data_number=number,
        data_key="u",
        disabled=not number,
    )
    ask = attributes(id="proof-ask", aria_describedby="proof-place", tabindex=-1, data_focus=True)
    return f"""<section class="proof" aria-labelledby="proof-ask">
      <h2{ask}>{text(words("rate.ask.pair"))}</h2>
      <p class="hint" id="proof-place">{text(said)}</p><div class="bar"{bar}></div>
      <div class="proof-works">{works(visit, test)}</div>
      <div class="row proof-answers">{answers}</div>
      <p class="row">{back}
        {button(words("teach.proof.leave"), "proof_leave", kind="quiet")}</p>
      <p class="hint">{text(words("teach.proof.blind"))}</p></section>"""


def answer(visit: Visit, choice: str, number: int) -> str:
    name = "teach.proof.tie" if choice == "tie" else f"rate.{choice}"
    arrow = {"left": "←", "tie": "↓", "right": "→"}[choice]
    label = f'<kbd aria-hidden="true">{arrow}</kbd> {text(visit.words(name))}'
    data = attributes(
        type="button",
        data_do="proof_judge",
        data_choice=choice,
        data_number=number,
        data_key=KEYS[choice],
        aria_label=visit.words(name),
    )
    return f"<button{data}>{label}</button>"


def works(visit: Visit, test: BlindTest) -> str:
    """Both works of the pair, each made alone: works of one batch might differ from the same works
    of another by a rounding."""
    one, asked = visit.words("medium.one"), test.pairs[len(test.answers)]
    row = undecided(visit)
    assert row is not None
    noise = noise_from_seed(asked.seed)[None]
    figures = []
    for side in SIDES:
        version = row.version if side == asked.tuned else row.parent
        generator = visit.studio.registry.use(visit.medium, version)
        work = generator.decode(generator.map(noise))[0]
        shown = work.show(visit.words(f"rate.alt.{side}", one=one))
        figures.append(f'<figure data-side="{side}">{shown}</figure>')
    return "".join(figures)


def offer(visit: Visit, job: JobRow) -> str:
    """The way into the test, or how it went."""
    words, test = visit.words, BlindTest.of(visit, job.result["version"])
    if test and test.outcome:
        return result(visit, test.outcome)
    done = len(test.answers) if test else 0
    pairs = len(test.pairs) if test else PAIRS
    go = words("teach.proof.go_on", done=done, pairs=pairs) if done else words("teach.proof.begin")
    return f"""<section class="proof-offer"><h3>{text(words("teach.proof"))}</h3>
      <p>{text(words("teach.proof.lead", pairs=pairs))}</p>
      <p>{button(go, "proof_begin")}</p></section>"""


def result(visit: Visit, outcome: Outcome) -> str:
    words, (low, high) = visit.words, outcome.interval
    title = words("teach.proof.result", won=halves(outcome.score), pairs=outcome.pairs)
    counts = words(
        "teach.proof.counts", tuned=outcome.tuned, before=outcome.before, ties=outcome.ties
    )
    luck = words("teach.proof.luck", pairs=outcome.pairs, low=per_cent(low), high=per_cent(high))
    return f"""<section class="proof-offer"><h3 tabindex="-1" data-focus>{text(title)}</h3>
      <p><strong>{text(words(f"teach.proof.{outcome.verdict}"))}</strong></p>
      <p class="hint">{text(counts)} {text(luck)}</p></section>"""


def halves(score: float) -> str:
    """9 or 9½."""
    whole = f"{int(score)}" if score >= 1 or score == 0 else ""
    return whole + ("½" if score % 1 else "")


def per_cent(share: float) -> int:
    return round(100 * share)
