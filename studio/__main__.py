"""The command line: `python -m studio …`. What it prints as JSON is its last line."""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import BadSetting, NotEnoughRatings, NotFound, StudioError
from studio.medium import get_medium, in_language, media, with_sources

if TYPE_CHECKING:
    from torch import Tensor

    from studio.medium import Generator
    from studio.registry import Registry


DEEP = "let the decoder learn too, where it can; takes longer"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Known problems end with a sentence and exit code 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        if arguments[:1] == ["train"] and len(arguments) > 1 and not arguments[1].startswith("-"):
            # Handed on before anything else is imported: a training machine has torch but neither
            # the store's nor the page's packages.
            return get_medium(arguments[1]).train(arguments[2:])
        options = parser().parse_args(arguments)
        if getattr(options, "language", ""):
            options.medium = in_language(options.medium, options.language)
        result = options.run(options)
        if result is not None:
            as_json = getattr(options, "json", False)
            print(json.dumps(result, ensure_ascii=False, indent=None if as_json else 2))
        return 0
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m studio", description="Latent Studio")
    commands = p.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, help: str, *, medium: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        if medium:
            sub.add_argument("medium", help=", ".join(media()))
            sub.add_argument("--version", help="default: the promoted or newest base")
            sub.add_argument("--language", default="", help="of media that write in several")
        sub.add_argument("--json", action="store_true", help="one JSON object as the last line")
        sub.set_defaults(run=run)
        return sub

    sub = command("sample", sample, "make artworks from seeds")
    sub.add_argument("--seed", type=int, help="the first seed; default: by chance")
    sub.add_argument("--count", type=int, default=1)
    sub.add_argument("--truncation", type=float, default=1.0, help="0 tame, 1 as learned, >1 wild")
    sub.add_argument("-o", "--out", type=Path, required=True, help="a folder")

    sub = command("interpolate", interpolate, "a path between seeds as one file")
    sub.add_argument("--seeds", required=True, help="A,B[,C…]")
    sub.add_argument("--frames", type=int, default=96)
    sub.add_argument("--seconds", type=float, help="default: 24 frames a second")
    sub.add_argument("--easing", default="linear", help="linear, ease or linger")
    sub.add_argument("--loop", action="store_true")
    sub.add_argument("-o", "--out", type=Path, required=True, help="a file; its ending decides")

    sub = command("triptych", triptych, "a work and its companions in other media", medium=False)
    sub.add_argument("medium", nargs="?", default=next(iter(media())), help="of the one that leads")
    sub.add_argument("--seed", type=int, required=True)
    # Not `language`, which asks for the medium's twin: a painting has none.
    sub.add_argument("--language", dest="written", default="en", help="of the words: en or zh")
    sub.add_argument(
        "-o", "--out", type=Path, required=True, help="a .html, .png, .jpg, .pdf, .mid or .mp4"
    )

    sub = command("encode", encode, "find the latent of a file")
    sub.add_argument("file", type=Path)
    sub.add_argument("-o", "--out", type=Path, help="write the recipe here")

    commands.add_parser("train", help="train a medium on a folder: train MEDIUM --help")

    sub = command("evaluate", evaluate, "figures of a model, with baselines")
    sub.add_argument("--data", type=Path, help="compare with this folder instead")
    sub.add_argument("--samples", type=int, default=5000)

    sub = command("map", draw_map, "draw the map of what a model can make, beside its weights")
    sub.add_argument("--measure", action="store_true", help="say how far it can be trusted, too")

    sub = command("foresee", foresee, "learn what a base's works look like before they are made")
    sub.add_argument("--works", type=int, help="how many to make and learn from")

    sub = command("finetune", finetune, "fine-tune a model on ratings, or on works of one's own")
    source = sub.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--ratings", type=Path, nargs="+", help="JSON lines, one rating a line; a file each person"
    )
    source.add_argument("--works", type=Path, help="a folder of works to lean towards")
    sub.add_argument("--strength", default="clear", help="gentle, clear or bold")
    sub.add_argument("--deep", action="store_true", help=DEEP)

    sub = command("simulate", simulate, "measure the taste loop with simulated artists")
    sub.add_argument("--artists", type=int, default=6)
    sub.add_argument("--ratings", type=int, default=30)
    sub.add_argument("--noise", type=float, help="share of an impression that is mood; default 0.1")
    sub.add_argument("--deep", action="store_true", help=DEEP)

    sub = command("versions", versions, "list versions, promote one, or roll back", medium=False)
    sub.add_argument("medium", nargs="?")
    sub.add_argument("--promote", metavar="VERSION")
    sub.add_argument("--roll-back", action="store_true")
    sub.add_argument("--save", metavar="VERSION", help="write a fine-tuned one to the file -o")
    sub.add_argument("--open", metavar="FILE", type=Path, help="keep the one in a .taste file")
    sub.add_argument(
        "--merge", metavar="V1:0.5,V2:0.5", help="make one of some, and how much of each"
    )
    sub.add_argument("-o", "--output", type=Path, metavar="FILE")

    command("settings", settings, "print every setting", medium=False)
    command("bench", bench, "decode, slider and start-up against their floors", medium=False)
    return p


