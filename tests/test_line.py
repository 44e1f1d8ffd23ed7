"""Who waits for the models is served together, one after another, and nobody is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from studio import line as line_module
from studio.line import Line, Overtaken
from studio.traffic import Traffic
from tests.test_traffic import values


class Doubler:
    """Makes sums of latents; says what it was given, and waits where it is told to."""

    medium = "sums"
    at_once = 4

    def __init__(self) -> None:
        self.passes: list[list[float]] = []
        self.free = threading.Event()
        self.free.set()

    def decode(self, latents: torch.Tensor, options: dict[str, Any]) -> list[Any]:
        self.passes.append([float(row[0]) for row in latents])
        assert self.free.wait(20)
        if not torch.isfinite(latents).all():
            raise ValueError("NaN")
        return [SimpleNamespace(value=float(row[0]) * options.get("scale", 1)) for row in latents]


@pytest.fixture
def model() -> Doubler:
    return Doubler()


@pytest.fixture
def line() -> Line:
    return Line(Traffic())


def until(is_so: Callable[[], object]) -> None:
    for _ in range(2000):
        if is_so():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to that")


class People:
    """Ask one after another, in the order of the calls; each in a thread of their own."""

    def __init__(self, line: Line, model: Doubler, pool: ThreadPoolExecutor) -> None:
        self.line, self.model, self.pool = line, model, pool

    def ask(self, person: str, *numbers: float, **how: Any) -> Future[list[float]]:
        def asks() -> list[float]:
            options = how.pop("options", {})
            with self.line.asking(person, **how):
                rows = torch.tensor(numbers)[:, None].repeat(1, 4)
                return [work.value for work in self.line.decode(self.model, rows, options)]

        waiting, passes = {*self.line.waiting}, len(self.model.passes)
        asked = self.pool.submit(asks)
        until(
            lambda: (
                asked.done() or {*self.line.waiting} - waiting or len(self.model.passes) > passes
            )
        )
        return asked


@pytest.fixture
def people(line: Line, model: Doubler) -> Iterator[People]:
    with ThreadPoolExecutor(40) as pool:
        yield People(line, model, pool)
        model.free.set()


@contextmanager
def busy(people: People) -> Iterator[None]:
    """Somebody is being served meanwhile; whoever asks stands in line."""
    people.model.free.clear()
    others = people.line.passes - len(people.line.running)
    asked = [people.ask(f"somebody {i}", -1.0) for i in range(others)]
    yield
    people.model.free.set()
    assert [one.result(20) for one in asked] == [[-1.0]] * others
    del people.model.passes[:others]


def test_a_crowd_shares_passes_and_everybody_gets_their_own(people: People) -> None:
    with busy(people):
        asked = [people.ask(f"person {i}", *[float(i)] * (1 + i % 2)) for i in range(10)]
    for i, one in enumerate(asked):
        assert one.result(20) == [float(i)] * (1 + i % 2)
    assert [len(some) for some in people.model.passes[:3]] == [4, 4, 4]
    found = values(people.line.traffic)
    assert found["studio_decode_batch_works_sum/medium=sums"] == 1 + 15
    assert found["studio_decode_seconds_count/medium=sums"] == 1 + 10


def test_somebody_alone_waits_for_nobody(people: People) -> None:
    assert people.ask("alone", 1.0).result(20) == [1.0]
    assert people.ask("alone", *range(9)).result(20) == [float(i) for i in range(9)]
    assert [len(some) for some in people.model.passes] == [1, 9]


def test_requests_with_other_options_or_models_are_not_mixed(people: People) -> None:
    other = People(people.line, Doubler(), people.pool)
    with busy(people):
        asked = [
            (other if i % 3 == 2 else people).ask(
                f"person {i}", float(i), options={"scale": 1 + i % 2}
            )
            for i in range(12)
        ]
    assert [one.result(20) for one in asked] == [[float(i * (1 + i % 2))] for i in range(12)]
    assert sorted(n for some in other.model.passes for n in some) == [2.0, 5.0, 8.0, 11.0]


def test_one_persons_bad_latent_is_not_everybodys_error(people: People) -> None:
    with busy(people):
        asked = [people.ask(f"person {i}", float("nan") if i == 2 else 1.0) for i in range(4)]
    with pytest.raises(ValueError, match="NaN"):
        asked.pop(2).result(20)
    assert [one.result(20) for one in asked] == [[1.0]] * 3


def test_a_busy_person_starves_nobody(people: People) -> None:
    with busy(people):
        many = [people.ask("busy", float(i)) for i in range(20)]
        one, other = people.ask("modest", 100.0), people.ask("shy", 200.0)
    for asked in (*many, one, other):
        asked.result(20)
    assert people.model.passes[0] == [0.0, 100.0, 200.0, 1.0]
    assert sorted(n for some in people.model.passes for n in some if n < 100) == list(range(20))


def test_whose_turn_is_longest_ago_goes_first(people: People) -> None:
    people.model.at_once = 1
    for person in ("late", "early"):
        people.ask(person, 0.0).result(20)
    people.model.passes.clear()
    with busy(people):
        asked = [people.ask("early", 1.0), people.ask("late", 2.0), people.ask("new", 3.0)]
    for one in asked:
        one.result(20)
    assert people.model.passes == [[3.0], [2.0], [1.0]]


def test_only_the_newest_of_a_persons_passing_wishes_is_made(people: People) -> None:
    with busy(people):
        stale = [people.ask("dragging", float(i), place="dial", is_passing=True) for i in range(3)]
        elsewhere = people.ask("dragging", 50.0, place="film", is_passing=True)
        other = people.ask("other", 60.0, place="dial", is_passing=True)
        newest = people.ask("dragging", 70.0, place="dial")
    for one in stale:
        with pytest.raises(Overtaken):
            one.result(20)
    assert [one.result(20) for one in (elsewhere, other, newest)] == [[50.0], [60.0], [70.0]]
    assert sorted(n for some in people.model.passes for n in some) == [50.0, 60.0, 70.0]
    assert values(people.line.traffic)["studio_asks_unanswered_total/why=overtaken"] == 3


def test_what_is_meant_is_never_overtaken(people: People) -> None:
    with busy(people):
        meant = people.ask("deciding", 1.0, place="dial")
        passing = people.ask("deciding", 2.0, place="dial", is_passing=True)
    assert (meant.result(20), passing.result(20)) == ([1.0], [2.0])


def test_who_waits_goes_before_what_could_be_next(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.model.at_once = 1
    monkeypatch.setattr(line_module, "PATIENCE", 1000.0)
    with busy(people):
        ahead = people.ask("looking ahead", 1.0, is_ahead=True)
        asked = [people.ask(f"person {i}", 2.0) for i in range(3)]
    for one in (ahead, *asked):
        one.result(20)
    assert people.model.passes == [[2.0], [2.0], [2.0], [1.0]]
    # But not for ever.
    people.model.passes.clear()
    monkeypatch.setattr(line_module, "PATIENCE", 0.0)
    with busy(people):
        ahead = people.ask("looking ahead again", 1.0, is_ahead=True)
        asked = [people.ask(f"person {i}", 2.0) for i in range(3)]
    for one in (ahead, *asked):
        one.result(20)
    assert people.model.passes[0] == [1.0]


def test_who_waits_is_not_given_company_that_looks_ahead(people: People) -> None:
    with busy(people):
        ahead = people.ask("ahead", 1.0, 1.0, is_ahead=True)
        asked = [people.ask(f"person {i}", 2.0) for i in range(2)]
    for one in (ahead, *asked):
        one.result(20)
    assert people.model.passes == [[2.0, 2.0], [1.0, 1.0]]


class Looks:
    """Looks ahead, each in a thread of its own, until they are told to end."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.begun: list[str] = []
        self.ends = threading.Event()

    def begin(self, person: str) -> Future[None]:
        def looks() -> None:
            with (
                self.people.line.asking(person, "dial", is_passing=True, is_ahead=True),
                self.people.line.calm(),
            ):
                self.begun.append(person)
                assert self.ends.wait(20)

        return self.people.pool.submit(looks)


