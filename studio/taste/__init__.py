"""What a person likes, learned from their ratings, and taught to a generator.

    ratings = Ratings.from_rows(store.ratings(key, medium))  # or Ratings.from_file(path, generator)
    curator = Curator()  # one a process; remembers features, nobody's opinion
    latents = curator.next_artworks(generator, ratings, seed=7, kind="single")  # [1 or 2, D]
    reward = curator.reward(generator, ratings)
    result = finetune(generator, ratings, progress=..., is_cancelled=...)
    version = registry.add_fine_tune(generator, result.adapter, result.measured)

Nothing here knows a particular medium.
"""

from studio.taste.ratings import Ratings
from studio.taste.reward import RewardModel
from studio.taste.select import Curator

__all__ = ["Curator", "Ratings", "RewardModel"]