def registry() -> Registry:
    """Models as the settings say; without the store, which training and sampling do not need."""
    from studio.bucket import open_checkpoints
    from studio.registry import Registry
    from studio.settings import load_settings

    chosen = load_settings()
    checkpoints = open_checkpoints(chosen)
    return Registry(checkpoints, chosen.device, chosen.device_budget, chosen.threads)


def sample(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from studio.latent import MAX_SEED, noise_from_seeds, truncate

    if options.count < 1:
        raise BadSetting("bad_argument", what="--count must be at least 1.")
    first = random.randrange(MAX_SEED) if options.seed is None else options.seed
    if not 0 <= first <= MAX_SEED - options.count:
        raise BadSetting("bad_argument", what=f"--seed lies between 0 and {MAX_SEED}.")
    generator = registry().use(options.medium, options.version)
    format = get_medium(options.medium).formats[0]
    options.out.mkdir(parents=True, exist_ok=True)
    files = []
    for seed in range(first, first + options.count):
        # One at a time: a batch may round differently, and a seed must give the same bytes
        # whatever else is asked for.
        latents = generator.map(noise_from_seeds([seed]))
        moved = truncate(latents, generator.statistics.mean, options.truncation)
        artwork = generator.decode(moved)[0]
        unchanged = torch.equal(moved, latents)
        assert artwork.recipe is not None
        artwork.recipe = artwork.recipe.with_(seed=seed if unchanged else None, how="seed")
        target = options.out / f"{options.medium}-{seed}.{format}"
        target.write_bytes(with_sources(generator, artwork).export(format))
        files.append(str(target))
    return {"version": generator.version, "files": files}


def interpolate(options: argparse.Namespace) -> dict[str, Any]:
    from studio.latent import EASINGS, noise_from_seeds, path

    medium = get_medium(options.medium)
    format = options.out.suffix.lstrip(".").lower()
    if format not in medium.path_formats:
        known = ", ".join(medium.path_formats)
        raise BadSetting("bad_argument", what=f"A path is written as {known}, not “{format}”.")
    if options.easing not in EASINGS:
        raise BadSetting("bad_argument", what=f"--easing is one of {', '.join(EASINGS)}.")
    if not 1 <= options.frames <= 5000:
        raise BadSetting("bad_argument", what="--frames lies between 1 and 5000.")
    generator = registry().use(options.medium, options.version)
    keys = generator.map(noise_from_seeds(seeds(options.seeds)))
    latents = path(
        keys,
        options.frames,
        centre=generator.statistics.mean,
        easing=options.easing,
        loop=options.loop,
    )
    artworks = [work for chunk in latents.split(32) for work in generator.decode(chunk)]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    seconds = options.seconds or options.frames / 24
    medium.export_path(artworks, format, seconds, options.out)
    return {"version": generator.version, "file": str(options.out), "frames": len(artworks)}


def triptych(options: argparse.Namespace) -> dict[str, Any]:
    from studio.latent import MAX_SEED, noise_from_seeds
    from studio.taste.explain import Usual
    from studio.triptych import complete, panels
    from studio.triptych.files import FORMATS, content
    from studio.words import LANGUAGES, Words

    format = options.out.suffix.lstrip(".").lower()
    if format not in FORMATS or options.written not in LANGUAGES:
        what = f"-o ends in .{', .'.join(FORMATS)}; --language is {' or '.join(LANGUAGES)}."
        raise BadSetting("bad_argument", what=what)
    if not 0 <= options.seed <= MAX_SEED:
        raise BadSetting("bad_argument", what=f"--seed lies between 0 and {MAX_SEED}.")
    # A poem leads in the language that is asked for.
    lead = in_language(options.medium, get_medium(options.medium).language and options.written)
    models = registry()
    generators = {name: models.use(name) for name in panels(lead, options.written)}
    work = generators[lead].decode(generators[lead].map(noise_from_seeds([options.seed])))[0]
    assert work.recipe is not None
    work.recipe = work.recipe.with_(seed=options.seed, how="seed")
    found = complete(work, generators, Usual(models.checkpoints))
    for name, each in found.works.items():
        with_sources(generators[name], each)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(content(found, format, Words(options.written), models))
    return {"file": str(options.out), "works": [r.to_dict() for r in found.recipes]}


def seeds(text: str) -> list[int]:
    """Raises: BadSetting: not numbers in range."""
    from studio.latent import MAX_SEED

    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 <= seed <= MAX_SEED for seed in found):
        what = f"--seeds takes numbers between 0 and {MAX_SEED}, separated by commas."
        raise BadSetting("bad_argument", what=what)
    return found


