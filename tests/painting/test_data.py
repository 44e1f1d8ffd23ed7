"""Pictures of every kind get in, hostile ones get a sentence, and nothing is dropped in silence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from studio.errors import BadUpload
from studio.painting import data
from tests.painting.conftest import landscape


def saved(picture: Image.Image, format: str, **options) -> io.BytesIO:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    stream.seek(0)
    return stream


def bomb(side: int) -> io.BytesIO:
    """A PNG that claims side x side pixels in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    ihdr, idat = chunk(b"IHDR", header), chunk(b"IDAT", rows)
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + ihdr + idat + chunk(b"IEND", b""))


@pytest.mark.parametrize("side", [7_000, 20_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side):
    with pytest.raises(BadUpload, match="40 megapixels"):
        data.open_picture(bomb(side))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\x89PNG\r\n\x1a\n and then nothing",
        saved(landscape(1), "PNG").getvalue()[:900],
        saved(landscape(1), "JPEG").getvalue()[:300],
    ],
    ids=["empty", "svg renamed", "only a signature", "truncated png", "truncated jpeg"],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(BadUpload, match="not a picture"):
        data.open_picture(io.BytesIO(content))


def test_one_pixel_is_too_small():
    with pytest.raises(BadUpload, match="1 × 1"):
        data.open_picture(saved(Image.new("RGB", (1, 1)), "PNG"))


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1", "LA", "RGBA", "YCbCr"])
def test_every_mode_becomes_rgb(mode):
    format = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    found = data.open_picture(saved(landscape(2).convert(mode), format))
    assert found.mode == "RGB" and found.size == (180, 140)


def test_sixteen_bit_greys_keep_their_range():
    deep = np.linspace(1000, 9000, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = np.asarray(data.open_picture(saved(Image.fromarray(deep), "PNG")))
    assert found.min() == 0 and found.max() == 255


def test_transparency_becomes_white_paper():
    clear = Image.new("RGBA", (20, 20), (200, 0, 0, 0))
    assert data.open_picture(saved(clear, "PNG")).getpixel((5, 5)) == (255, 255, 255)


def test_a_photograph_taken_sideways_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = data.open_picture(saved(landscape(3), "JPEG", exif=exif))
    assert found.size == (140, 180)


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (32, 32), c) for c in ("red", "blue")]
    stream = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert data.open_picture(stream).getpixel((3, 3)) == (255, 0, 0)


def test_collecting_reports_what_it_leaves_out(tmp_path):
    for seed in range(6):
        landscape(seed).save(tmp_path / f"{seed}.png")
    landscape(0).resize((360, 280)).save(tmp_path / "again.jpg")
    landscape(9).resize((60, 50)).save(tmp_path / "tiny.png")
    (tmp_path / "broken.jpg").write_bytes(b"no")
    (tmp_path / "notes.txt").write_text("not looked at")
    found = data.collect(tmp_path)
    reasons = dict(found.left_out)
    assert len(found.works) == 6
    assert "same picture" in reasons["again.jpg"] or "same picture" in reasons["0.png"]
    assert "smaller" in reasons["tiny.png"]
    assert "not a picture" in reasons["broken.jpg"]


def test_a_works_split_does_not_depend_on_its_company(pictures, tmp_path):
    everything = {w.digest: w.split for w in data.collect(pictures).works}
    for name in ("003.png", "007.png"):
        (tmp_path / f"moved-{name}").write_bytes((pictures / name).read_bytes())
    for work in data.collect(tmp_path).works:
        assert everything[work.digest] == work.split


def test_splits_have_their_shares():
    digests = [f"{i * 2654435761 % 2**32:08x}" for i in range(5000)]
    splits = [data.split_of(d) for d in digests]
    assert 0.03 < splits.count("test") / 5000 < 0.07
    assert 0.03 < splits.count("validation") / 5000 < 0.07


def test_the_manifest_one_level_up_is_read(pictures):
    work = data.collect(pictures).works[0]
    assert work.artist == "a test" and work.licence == "CC0"
    assert data.collect(pictures).summary()["licences"] == {"CC0": 80}


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_a_folder_without_pictures_is_told(tmp_path, what):
    with pytest.raises(BadUpload, match=str(tmp_path)):
        data.collect(tmp_path / "nowhere" if what == "missing" else tmp_path)


def test_crops_are_in_range_and_varied(pictures):
    crops = data.Crops(data.collect(pictures).split("train"), 32)
    batch = crops.draw(64)
    assert batch.shape == (64, 3, 32, 32)
    assert float(batch.min()) >= -1 and float(batch.max()) <= 1
    assert len({tuple(p.flatten().tolist()) for p in batch}) > 40
