"""The map of every medium: each point is a latent, neighbours are alike, all versions have one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from studio import adapter as low_rank
from studio.__main__ import main
from studio.atlas import Atlas, Finder, lattice, learn, measured, spline, survey
from studio.atlases import Atlases, document, read, shipped
from studio.checkpoint import (
    MAP,
    MAX_FILE_BYTES,
    Checkpoints,
    add_beside,
    base_of,
    model_files,
    open_checkpoint,
)
from studio.errors import BadCheckpoint
from studio.latent import NOISE_DIM, noise_from_seeds
from studio.medium import Generator, media
from studio.metrics import trustworthiness
from studio.registry import Registry
from studio.settings import SHIPPED_CHECKPOINTS
from studio.taste.foresight import Foresight

SIZE, SAMPLES = 4, 40
LARGEST = MAX_FILE_BYTES // 20
PLUGIN = "stripes"


@pytest.fixture(scope="module")
def atlas_of() -> Callable[[Generator], Atlas]:
    """Small maps, each learned once."""
    known: dict[str, Atlas] = {}

    def atlas(generator: Generator) -> Atlas:
        if generator.medium not in known:
            known[generator.medium] = learn(generator, samples=SAMPLES, size=SIZE)
        return known[generator.medium]

    return atlas


@pytest.fixture
def registry(tmp_path: Path, checkpoints: Path) -> Registry:
    """A studio whose plugin's base may be written to."""
    root = tmp_path / "checkpoints"
    for folder in checkpoints.iterdir():
        if folder.name != PLUGIN:
            (root / folder.name).parent.mkdir(exist_ok=True)
            (root / folder.name).symlink_to(folder.resolve())
    shutil.copytree(checkpoints / PLUGIN, root / PLUGIN)
    return Registry(Checkpoints(root, tmp_path / "home" / "checkpoints"), "cpu")


def tuned(registry: Registry) -> str:
    """A fine-tuned version of the plugin's base, whatever it learned."""
    parent = registry.use(PLUGIN)
    mapping = low_rank.attach(parent.mapping)
    *_, last = low_rank.adapter_layers(mapping).values()
    with torch.no_grad():
        last.bias += 1.0
    return registry.add_fine_tune(parent, low_rank.adapter_tensors(mapping), {})


def some_points(count: int) -> torch.Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(3))


def test_every_point_is_a_latent_and_the_same_one_every_time(
    generator: Generator, atlas_of: Callable[[Generator], Atlas]
) -> None:
    atlas, points = atlas_of(generator), some_points(5)
    latents = atlas.latents(generator, points)
    assert latents.shape == (5, generator.latent_dim) and latents.isfinite().all()
    assert torch.equal(latents[3:4], atlas.latents(generator, points[3:4]))
    assert atlas.latents(generator, points[:0]).shape == (0, generator.latent_dim)
    work, again = (generator.decode(latents[3:4])[0] for _ in range(2))
    assert work.recipe is not None and work.recipe.latent == tuple(latents[3].tolist())
    assert work.show() == again.show()
    assert not torch.allclose(latents[0], latents[1])


def test_what_lies_on_the_map_is_found_where_it_lies(
    generator: Generator, atlas_of: Callable[[Generator], Atlas]
) -> None:
    atlas, points = atlas_of(generator), some_points(4)
    latents = atlas.latents(generator, points)
    works = generator.decode(latents)
    found = Finder.of(generator, atlas).find(generator, latents, generator.features(works))
    torch.testing.assert_close(found, points, atol=2e-3, rtol=0)
    # Nothing of the kind is said of works that lie elsewhere: they are put to what they look like.
    fresh = generator.map(noise_from_seeds(range(3)))
    seen = generator.features(generator.decode(fresh))
    beside = Finder.of(generator, atlas).find(generator, fresh, seen)
    assert all(any(torch.equal(place, node) for node in lattice(SIZE)) for place in beside)