def encode(options: argparse.Namespace) -> dict[str, Any]:
    from studio.medium import Recipe

    medium = get_medium(options.medium)
    if not options.file.is_file():
        raise NotFound("nothing_to_read", file=options.file)
    original = medium.read(options.file)
    generator = registry().use(options.medium, options.version)
    latents = generator.encode([original])
    found = generator.decode(latents)[0]
    recipe = Recipe(options.medium, generator.version, tuple(latents[0].tolist()), how="upload")
    distance = feature_distance(generator, generator.features([original, found]))
    result = {"recipe": recipe.to_dict(), "feature_distance": distance}
    if original.recipe and original.recipe.version == generator.version:
        import torch

        known = torch.tensor(original.recipe.latent)
        result["latent_distance"] = latent_distance(generator, latents[0], known)
    if options.out:
        options.out.write_text(recipe.to_json() + "\n", encoding="utf-8")
    return result


def feature_distance(generator: Generator, rows: Tensor) -> float:
    """Of two feature rows, as a share of the mean distance between two samples."""
    seen = generator.feature_statistics
    typical = (2 * seen.scales.square().sum()).sqrt()
    return round(float(((rows[0] - rows[1]) @ seen.axes.T).norm() / typical), 4)


def latent_distance(generator: Generator, a: Tensor, b: Tensor) -> float:
    """Of two latents, as a share of the typical distance between two samples."""
    return round(float((a - b).norm() / (2 * generator.statistics.scales.square().sum()).sqrt()), 4)


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    models = registry()
    generator = models.use(options.medium, options.version)
    base = models.base(options.medium, generator.version)
    figures = get_medium(options.medium).evaluate(generator, base, options.data, options.samples)
    return {"medium": options.medium, "version": generator.version, **figures}


def draw_map(options: argparse.Namespace) -> dict[str, Any]:
    from studio.atlas import learn, measured
    from studio.atlases import Atlases, document
    from studio.checkpoint import MAP, USUAL
    from studio.taste.explain import Samples

    models = registry()
    version = options.version or models.default_version(options.medium)
    checkpoint = models.checkpoints.find(options.medium, version)
    generator = models.use_apart(options.medium, version)
    if checkpoint.is_base:
        atlas = learn(generator, counted("drawing"))
    else:
        atlas = Atlases(models, models.checkpoints.home.parent).drawn(
            checkpoint, counted("drawing")
        )
    where, beside = (options.medium, version), models.checkpoints.add_beside
    beside(*where, MAP, atlas.tensors(), document(atlas))
    beside(*where, USUAL, Samples.usual(generator).tensors())
    found: dict[str, Any] = {"version": version, "nodes": atlas.size**2}
    if options.measure:
        found["measured"] = measured(generator, atlas, counted("measuring"))
    return found


def foresee(options: argparse.Namespace) -> dict[str, Any]:
    from studio.checkpoint import FORESIGHT
    from studio.taste import foresight

    models = registry()
    version = options.version or models.default_version(options.medium)
    if not models.checkpoints.find(options.medium, version).is_base:
        raise BadSetting("bad_argument", what=f"{version} is no base; lessons go back to its base.")
    works = foresight.WORKS if options.works is None else options.works
    if works < foresight.BATCH:
        raise BadSetting("bad_argument", what=f"--works is at least {foresight.BATCH}.")
    generator = models.use_apart(options.medium, version)
    pool = min(foresight.POOL, works)
    found = foresight.learn(generator, works, pool, counted("making works"))
    models.checkpoints.add_beside(options.medium, version, FORESIGHT, found.tensors())
    return {
        "version": version,
        "works": works,
        "pool": len(found.latents),
        "explained": round(found.explained, 3),
    }


def counted(what: str) -> Callable[[float], None]:
    """Tells on the terminal how far something long has come, each tenth of it."""
    told = 0

    def report(share: float) -> None:
        nonlocal told
        if int(10 * share) > told:
            told = int(10 * share)
            print(f"{what}: {10 * told} %", file=sys.stderr, flush=True)

    return report