@pytest.fixture
def looks(people: People) -> Iterator[Looks]:
    found = Looks(people)
    yield found
    found.ends.set()


def never(is_so: Callable[[], object]) -> None:
    for _ in range(40):
        assert not is_so()
        threading.Event().wait(0.005)


def test_a_look_ahead_begins_when_nobody_waits(people: People, looks: Looks) -> None:
    with busy(people):
        asked = people.ask("here", 1.0, place="dial")
        first = looks.begin("ahead 0")
        never(lambda: looks.begun)
    asked.result(20)
    until(lambda: looks.begun)
    # And one at a time.
    second = looks.begin("ahead 1")
    never(lambda: len(looks.begun) > 1)
    looks.ends.set()
    first.result(20)
    second.result(20)
    assert looks.begun == ["ahead 0", "ahead 1"]


def test_a_look_ahead_that_is_overtaken_never_begins(people: People, looks: Looks) -> None:
    with busy(people):
        asked = people.ask("somebody else", 1.0, place="dial")
        look = looks.begin("here")
        never(lambda: looks.begun)
        newer = people.ask("here", 2.0, place="dial")
        with pytest.raises(Overtaken):
            look.result(20)
    assert (asked.result(20), newer.result(20), looks.begun) == ([1.0], [2.0], [])