def test_every_point_has_noise_as_long_as_noise_is(
    generator: Generator, atlas_of: Callable[[Generator], Atlas]
) -> None:
    outside = torch.tensor([[-1.0, 0.5], [0.0, 0.5], [2.0, 3.0], [1.0, 1.0]])
    noise = atlas_of(generator).noise_at(torch.cat([some_points(20), outside]))
    torch.testing.assert_close(noise.norm(dim=1), torch.full((24,), NOISE_DIM**0.5))
    assert torch.equal(noise[-4], noise[-3]) and torch.equal(noise[-2], noise[-1])


def test_it_comes_back_from_its_tensors_and_nonsense_does_not(
    generator: Generator, atlas_of: Callable[[Generator], Atlas]
) -> None:
    atlas = atlas_of(generator)
    tensors, names = atlas.tensors(), document(atlas)["attributes"]
    back = Atlas.from_tensors(tensors, names)
    assert torch.equal(back.noise, atlas.noise)
    assert list(back.attributes) == list(generator.attributes([]))
    torch.testing.assert_close(back.seen, atlas.seen, atol=0.02, rtol=0.01)
    for broken in (
        {**tensors, "noise": tensors["noise"][:, :-1]},
        {**tensors, "noise": tensors["noise"] * torch.nan},
        {**tensors, "seen": tensors["seen"][:-1]},
    ):
        with pytest.raises(ValueError):
            Atlas.from_tensors(broken, names)


def test_neighbours_are_alike_and_more_is_shown_than_on_a_plane(registry: Registry) -> None:
    generator = registry.use(PLUGIN)
    found = measured(generator, learn(generator))
    assert found["map"]["trustworthiness"] >= 0.9
    assert found["map"]["nearness"] > max(found[plane]["nearness"] for plane in ("pca", "random"))


def test_weights_of_nodes_add_up_and_change_smoothly() -> None:
    weights = spline(torch.linspace(0, 1, 4001), 5)
    torch.testing.assert_close(weights.sum(1), torch.ones(4001))
    assert weights.min() >= 0
    assert weights.diff(dim=0).abs().max() < 5 / 4000


def test_trust_is_whole_where_nothing_is_moved_and_half_by_chance() -> None:
    chart = some_points(200)
    assert trustworthiness(3 * chart + 1, chart) == 1.0
    shuffled = chart[torch.randperm(200, generator=torch.Generator().manual_seed(5))]
    assert trustworthiness(shuffled, chart) == pytest.approx(0.5, abs=0.05)
    # Four in a row; on the chart the last stands beside the first: it is its third, not its first
    # neighbour, and the first is the last's third.
    row, bent = (
        torch.tensor([[0.0], [1.0], [2.1], [3.3]]),
        torch.tensor([[0.0], [1.0], [2.1], [-0.5]]),
    )
    assert trustworthiness(row, bent, k=1) == pytest.approx(1 - 2 * (2 + 2) / (4 * 1 * (8 - 3 - 1)))
    with pytest.raises(ValueError):
        trustworthiness(row, bent, k=2)


def test_every_shipped_base_has_a_small_map() -> None:
    checkpoints = Checkpoints(SHIPPED_CHECKPOINTS, Path("nowhere"))
    bases = [c for name in media() for c in checkpoints.list(name)]
    assert len(bases) >= 5
    for base in bases:
        atlas = shipped(checkpoints.find(base.medium, base.version))
        assert atlas is not None, base.version
        assert (
            sum(
                (base.folder / f).stat().st_size
                for f in base.card["files"]
                if f.startswith("atlas")
            )
            < LARGEST
        )


