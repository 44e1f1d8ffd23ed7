"""What every picture says of itself, whatever made it: its recipe, and that a machine helped."""

from __future__ import annotations

RECIPE_KEY = "latent-studio-recipe"
"""Name of the text that holds a recipe in a PNG."""
# IPTC's term for what a machine made.
MADE_BY_A_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
# It stands where photo software looks for it.
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{MADE_BY_A_MODEL}"/></rdf:RDF></x:xmpmeta>'
)