def test_looks_ahead_have_their_share_where_it_is_never_calm(
    people: People, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "PATIENCE", 0.0)
    monkeypatch.setattr(line_module, "GIVES_WAY", 1e9)
    looks.ends.set()
    with busy(people):
        asked = people.ask("here", 1.0, place="dial")
        looks.begin("ahead 0").result(20)
        later = looks.begin("ahead 1")
        never(lambda: len(looks.begun) > 1)
    asked.result(20)
    later.result(20)


def test_looking_ahead_leaves_a_pass_to_who_waits(people: People) -> None:
    people.line.passes = 2
    people.model.free.clear()
    ahead = [people.ask(f"ahead {i}", float(i), is_ahead=True) for i in range(3)]
    assert [one.ask.person for one in people.line.running] == ["ahead 0"]
    asked = people.ask("here", 9.0)
    assert [one.ask.person for one in people.line.running] == ["ahead 0", "here"]
    people.model.free.set()
    assert [one.result(20) for one in (*ahead, asked)] == [[0.0], [1.0], [2.0], [9.0]]


def test_what_takes_many_steps_lets_others_go_in_between(people: People) -> None:
    line, model = people.line, people.model
    served: list[object] = []

    def steps() -> Iterator[int]:
        for number in range(3):
            served.append(number)
            if number == 1:
                # Who asks while this step is made is served before the next.
                asked.append(people.pool.submit(line.decode, model, torch.ones(1, 4), {}))
                until(lambda: line.waiting)
            yield number

    asked: list[Future[Any]] = []
    search, ask = steps(), line.begin("patient", "work", is_passing=True)
    # Each step may be asked for by another thread.
    for number in range(3):

        def asks() -> int | None:
            with line.within(ask):
                return line.step(model, search)

        assert people.pool.submit(asks).result(20) == number
        if number == 1:
            asked[0].result(20)
            assert served == [0, 1] and model.passes == [[1.0]]
    with line.within(ask):
        assert line.step(model, search) is None
    line.end(ask)
    assert not line.newest


def test_what_takes_many_steps_ends_when_the_person_wants_something_else(people: People) -> None:
    line, model = people.line, people.model
    search, ask = iter(range(9)), line.begin("somebody", "work", is_passing=True)
    with line.within(ask):
        assert line.step(model, search) == 0
    with line.asking("somebody", "elsewhere"), line.asking("else", "work"):
        pass
    with line.within(ask):
        assert line.step(model, search) == 1
    with line.asking("somebody", "work"):
        pass
    with line.within(ask), pytest.raises(Overtaken):
        line.step(model, search)
    assert next(search) == 2


def test_a_step_that_fails_says_so_to_who_asked(people: People) -> None:
    with pytest.raises(ZeroDivisionError):
        people.line.step(people.model, (1 // number for number in [0]))
    assert people.ask("somebody", 1.0).result(20) == [1.0]