def test_a_version_without_a_map_gets_one_and_keeps_it(registry: Registry) -> None:
    version = tuned(registry)
    home = registry.checkpoints.home.parent
    base, child = (registry.use(PLUGIN, name) for name in (base_of(version), version))
    found = Atlases(registry, home).of(child).result()
    of_base = Atlases(registry, home).of(base).result().atlas
    # The same places, read with another mapping.
    assert torch.equal(found.atlas.noise, of_base.noise)
    assert not torch.allclose(
        found.atlas.latents(child, some_points(3)), of_base.latents(base, some_points(3))
    )
    assert not torch.allclose(
        found.atlas.attributes["brightness"], of_base.attributes["brightness"]
    )
    later = Atlases(registry, home)
    checkpoint = registry.checkpoints.find(PLUGIN, version)
    kept = later.cached(checkpoint)
    assert kept is not None and torch.equal(kept.noise, found.atlas.noise)
    # What is kept of one model says nothing of another with its name.
    altered = dict(checkpoint.card) | {"files": {"other.safetensors": "0"}}
    assert later.cached(type(checkpoint)(checkpoint.folder, altered)) is None
    damaged = home / "maps" / PLUGIN / version / "atlas.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert later.cached(checkpoint) is None
    assert torch.equal(Atlases(registry, home).of(child).result().atlas.noise, of_base.noise)


def test_a_map_that_cannot_be_drawn_says_why(registry: Registry, tmp_path: Path) -> None:
    version = tuned(registry)
    generator = registry.use(PLUGIN, version)
    file = registry.checkpoints.find(PLUGIN, version).folder / "adapter.safetensors"
    file.write_bytes(b"no")
    with pytest.raises(BadCheckpoint):
        Atlases(registry, tmp_path / "home").of(generator).result()


def test_a_map_is_put_beside_the_weights_and_nothing_else_changes(registry: Registry) -> None:
    version = registry.default_version(PLUGIN)
    before = registry.checkpoints.find(PLUGIN, version)
    generator = registry.use(PLUGIN)
    first = learn(generator, samples=SAMPLES, size=SIZE)
    second = survey(generator, noise_from_seeds(range(9)).view(3, 3, NOISE_DIM))
    for atlas in (first, second):
        add_beside(before.folder, MAP, atlas.tensors(), document(atlas))
        after = open_checkpoint(before.folder)
        assert model_files(after.card) == before.card["files"] == model_files(before.card)
        assert {k: v for k, v in after.card.items() if k != "files"} == {
            k: v for k, v in before.card.items() if k != "files"
        }
        assert torch.equal(read(after).noise, atlas.noise)
    assert not [path.name for path in before.folder.parent.iterdir() if path.name.startswith(".")]
    (before.folder / "atlas.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadCheckpoint):
        open_checkpoint(before.folder)


@pytest.fixture
def for_commands(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """What a command line finds, too."""
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(registry.checkpoints.shipped))
    monkeypatch.setenv("STUDIO_HOME", str(registry.checkpoints.home.parent))
    return registry


def test_the_command_draws_it(for_commands: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry, version = for_commands, tuned(for_commands)
    for arguments in ([], ["--version", version, "--measure"]):
        assert main(["map", PLUGIN, *arguments, "--json"]) == 0
        said = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert shipped(registry.checkpoints.find(PLUGIN, said["version"])) is not None
    assert said["version"] == version
    assert set(said["measured"]) == {"map", "pca", "random"}
    assert 0 < said["measured"]["map"]["nearness"] <= 1.1
    assert main(["map", PLUGIN, "--version", "none"]) == 2


def test_the_command_learns_to_foresee(
    for_commands: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry, version = for_commands, tuned(for_commands)
    assert main(["foresee", PLUGIN, "--works", "256", "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    found = Foresight.kept(registry.checkpoints.find(PLUGIN, said["version"]))
    assert found is not None and found.fits(registry.use(PLUGIN))
    assert (said["works"], said["pool"]) == (256, len(found.latents))
    assert said["explained"] == pytest.approx(found.explained, abs=0.01)
    for wrong in (["--version", version], ["--works", "1"], ["--version", "none"]):
        assert main(["foresee", PLUGIN, *wrong]) == 2