def finetune(options: argparse.Namespace) -> dict[str, Any]:
    from studio.settings import load_settings
    from studio.taste.finetune import STRENGTHS
    from studio.taste.finetune import finetune as tune
    from studio.taste.foresight import Foresight
    from studio.taste.own_works import files_below, read_works
    from studio.taste.ratings import Ratings
    from studio.taste.transfer import transfer
    from studio.taste.unfinished import forget

    if options.strength not in STRENGTHS:
        raise BadSetting("bad_argument", what=f"--strength is one of {', '.join(STRENGTHS)}.")
    models = registry()
    # One that was stopped goes on when the same command is given again.
    settings = load_settings()
    unfinished = settings.home / "lessons" / f"command-{options.medium}.safetensors"
    generator = models.use(options.medium, options.version)

    def progress(share: float, values: dict) -> None:
        print(f"{share:4.0%} {values.get('stage', '')}", file=sys.stderr, flush=True)

    base = models.base(options.medium, generator.version)
    chosen = {
        "strength": options.strength,
        "deep": options.deep,
        "samples": settings.lesson_works,
        "progress": progress,
    }
    source: dict[str, Any]
    if options.works:
        medium = get_medium(options.medium)
        works = read_works(medium, generator, files_below(options.works, medium))
        for name, reason in works.left_out:
            print(f"left out: {name}: {reason}", file=sys.stderr)
        found = transfer(generator, works.features, **chosen)
        source = {"works": len(works), "works_sha256": works.digest}
    else:
        people = [Ratings.from_file(path, generator) for path in options.ratings]
        ratings = Ratings.together(people)
        try:
            found = tune(
                generator,
                ratings,
                base=models.use(options.medium, base.version),
                foresight=Foresight.kept(base),
                unfinished=unfinished,
                **chosen,
            )
        except NotEnoughRatings:
            forget(unfinished)
            raise
        source = {"ratings": len(ratings)}
        if len(people) > 1:
            source["raters"] = len(people)
    version = models.add_fine_tune(generator, found.adapter, found.measured, source)
    forget(unfinished)
    return {"version": version, "parent": generator.version, "measured": found.measured, **source}


def simulate(options: argparse.Namespace) -> dict[str, Any]:
    from studio.taste.artists import MOST_NOISE, NOISE
    from studio.taste.foresight import Foresight
    from studio.taste.reward import FEWEST
    from studio.taste.simulate import simulate as run

    noise = NOISE if options.noise is None else options.noise
    if not 0 <= noise <= MOST_NOISE:
        raise BadSetting(
            "bad_argument",
            what=f"--noise is {noise:g}; it is the share of an artist's impression that is mood, "
            f"from 0 (none) to {MOST_NOISE:g} (as much mood as liking). Nothing was measured.",
        )
    if options.artists < 1 or options.ratings < FEWEST:
        what = f"--artists must be at least 1, and --ratings {FEWEST}: fewer teach nothing."
        raise BadSetting("bad_argument", what=what)
    models = registry()
    generator = models.use(options.medium, options.version)
    return run(
        generator,
        artists=options.artists,
        ratings=options.ratings,
        noise=noise,
        deep=options.deep,
        foresight=Foresight.kept(models.base(options.medium, generator.version)),
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )


def versions(options: argparse.Namespace) -> dict[str, Any]:
    models = registry()
    asked = (options.promote, options.roll_back, options.save, options.open, options.merge)
    if any(asked) and not options.medium:
        raise BadSetting("bad_argument", what="Say which medium: versions MEDIUM --promote …")
    if bool(options.save) != bool(options.output):
        raise BadSetting("bad_argument", what="Say which and where: --save VERSION -o FILE")
    if options.save:
        from studio.taste.portable import pack

        packed = pack(models.checkpoints, options.medium, options.save)
        try:
            options.output.write_bytes(packed)
        except OSError as error:
            raise BadSetting(
                "file_unwritable", file=options.output, reason=error.strerror
            ) from error
    if options.open:
        from studio.taste.portable import receive

        print(f"kept as {receive(models, options.medium, options.open)}", file=sys.stderr)
    if options.merge is not None:
        from studio.taste.blend import keep

        merged = keep(models, options.medium, weights(options.merge))
        print(f"kept as {merged}", file=sys.stderr)
    if options.promote:
        models.promote(options.medium, options.promote)
    if options.roll_back:
        models.roll_back(options.medium)
    names = [options.medium] if options.medium else list(media())
    return {
        name: {
            "default": models.default_version(name) if models.versions(name) else None,
            "versions": [
                {key: c.card.get(key) for key in ("version", "parent", "created", "trained_on")}
                for c in models.versions(name)
            ],
        }
        for name in names
    }


def weights(text: str) -> dict[str, float]:
    """Of versions to merge. Raises: BadSetting: not a weight for each."""
    found = {}
    for part in text.split(","):
        version, _, weight = part.strip().rpartition(":")
        try:
            found[version] = float(weight)
        except ValueError:
            raise BadSetting("blend_weight") from None
    return found


def settings(options: argparse.Namespace) -> dict[str, Any] | None:
    from studio.settings import load_settings

    chosen = load_settings()
    if options.json:
        return chosen.model_dump(mode="json")
    print(chosen)
    return None


def bench(options: argparse.Namespace) -> dict[str, Any]:
    from studio.bench import run

    return run(registry())


if __name__ == "__main__":
    sys.exit(main())
