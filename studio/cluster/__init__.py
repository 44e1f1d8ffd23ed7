"""Generators and lessons on other machines: STUDIO_ENGINE=ray, see docs/hosting.md.

`wire` says what crosses, `workers` what runs there, `registry` how the studio asks. Nothing else
imports Ray, and nobody imports these where the engine is another one.
"""
