"""A file that a person drops in becomes a place to start from."""

from __future__ import annotations

from pathlib import Path

from studio import latent
from studio.errors import NotFound
from studio.medium import Artwork, Generator, Recipe
from studio.ui.explore_state import Moment
from studio.ui.session import passing, require_size
from studio.ui.walk import Walk

CHANCE_FINDS = 32
FIRST_CHANCE_FIND = 4_000_000
ORIGINAL_THUMBNAIL = 96


def arrived(walk: Walk, path: str) -> Moment:
    """The moment that shows a file: exactly its recipe, or what comes nearest to its content.

    Raises:
        BadUpload: the file cannot be used.
    """
    visit = walk.visit
    with passing(path):
        require_size(visit, Path(path))
        original = visit.medium_object.read(path)
    if original.recipe is not None and knows(walk, original.recipe):
        visit.say("explore.upload.recipe")
        return walk.newest.from_recipe(original.recipe, "upload")
    generator = visit.generator
    base = tuple(generator.encode([original])[0].tolist())
    upload = {
        "thumbnail": original.thumbnail(size=ORIGINAL_THUMBNAIL),
        "percent": nearness(generator, original, base),
    }
    options = dict(original.options)
    return Moment(base, base, generator.version, how="upload", options=options, upload=upload)


def knows(walk: Walk, recipe: Recipe) -> bool:
    """Whether a recipe can be followed here: its medium, its version, the length of its latent."""
    if recipe.medium != walk.visit.medium:
        return False
    try:
        generator = walk.visit.studio.registry.use(recipe.medium, recipe.version)
    except NotFound:
        return False
    return len(recipe.latent) == generator.latent_dim


def nearness(generator: Generator, original: Artwork, base: tuple[float, ...]) -> int:
    """How much nearer than a chance find the found artwork is to the original, in percent."""
    seeds = range(FIRST_CHANCE_FIND, FIRST_CHANCE_FIND + CHANCE_FINDS)
    chance = generator.map(latent.noise_from_seeds(seeds))
    found = chance.new_tensor([base])
    places = [*generator.decode(found), *generator.decode(chance)]
    where = generator.feature_statistics
    features = (generator.features([original, *places]) - where.mean) @ where.axes.T
    distances = (features[1:] - features[0]).norm(dim=1)
    share = 1 - float(distances[0] / distances[1:].mean())
    return round(100 * min(max(share, 0.0), 1.0))
