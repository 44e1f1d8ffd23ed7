"""How good the poet is: what comes back from a latent, and what samples are like.

Runs without the poems, from what is kept beside the checkpoint: hashes of training lines and of
runs of their words. Form is heard again in the text alone, with the dictionaries, and not taken
from the tables that the poet writes by. Every figure of samples stands beside the same figure of
held-out poems and of an n-gram model of the same training poems.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studio.effects import steered
from studio.errors import BadUpload
from studio.latent import noise_from_seeds
from studio.poem import chinese, english
from studio.poem.artwork import Verse
from studio.poem.data import (
    LINES,
    MARKS,
    PADDED,
    STRANGE,
    Poem,
    collect,
    is_han,
    known,
)
from studio.poem.form import LENGTHS
from studio.poem.generator import LENGTHS as NAMED_LENGTHS
from studio.poem.generator import MEASURES, PoemGenerator
from studio.poem.model import Decoder, Poet
from studio.poem.settings import FOUND, OPTIONS
from studio.poem.train import Batch, come_back, perplexity

FIRST_SEED = 1_000_000
BATCH = 128
SAMPLE = 500
"""Poems whose wording is compared: more of them repeat each other more."""
RUN = 6
"""Words, of which no run should come out of a training line in English."""
NEARLY = 1
"""Syllables that a line may have more or less than asked: readers differ in how many they hear."""
ACTIVE = 0.01
COMPARED = 256
"""Poems of a folder that are encoded and written again."""


def portrait(poems: Sequence[Poem], book: str = "pingshui") -> dict[str, float]:
    """What a set of poems of one language is like, by their text alone.

    Form is that of all `poems`; wording that of the first `compared`, since it depends on how many
    there are. For what each figure says see `chinese_form`, `english_form` and `wording`.

    Args:
        book: of rhymes and tones, for poems in Chinese.
    """
    is_chinese = any(poem.language == "zh" for poem in poems)
    form = chinese_form(poems, book) if is_chinese else english_form(poems)
    compared = poems[:SAMPLE]
    figures = {"poems": len(poems), **form, "compared": len(compared), **wording(compared)}
    return {name: round(value, 4) for name, value in figures.items()}


def chinese_form(poems: Sequence[Poem], book: str) -> dict[str, float]:
    """Shares of poems that have four lines all of five or all of seven characters (`right_form`),
    that rhyme, and that do and are regulated (`tones`); and the mean share of places whose tone
    the nearest pattern allows. A poem without the form has neither rhyme nor tones."""
    found = [chinese.fits(poem.lines, book) for poem in poems]
    return {
        "right_form": average(has_form(poem.lines) for poem in poems),
        "rhyme": average(fit.rhymes for fit in found),
        "tones": average(fit.is_regulated for fit in found),
        "tone_places": average(fit.share for fit in found),
    }


def has_form(lines: Sequence[str]) -> bool:
    """Whether this is a quatrain of fives or sevens, of nothing but characters."""
    lengths = {len(line) for line in lines}
    return (
        len(lines) == LINES
        and len(lengths) == 1
        and lengths <= set(LENGTHS)
        and all(map(is_han, "".join(lines)))
    )


def english_form(poems: Sequence[Poem]) -> dict[str, float]:
    """Shares of poems that keep a rhyme scheme, and of those whose lines keep a `meter`; and the
    mean share of syllables that agree with an iambic beat."""
    found = [english.meter_of(poem.lines) for poem in poems]
    return {
        "rhyme": average(english.scheme_of(poem.lines) != "none" for poem in poems),
        "meter": average(keeps_meter(meter.syllables) for meter in found),
        "iambic": average(meter.iambic for meter in found),
    }


def keeps_meter(syllables: Sequence[int]) -> bool:
    """Whether lines are measured against each other, as in 8 8 8 8, 8 6 8 6 or 6 6 8 6: two lengths
    at most, and lines 2 and 4, which rhyme in most stanzas, alike."""
    return len(syllables) == LINES and len(set(syllables)) <= 2 and syllables[1] == syllables[3]


def wording(poems: Sequence[Poem]) -> dict[str, float]:
    """How much poems repeat themselves and each other.

    `distinct_n`: different n-grams of tokens among all, within lines (Li et al., A
    Diversity-Promoting Objective Function, 2016); `self_overlap`: the share of a poem's pairs and
    triples of tokens that another poem has, a mean over poems, in the place of self-BLEU (Zhu et
    al., Texygen, 2018); `different`: distinct poems among all; `repeated_line`: the share of lines
    that stand there more than once.
    """
    grams = {n: [n_grams(poem, n) for poem in poems] for n in (1, 2, 3)}
    figures = {}
    for n, rows in grams.items():
        every = [gram for row in rows for gram in row]
        figures[f"distinct_{n}"] = len(set(every)) / max(len(every), 1)
    own = [{*two, *three} for two, three in zip(grams[2], grams[3], strict=True)]
    holders = Counter(gram for row in own for gram in row)
    lines = Counter(key for poem in poems for key in poem.keys)
    return figures | {
        "self_overlap": average(average(holders[gram] > 1 for gram in row) for row in own),
        "different": ratio(len({poem.keys for poem in poems}), len(poems)),
        "repeated_line": ratio(sum(n for n in lines.values() if n > 1), lines.total()),
    }


def n_grams(poem: Poem, length: int) -> list[tuple[str, ...]]:
    return [line[at : at + length] for line in poem.tokens for at in range(len(line) - length + 1)]


def average(values: Iterable[float]) -> float:
    found = list(values)
    return ratio(sum(found), len(found))


def ratio(total: float, count: int) -> float:
    """0 of nothing."""
    return float(total) / max(count, 1)


def asked_for(generator: PoemGenerator, count: int = 128) -> dict[str, dict[str, Any]]:
    """Shares of `count` samples that keep what was asked for.

    In English by `scheme` (every pair of lines rhymes that has to) and by `measure` (each line has
    the syllables asked for, or NEARLY so); in Chinese by form and book: `length` of the lines,
    `rhyme`, and `tones` (is it regulated), as that book hears them.
    """
    latents = generator.map(noise_from_seeds(range(FIRST_SEED, FIRST_SEED + count)))

    def written(**options: str) -> list[tuple[str, ...]]:
        return [verse.lines for verse in generator.decode(latents, options)]

    choices = {
        option.key: [choice for choice in option.choices if choice != FOUND]
        for option in OPTIONS[generator.language]
    }
    if generator.language == "zh":
        return {
            form: {
                book: kept(written(form=form, book=book), NAMED_LENGTHS[form], book)
                for book in choices["book"]
            }
            for form in choices["form"]
        }
    return {
        "scheme": {
            scheme: share(keeps_scheme(lines, scheme) for lines in written(scheme=scheme))
            for scheme in choices["scheme"]
        },
        "measure": {
            measure: share(
                keeps_measure(lines, MEASURES[measure]) for lines in written(measure=measure)
            )
            for measure in choices["measure"]
        },
    }


def share(hits: Iterable[bool]) -> float:
    return round(average(hits), 4)


def kept(poems: Sequence[Sequence[str]], length: int, book: str) -> dict[str, float]:
    """Shares of poems in Chinese with lines of this length, a rhyme, and regulated tones."""
    found = [chinese.fits(lines, book) for lines in poems]
    return {
        "length": share(fit.length == length for fit in found),
        "rhyme": share(fit.rhymes for fit in found),
        "tones": share(fit.is_regulated for fit in found),
    }


def keeps_scheme(lines: Sequence[str], scheme: str) -> bool:
    """Whether all lines rhyme that have to; others may as well."""
    ends = [(english.words(line) or [""])[-1] for line in lines]
    return all(english.rhymes(ends[i], ends[j]) for i, j in english.pairs(scheme))


def keeps_measure(lines: Sequence[str], measure: Sequence[int]) -> bool:
    counts = english.meter_of(lines).syllables
    return all(abs(n - asked) <= NEARLY for n, asked in zip(counts, measure, strict=True))


def line_index(poems: Sequence[Poem]) -> dict[str, Tensor]:
    """Sorted hashes, int64, of all training lines (`lines`), and in English of all runs of words in
    them (`runs`); the lines cannot be had back."""
    found = {"lines": hashed(key for poem in poems for key in poem.keys)}
    if any(poem.language == "en" for poem in poems):
        found["runs"] = hashed(run for poem in poems for line in poem.lines for run in runs(line))
    return {name: torch.from_numpy(np.unique(hashes)) for name, hashes in found.items()}


def runs(line: str) -> list[str]:
    """Every run of RUN words, whatever marks stand between them."""
    words = english.words(line)
    return [" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]


def hashed(texts: Iterable[str]) -> np.ndarray:
    """[N] int64: with half the bits, one line in thousands would be taken for a training line."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), np.int64)


