"""What all tests share: a home of its own for each test, and the real parts made from it."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from studio.jobs import Jobs
from studio.medium import Generator, Medium, get_medium, media
from studio.settings import SHIPPED_CHECKPOINTS, Settings
from studio.store import Store
from studio.studio import Studio
from tests import databases
from tests.doubles import bases_below

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("studio", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("studio")

# Two processes test at once, on two processors: a second thread of each would stand in the way.
torch.set_num_threads(1)

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "latent-stripes"


def pytest_configure(config: pytest.Config) -> None:
    """Install the example plugin for the tests, as pip would: what is promised for every medium
    is tried on one that the studio does not know."""
    folder = tempfile.TemporaryDirectory()
    config.add_cleanup(folder.cleanup)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    installed = Path(folder.name) / f"{name.replace('-', '_')}-{version}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    (installed / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{entry} = {target}\n" for entry, target in entries.items())
            for group, entries in project["entry-points"].items()
        )
    )
    sys.path += [folder.name, str(EXAMPLE)]
    importlib.invalidate_caches()


LONGEST = (
    "test_loop",
    "test_poem",
    "test_crash",
    "test_rate_teach",
    "test_contract",
    "test_own_works",
    "test_isolation",
    "test_explore",
)
"""Modules that begin first, so that neither process waits for the other to end one of them."""


def group(item: pytest.Item) -> str:
    """What one process does together: tests that share models which are trained for them, or what
    their module has set up. A browser and a server are started once by each process."""
    path = Path(item.path)
    if path.stem == "test_loop":
        # No brackets: what follows one is no group to xdist.
        return re.sub(r"\W+", "-", item.name)
    if "browser" in path.parts or path.stem in LONGEST:
        return f"{path.parent.name}-{path.stem}"
    return path.parent.name


# Before xdist looks for the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(Path(item.path).stem, len(order)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
        if "sqlite" in item.keywords and "STUDIO_TEST_DATABASE_URL" in os.environ:
            item.add_marker(pytest.mark.skip("it looks into the file of SQLite"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a medium, or for its generator, runs for every medium there is."""
    for name in ("medium", "generator", "as_shipped"):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, list(media()), indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shipped models beside the example's, where every studio of these tests looks."""
    from latent_stripes.generator import publish

    root = tmp_path_factory.mktemp("checkpoints")
    for folder in SHIPPED_CHECKPOINTS.iterdir():
        (root / folder.name).symlink_to(folder)
    publish(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_CHECKPOINTS", str(root))
        yield root


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped base models, but for doubles of those that are slow."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Processes that test at once have their temporary folders side by side.
        root = root.parent
    bases_below(root / "bases")
    return root / "bases"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As it was, after commands that train with all processors there are."""
    yield
    torch.set_num_threads(1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def database_url() -> Iterator[str | None]:
    """None, the file in `home`; where STUDIO_TEST_DATABASE_URL names a PostgreSQL server, a new
    database there for each test."""
    server = databases.server()
    if server is None:
        yield None
        return
    url = databases.create(server)
    yield url
    databases.drop(server, url)
    server.dispose()


@pytest.fixture
def settings(home: Path, checkpoints: Path, database_url: str | None) -> Settings:
    return Settings(
        home=home, checkpoints=checkpoints, device="cpu", threads=1, database_url=database_url
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = Store(settings.resolved_database_url)
    yield store
    store.close()


@pytest.fixture
def key(store: Store) -> str:
    """The key of a session in `store`."""
    return store.open_session(None).key


@pytest.fixture
def jobs(store: Store) -> Iterator[Jobs]:
    jobs = Jobs(store)
    yield jobs
    jobs.shutdown()


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    studio = Studio.start(settings)
    yield studio
    studio.close()


@pytest.fixture(scope="session")
def shared_studio(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Iterator[Studio]:
    """A studio for the tests that only look at the models of all media."""
    home = tmp_path_factory.mktemp("shared")
    studio = Studio.start(Settings(home=home, checkpoints=checkpoints, device="cpu", threads=1))
    yield studio
    studio.close()


@pytest.fixture(scope="session")
def medium(request: pytest.FixtureRequest) -> Medium:
    """Each medium found, plugins too."""
    return get_medium(request.param)


@pytest.fixture(scope="session")
def generator(request: pytest.FixtureRequest, shared_studio: Studio) -> Generator:
    """The generator of each medium found, as people first meet it."""
    return shared_studio.registry.use(request.param)
