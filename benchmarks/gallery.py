"""docs/gallery.md and its pictures: the triptychs of the first seeds, as they come.

`python benchmarks/gallery.py [--seeds 5] [--language en]`; some minutes. Run it again whenever a
base model has changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.__main__ import registry
from studio.latent import noise_from_seeds
from studio.medium import media, with_sources
from studio.taste.explain import Usual
from studio.triptych import complete, panels
from studio.triptych.poster import export, origin
from studio.words import Words

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = """# Triptychs

Of the seeds 1 to {last}, unselected: the first that there are. Each is one noise in three media.
The {lead} leads; the others begin at the same noise and are steered to its mood along their models'
own directions, so that the same recipe gives the same triptych every time. How well that works is
told in [triptych.md](triptych.md).

{rows}
Made by `python benchmarks/gallery.py` with {origin}.
One alone, as a page that needs no net, a poster or a PDF:

```sh
python -m studio triptych --seed 1 -o triptych.html    # or .png, .pdf, .jpg; --language zh
```
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--language", default="en")
    chosen = parser.parse_args()
    models, words = registry(), Words(chosen.language)
    usual = Usual(models.checkpoints)
    lead = next(iter(media()))
    generators = {name: models.use(name) for name in panels(lead, chosen.language)}
    rows, about = "", ""
    for seed in range(1, chosen.seeds + 1):
        (work,) = generators[lead].decode(generators[lead].map(noise_from_seeds([seed])))
        assert work.recipe is not None
        work.recipe = work.recipe.with_(seed=seed, how="seed")
        found = complete(work, generators, usual)
        for name, each in found.works.items():
            with_sources(generators[name], each)
        file = DOCS / f"triptych-{seed}.jpg"
        file.write_bytes(export(found, words, "jpg"))
        rows += f"## Seed {seed}\n\n![A {' and a '.join(found.works)}]({file.name})\n\n"
        about = origin(found).split(" · ", 1)[1]
        print(file, file.stat().st_size, flush=True)
    text = PAGE.format(last=chosen.seeds, lead=lead, rows=rows, origin=about)
    (DOCS / "gallery.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