def copied(poems: Sequence[Poem], index: Mapping[str, Tensor]) -> dict[str, float]:
    """Share of lines that are a training line, and in English of those that hold a run of RUN words
    of one.

    Args:
        index: what `line_index` made of the training poems.
    """
    lines = [line for poem in poems for line in poem.lines]
    whole = np.isin(hashed(key for poem in poems for key in poem.keys), index["lines"].numpy())
    shares = {"line": share(whole.tolist())}
    if "runs" in index:
        found = [(number, run) for number, line in enumerate(lines) for run in runs(line)]
        hits = np.isin(hashed(run for _, run in found), index["runs"].numpy())
        holding = {number for (number, _), hit in zip(found, hits, strict=True) if hit}
        shares[f"run_of_{RUN}"] = round(ratio(len(holding), len(lines)), 4)
    return shares


@torch.no_grad()
def likelihood(
    poet: Poet,
    batch: Batch,
    end: int,
    latent_free: Decoder | float | None = None,
    seed: int = 0,
    chunk: int = 64,
) -> dict[str, float]:
    """How likely held-out poems are, and what their latents are worth.

    `perplexity` and what else studio.poem.train.come_back says: given a poem's own mean latent.
    `bound_nats`: the evidence lower bound (Kingma and Welling, 2014) of a poem's words, given where
    its lines end, negated: what they cost by a latent drawn from the posterior, and the divergence
    of that from N(0, I); `bound_perplexity`: the same per token. `active_units`: latents whose
    means vary by over 0.01 over poems (Burda et al., 2016). `latent_free`: perplexity without a
    latent; `gap_nats_per_token`: by how much that is more than `perplexity`, in nats.

    Args:
        batch: two poems at least; words that the vocabulary lacks are left out of the bound.
        end: the token that ends a line.
        latent_free: a decoder that was trained with latents of zeros, or its perplexity on the same
            poems.
        seed: of the posterior's draws.
    """
    device = next(poet.parameters()).device
    rng = torch.Generator().manual_seed(seed)
    means, nats, tokens = [], 0.0, 0
    for first in range(0, len(batch), chunk):
        part = batch[slice(first, first + chunk)].trimmed().to(device)
        mean, log_variance = poet.encoder(part.tokens, part.places)
        noise = torch.randn(mean.shape, generator=rng).to(device)
        latents = mean + (0.5 * log_variance).exp() * noise
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        thought, _ = poet.decoder.step(latents, part.before(end), part.places, None)
        counted = (part.tokens != PADDED) & (part.tokens != end) & (part.tokens != STRANGE)
        logits = poet.decoder.said(thought[counted]).float()
        error = F.cross_entropy(logits, part.tokens[counted], reduction="sum")
        nats += float(error + divergence.sum())
        tokens += int(counted.sum())
        means.append(mean.cpu())
    active = torch.cat(means).var(0) > ACTIVE
    figures = {
        **come_back(poet, batch, end),
        "bound_nats": round(nats / len(batch), 2),
        "bound_perplexity": round(float(np.exp(nats / tokens)), 2),
        "active_units": int(active.sum()),
        "units": len(active),
    }
    if latent_free is not None:
        if isinstance(latent_free, Decoder):
            latent_free = perplexity(latent_free, batch, end)
        gap = float(np.log(latent_free / figures["perplexity"]))
        figures |= {"latent_free": latent_free, "gap_nats_per_token": round(gap, 3)}
    return figures


def reconstruction(generator: PoemGenerator, poems: Sequence[Poem]) -> dict[str, Any]:
    """How much of poems comes back from their latents alone, see `alike`.

    `strangers` compares each poem with what came back of the next: what chance, the commonest words
    and the form would do. Lines that the generator learned from never come out of it, so `poems`
    should be others, at least two.
    """
    verses = [Verse(poem.lines, poem.language) for poem in poems]
    again = [verse.poem for verse in generator.decode(generator.encode(verses))]
    strangers = alike(poems, [*again[1:], *again[:1]])
    return {"poems": len(poems), **alike(poems, again), "strangers": strangers}


def alike(poems: Sequence[Poem], others: Sequence[Poem]) -> dict[str, float]:
    """How much of `poems` stands in the same line of `others`: shares of `words`, in any order, and
    of whole `lines`; in Chinese also of `tokens` at the same place."""
    pairs = [
        (spoken(line), spoken(there))
        for poem, other in zip(poems, others, strict=True)
        for line, there in zip(poem.tokens, other.tokens, strict=True)
    ]
    count = sum(len(line) for line, _ in pairs)
    figures = {
        "words": ratio(sum(shared(*pair) for pair in pairs), count),
        "lines": average(line == there for line, there in pairs),
    }
    if any(poem.language == "zh" for poem in poems):
        same = sum(a == b for line, there in pairs for a, b in zip(line, there, strict=False))
        figures["tokens"] = ratio(same, count)
    return {name: round(value, 4) for name, value in figures.items()}


def spoken(line: Sequence[str]) -> list[str]:
    """Tokens without marks and hyphens."""
    return [token for token in line if token not in MARKS and token != "-"]


def shared(line: Sequence[str], other: Sequence[str]) -> int:
    """How many words two lines have in common, in any order."""
    return (Counter(line) & Counter(other)).total()


def smoothness(generator: PoemGenerator, pairs: int = 16, frames: int = 9) -> dict[str, float]:
    """How evenly a straight path from one sample to another changes the words.

    Each step's share of changed words (`words_per_step`) and lines (`lines_per_step`); the
    `largest_step` of a path, where from end to end is 1 and an `even_step` would do; and how the
    distance from the start correlates with the way (`distance_grows`).
    """
    latents = generator.map(noise_from_seeds(range(FIRST_SEED, FIRST_SEED + 2 * pairs)))
    first, last = latents.chunk(2)
    places = torch.linspace(0, 1, frames)[:, None, None]
    path = (first + (last - first) * places).flatten(0, 1)
    poems = [verse.poem for verse in generator.decode(path)]
    rows = [poems[at : at + pairs] for at in range(0, len(poems), pairs)]
    steps = np.array([distances(here, there) for here, there in pairwise(rows)])
    away = np.array([distances(rows[0], row) for row in rows])
    changed = [
        line != other
        for here, there in pairwise(rows)
        for one, two in zip(here, there, strict=True)
        for line, other in zip(one.keys, two.keys, strict=True)
    ]
    return {
        "words_per_step": round(float(steps.mean()), 3),
        "lines_per_step": round(average(changed), 3),
        "largest_step": round(float((steps.max(0) / np.maximum(away[-1], 1e-6)).mean()), 3),
        "even_step": round(1 / (frames - 1), 3),
        "distance_grows": round(float(growth(away).mean()), 3),
    }


def distances(poems: Sequence[Poem], others: Sequence[Poem]) -> list[float]:
    """Between poems and others, 0 to 1: the share of words that each line has to itself, a mean
    over lines."""
    return [
        average(
            1 - 2 * shared(line, there) / max(len(line) + len(there), 1)
            for line, there in zip(map(spoken, poem.tokens), map(spoken, other.tokens), strict=True)
        )
        for poem, other in zip(poems, others, strict=True)
    ]


def growth(values: np.ndarray) -> np.ndarray:
    """Correlation [N] of each column of values [T, N] with its place; of what never changes, 0."""
    order = np.arange(len(values)) - (len(values) - 1) / 2
    values = values - values.mean(0)
    norms = np.linalg.norm(order) * np.linalg.norm(values, axis=0)
    return order @ values / np.maximum(norms, 1e-9)


def evaluate(
    generator: PoemGenerator,
    index: Mapping[str, Tensor],
    kept: Mapping[str, Any],
    data: Path | None,
    samples: int = 1000,
) -> dict[str, Any]:
    """All figures; see the module. With `data`, reconstruction is measured on that folder.

    Args:
        index: hashes of training lines from the checkpoint, see `line_index`.
        kept: what was measured on the poems themselves: `held_out`, `baseline`, `likelihood`,
            `reconstruction`.

    Raises:
        BadUpload: there is no poem in `data` that the generator could read.
    """
    poems: list[Poem] = []
    for first in range(FIRST_SEED, FIRST_SEED + samples, BATCH):
        seeds = range(first, min(first + BATCH, FIRST_SEED + samples))
        verses = generator.decode(generator.map(noise_from_seeds(seeds)))
        poems += [verse.poem for verse in verses]
    back = kept.get("reconstruction")
    if data is not None:
        back = reconstruction(generator, poems_of(generator, data))
    return {
        "samples": samples,
        **portrait(poems),
        "copied": copied(poems, index),
        "own_samples_come_back": reconstruction(generator, poems[:BATCH]),
        "interpolation": smoothness(generator, min(samples, 16)),
        "asked_for": asked_for(generator, min(samples, BATCH)),
        "directions": steered(generator, min(samples, 32)),
        "held_out": kept.get("held_out"),
        "baseline": kept.get("baseline"),
        "likelihood": kept.get("likelihood"),
        "reconstruction": back,
    }


def poems_of(generator: PoemGenerator, data: Path) -> list[Poem]:
    """Poems of a folder, see `readable`: of the part that is not learned from, if it has one.

    Raises:
        BadUpload: there are none.
    """
    is_chinese = generator.language == "zh"
    simplify = (lambda line: chinese.simplified(line)[0]) if is_chinese else None
    found = collect(data, simplify=simplify).only(generator.language)
    poems = readable(generator, found.split("test")) or readable(generator, found.poems)
    if not poems:
        raise BadUpload("no_poems", sources=data)
    return poems


def readable(generator: PoemGenerator, poems: Sequence[Poem]) -> list[Poem]:
    """At most COMPARED of poems, evenly chosen among those whose every word is known."""
    found, _ = known(poems, generator.vocabulary)
    if not found:
        return []
    chosen = np.linspace(0, len(found) - 1, min(len(found), COMPARED)).astype(int)
    return [found[row] for row in chosen]
