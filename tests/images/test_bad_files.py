"""Files that are damaged, made to harm, or no files at all: one clear error, never a hang."""

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from img2img import images
from img2img.errors import PictureError
from img2img.images import av1
from img2img.images.av1 import coded_sizes
from img2img.images.probe import gif_canvas, probe_image

RANDOM = np.random.default_rng(2)
posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files here")
both = pytest.mark.parametrize("call", [images.read, images.probe])


def sample(format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (40, 50, 3)).astype(np.uint8)).save(stream, format, **options)
    return stream.getvalue()


def refused(call, *arguments, **options) -> str:
    """The message of the error, after checks that hold for each of them."""
    with pytest.raises(PictureError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "\x1b" not in message
    assert "object at 0x" not in message  # no heap address
    return message


@both
def test_not_a_file(tmp_path, call):
    assert "No such file" in refused(call, tmp_path / "absent.png")
    assert "is a folder" in refused(call, tmp_path)
    (tmp_path / "empty.png").touch()
    assert "is empty" in refused(call, tmp_path / "empty.png")
    assert "not a possible name" in refused(call, "a\0b.png")
    assert "too long" in refused(call, "x" * 300)


@posix
@both
def test_pipes_and_devices_do_not_hang(tmp_path, call):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name in ("pipe.png", "zero.png"):
        assert "not a regular file" in refused(call, tmp_path / name)
    refused(call, tmp_path / "loop.png")


@posix
@both
def test_sparse_giant(tmp_path, call):
    with open(tmp_path / "giant.png", "wb") as file:
        file.truncate(8 * 1024**3)
    assert "8.0 GiB" in refused(call, tmp_path / "giant.png")


@posix
@both
def test_names_are_quoted(tmp_path, call):
    name = os.path.join(os.fsencode(tmp_path), b"\x1b[31m\n-\xff.png").decode("utf-8", "surrogateescape")
    with open(name, "wb") as file:
        file.write(b"no picture")
    refused(call, name).encode("utf-8")  # and can be printed


@both
@pytest.mark.parametrize(
    "content", [b"no picture at all", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\0" * 999]
)
def test_content_that_is_no_picture(tmp_path, call, content):
    (tmp_path / "a.png").write_bytes(content)
    refused(call, tmp_path / "a.png")


def test_a_decoders_message_is_not_repeated():
    assert "BytesIO" not in refused(images.read, io.BytesIO(b"no picture"))
    assert "'upload.png'" in refused(images.read, io.BytesIO(b"no picture"), name="upload.png")
    refused(images.read, b"")
    refused(images.read, b"no picture", name="\x1b[31m\nname")


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (body, data, b"IEND")
    )


@both
def test_bomb(tmp_path, call):
    (tmp_path / "a.png").write_bytes(png_header(60000, 60000))
    message = refused(call, tmp_path / "a.png")
    assert "3600 megapixels" in message
    assert "--max-pixels" in message
    (tmp_path / "b.png").write_bytes(sample("PNG"))
    assert "50x40" in refused(call, tmp_path / "b.png", max_pixels=1999)
    call(tmp_path / "b.png", max_pixels=2000)


@both
def test_tiff_bomb(tmp_path, call):
    tags = [(256, 60000), (257, 60000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 60000), (279, 1)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + bytes(4))
    assert "3600 megapixels" in refused(call, tmp_path / "a.tif")


@pytest.mark.parametrize("disposal", [0, 2])
def test_a_later_frame_that_enlarges_a_gif(disposal):
    stream = io.BytesIO()
    frames = [Image.new("L", (10, 10), level) for level in (0, 100, 200)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], disposal=disposal)
    data = bytearray(stream.getvalue())
    place = data.index(struct.pack("<BHHHH", 0x2C, 0, 0, 10, 10), data.index(b"\x2c") + 1)  # the second frame's place and size
    struct.pack_into("<HH", data, place + 5, 65535, 65535)
    assert "megapixels" in refused(images.read, bytes(data))


def test_more_pixels_than_pillow_allows_are_read_when_asked_for(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.read(sample("PNG")).width == 50
    assert Image.MAX_IMAGE_PIXELS == 100  # Pillow's limit is the host program's to set


def test_pillows_limit_comes_back_after_threads():
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    data = sample("PNG")
    threads = [threading.Thread(target=lambda: [images.read(data) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limit == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters


def test_a_chain_of_tiff_pages_that_bites_its_tail():
    data = bytearray(sample("TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert len(images.read(bytes(data)).frames) == 1


FORMATS = {
    "PNG": {},
    "JPEG": {},
    "WEBP": {},
    "AVIF": {},
    "GIF": {},
    "BMP": {},
    "PPM": {},
    "JPEG2000": {},
    "QOI": {},
    "TIFF": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.98, 0.5, 0.05])
def test_truncated(tmp_path, format, share):
    data = sample(format, **FORMATS[format])
    (tmp_path / "a").write_bytes(data[: int(len(data) * share)])
    refused(images.read, tmp_path / "a")


def test_truncated_sixteen_bits():
    stream = io.BytesIO()
    images.write(images.Picture(images.read(sample("PNG")).frames, 16), stream, format="PNG")
    refused(images.read, stream.getvalue()[:-900])


def test_a_truncated_png_with_a_wrong_orientation_is_never_garbage(tmp_path):
    """Pillow looks for EXIF by loading: an error swallowed there would leave half a picture that loads without one."""
    data = sample("PNG")
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    for _ in range(2):
        assert images.probe(tmp_path / "a.png").width == 50
        refused(images.read, tmp_path / "a.png")


def test_damaged_exif_is_dropped_and_the_picture_read():
    picture = images.read(sample("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert picture.width == 50
    assert picture.metadata.exif is None


@pytest.mark.slow
def test_nothing_is_printed_about_a_damaged_tiff(tmp_path):
    """libtiff writes to file descriptor 2 itself."""
    data = bytearray(sample("TIFF", compression="tiff_lzw"))
    data[200:400] = bytes(200)
    (tmp_path / "a.tif").write_bytes(data)
    code = "import sys, img2img.images as i, img2img.errors as e\ntry: i.read(sys.argv[1])\nexcept e.PictureError: pass"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.tif"], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def seeds() -> list[bytes]:
    """Small files of every kind, each with metadata, for mutation."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    made = [
        sample(format, exif=exif, **options) for format, options in FORMATS.items() if format in ("PNG", "JPEG", "WEBP", "AVIF", "TIFF")
    ]
    made += [sample(format) for format in ("BMP", "PPM", "GIF", "JPEG2000", "QOI")]
    small = images.read(sample("PNG"))
    for format, depth in (("PNG", 16), ("TIFF", 16), ("PPM", 16)):
        stream = io.BytesIO()
        images.write(images.Picture(small.frames, depth, "PNG", images.read(made[0]).metadata), stream, format=format)
        made.append(stream.getvalue())
    moving = small.with_frames([images.Frame(frame.pixels * level, None, 50.0) for frame in small.frames for level in (1, 0.5, 0.1)])
    for format in ("PNG", "GIF", "WEBP", "AVIF", "TIFF"):
        stream = io.BytesIO()
        images.write(moving, stream, format=format)
        made.append(stream.getvalue())
    for mode, format in (("P", "PNG"), ("1", "TIFF"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("LA", "PNG"), ("L", "JPEG"), ("LAB", "TIFF")):
        stream = io.BytesIO()
        Image.new(mode, (20, 30)).save(stream, format)
        made.append(stream.getvalue())
    return made


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """``data`` with one to eight changes: bytes, numbers at the edges of their range, pieces cut, repeated or moved."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 9)):
        place = int(random.integers(0, min(len(changed), 400) if random.random() < 0.6 else len(changed)))
        length = int(random.integers(1, 40))
        match random.integers(0, 6):
            case 0:
                changed[place] = random.integers(0, 256)
            case 1:
                changed[place] ^= 1 << random.integers(0, 8)
            case 2:
                edge = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF][random.integers(0, 8)]
                changed[place : place + 4] = struct.pack(("<I", ">I")[random.integers(0, 2)], edge)
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = changed[place : place + length]
            case 5:
                other = int(random.integers(0, len(changed)))
                changed[place : place + length] = changed[other : other + length]
        if not changed:
            return b"\0"
    return bytes(changed[: int(random.integers(1, len(changed) + 1))] if random.random() < 0.1 else changed)


def test_mutants_are_read_or_refused():
    random, read, messages = np.random.default_rng(3), 0, []
    kinds = seeds()
    for number in range(600):
        try:
            images.read(mutate(kinds[number % len(kinds)], random), max_pixels=1_000_000)
            read += 1
        except PictureError as error:
            messages.append(str(error))
    assert not [message for message in messages if "\n" in message or "object at 0x" in message]
    assert 50 < read < 550  # otherwise the mutants are too tame or too wild to test anything


def test_a_gif_that_grows_is_refused_before_anything_is_decoded() -> None:
    """99 bytes: a canvas of one pixel, and a second frame of 65,535 x 6,553, for which the decoder would take 1.6 GB."""
    frame = b",%s\x02\x02\x44\x01\x00"
    sizes = [struct.pack("<4HB", 0, 0, width, height, 0) for width, height in ((1, 1), (65_535, 6_553))]
    header = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    data = header + frame % sizes[0] + b"!\xf9\x04" + bytes(5) + frame % sizes[1] + b";"
    with Image.open(io.BytesIO(data)) as image:
        assert gif_canvas(image) == (65_535, 6_553)
        with pytest.raises(PictureError, match="65535x6553 pixels in 2 frames"):  # as reading does first, without decoding
            probe_image(image, data, 200_000_000, "it")
    with pytest.raises(PictureError, match="65535x6553"):
        images.read(data)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_of_ycbcr_is_read_as_the_colors_it_shows(compression: str | None) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(rgb).convert("YCbCr").save(stream, "TIFF", compression=compression)
    read = images.read(stream.getvalue()).pixels.mul(255).permute(1, 2, 0).numpy()
    assert np.abs(read - rgb).mean() < 1.5  # the conversion rounds; Y, Cb and Cr taken for colors are some 70 levels off
    at = stream.getvalue().find(struct.pack("<HHI", 530, 3, 2))
    subsampled = bytearray(stream.getvalue())
    subsampled[at + 8 : at + 12] = struct.pack("<HH", 2, 2)
    with pytest.raises(PictureError, match="fewer colors than pixels"):
        images.read(bytes(subsampled))


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_avif_that_hides_its_size_is_refused_before_it_is_decoded(mode: str, frames: int) -> None:
    """Its boxes say 8 x 8; the AV1 inside has 1500 x 1100, for which the decoder would take memory first."""
    stream = io.BytesIO()
    pictures = [Image.new(mode, (1500, 1100), (200, 100, shade, 255)[: len(mode)]) for shade in range(0, 50 * frames, 50)]
    pictures[0].save(stream, "AVIF", save_all=frames > 1, append_images=pictures[1:])
    honest = stream.getvalue()
    assert set(coded_sizes(io.BytesIO(honest))) == {(1500, 1100)}
    assert images.read(honest).width == 1500
    lying = honest.replace(struct.pack(">II", 1500, 1100), struct.pack(">II", 8, 8))
    lying = lying.replace(struct.pack(">II", 1500 << 16, 1100 << 16), struct.pack(">II", 8 << 16, 8 << 16))  # of a track
    lying = lying.replace(struct.pack(">HH", 1500, 1100), struct.pack(">HH", 8, 8))  # of a sample's description
    with Image.open(io.BytesIO(lying)) as image:
        assert image.size == (8, 8)
        with pytest.raises(PictureError, match="1500x1100 pixels"):
            probe_image(image, lying, 1_000_000, "it")
    with pytest.raises(PictureError):
        images.read(lying, max_pixels=1_000_000)


def test_sequence_headers_written_by_hand() -> None:
    # Bits by the specification: profile 0, still, reduced, level 0; 10 and 9 bits of size: 640 - 1, 480 - 1.
    reduced = "000" + "1" + "1" + "00000" + f"{9:04b}{8:04b}" + f"{639:010b}{479:09b}"
    # Timing with a decoder model, two operating points (the first of level 8, with a tier, a model and a display delay).
    timing = "1" + "0" * 64 + "1" + "00110" + "1" + f"{4:05b}" + "0" * 42  # an interval of 5 as two zeros, a one and two bits
    points = "1" + f"{1:05b}" + "0" * 12 + f"{8:05b}" + "0" + "1" + "0" * 11 + "1" + "0000" + "0" * 12 + f"{3:05b}" + "0" + "0"
    full = "000" + "0" + "0" + timing + points + f"{9:04b}{8:04b}" + f"{639:010b}{479:09b}"
    for bits in (reduced, full):
        padded = bits + "0" * (-len(bits) % 8)
        payload = int(padded, 2).to_bytes(len(padded) // 8, "big")
        data = bytes([0x12, 0, 0x0A, len(payload)]) + payload
        assert list(av1._Parts(io.BytesIO(data)).frame_sizes(io.BytesIO(data), 0, len(data))) == [(640, 480)]


def coded(size: tuple[int, int], color: str) -> tuple[bytes, bytes]:
    """The AV1 data of a picture, as an AVIF's item has it, and what its av1C box says."""
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "AVIF", subsampling="4:4:4")
    data = stream.getvalue()
    place = data.index(b"av1C") + 4
    return data[data.index(b"mdat") + 4 :], data[place : place + 4]


def box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)


def avif(items: list[list[bytes]], config: bytes, size: tuple[int, int], *, idat: bool = False) -> bytes:
    """An AVIF whose items of AV1 data come in pieces with gaps between them; of several items a grid of one row. ``size`` is an item's."""
    full, count, method = bytes(4), len(items), 1 if idat else 0
    grid = [box(b"idat", struct.pack(">4B2H", 0, 0, 0, count - 1, size[0] * count, size[1]))] if count > 1 else []
    kinds = [b"av01"] * count + [b"grid"] * len(grid)
    entries = [box(b"infe", struct.pack(">IHH4sB", 2 << 24, number, 0, kind, 0)) for number, kind in enumerate(kinds, 1)]
    sizes = [box(b"ispe", full, struct.pack(">2I", wide, size[1])) for wide in (size[0], size[0] * count)]
    properties = box(b"ipco", sizes[0], box(b"pixi", full, b"\3\10\10\10"), box(b"av1C", config), sizes[1])
    tied = [struct.pack(">HB", number, 3) + b"\1\2\x83" for number in range(1, count + 1)]
    tied += [struct.pack(">HB", count + 1, 2) + b"\4\2"] * len(grid)
    links = [box(b"iref", full, box(b"dimg", struct.pack(f">{count + 2}H", count + 1, count, *range(1, count + 1))))] if grid else []
    data = bytes(9).join(piece for item in items for piece in item)
    head = box(b"ftyp", b"avif", full, b"avifmif1miaf")
    start = 0
    for _ in range(2):  # the second time its place is known
        located, place = [], start
        for number, item in enumerate(items, 1):
            extents = []
            for piece in item:
                extents.append(struct.pack(">2I", place, len(piece)))
                place += len(piece) + 9
            located.append(struct.pack(">4H", number, method, 0, len(item)) + b"".join(extents))
        located += [struct.pack(">4H2I", count + 1, 1, 0, 1, 0, 8)] * len(grid)
        meta = box(
            b"meta",
            full,
            box(b"hdlr", full, bytes(4), b"pict", bytes(13)),
            box(b"pitm", full, struct.pack(">H", len(kinds))),
            box(b"iloc", b"\1\0\0\0\x44\0", struct.pack(">H", len(located)), *located),
            box(b"iinf", full, struct.pack(">H", len(entries)), *entries),
            *links,
            box(b"iprp", properties, box(b"ipma", full, struct.pack(">I", len(tied)), *tied)),
            *(grid or ([box(b"idat", data)] if idat else [])),
        )
        start = 0 if idat else len(head) + len(meta) + 8
    return head + meta + (b"" if idat else box(b"mdat", data))


def test_an_honest_grid_is_read_and_one_that_hides_its_size_is_not() -> None:
    (red, config), (blue, _) = coded((640, 400), "red"), coded((640, 400), "blue")
    data = avif([[red], [blue]], config, (640, 400))
    found = images.read(data, max_pixels=1280 * 400)
    assert (found.width, found.height) == (1280, 400)
    assert found.pixels[:, 0, [639, 640]].round().T.tolist() == [[1, 0, 0], [0, 0, 1]]
    with pytest.raises(PictureError, match="640x400 pixels"):
        images.read(avif([[red], [blue]], config, (64, 64)), max_pixels=10_000)


@pytest.mark.parametrize("how", ["plain", "padding", "long padding", "pieces", "idat", "reserved bit"])
def test_a_sequence_header_is_found_wherever_a_decoder_finds_it(how: str) -> None:
    obus, config = coded((640, 400), "red")
    assert obus[:2] == b"\x12\0", "a temporal delimiter, behind which there is the sequence header"
    pieces = {
        "padding": [b"\x7a\3abc" + obus],
        "long padding": [b"\x12\0\x7a\xd8\4" + bytes(600) + obus[2:]],
        "pieces": [obus[:1], obus[1:3], obus[3:]],
        "reserved bit": [b"\x13" + obus[1:]],
    }.get(how, [obus])
    idat = how == "idat"
    assert images.read(avif([pieces], config, (640, 400), idat=idat)).width == 640, "the decoder takes it"
    with pytest.raises(PictureError, match="640x400 pixels"):
        images.read(avif([pieces], config, (8, 8), idat=idat), max_pixels=10_000)


def test_an_avif_of_endless_parts_is_refused() -> None:
    obus, config = coded((64, 64), "red")
    for parts in (box(b"free") * 200_001, box(b"iloc", b"\1\0\0\0\0\0\xff\xff", bytes([0, 1, 0, 0, 0, 0, 255, 255]) * 65535)):
        data = avif([[obus]], config, (64, 64)) + parts
        with pytest.raises(ValueError, match="parts"):
            coded_sizes(io.BytesIO(data))
        with pytest.raises(PictureError):
            images.read(data)


def test_every_sample_of_a_moving_avif_counts() -> None:
    stream = io.BytesIO()
    frames = [Image.fromarray(RANDOM.integers(0, 256, (40, 50, 3)).astype(np.uint8)) for _ in range(5)]
    frames[0].save(stream, "AVIF", save_all=True, append_images=frames[1:])
    data = bytearray(stream.getvalue())
    larger = coded((640, 400), "red")[0]
    place = data.index(b"stsz") + 8
    count = struct.unpack_from(">I", data, place + 4)[0]
    assert (struct.unpack_from(">I", data, place)[0], count) == (0, 5)
    chunk = struct.unpack_from(">I", data, data.index(b"stco") + 12)[0]
    sizes = struct.unpack_from(">5I", data, place + 8)
    data[chunk + sum(sizes[:4]) :] = larger  # the last frame
    struct.pack_into(">I", data, place + 8 + 16, len(larger))
    assert coded_sizes(io.BytesIO(data))[-1] == (640, 400)
    with pytest.raises(PictureError, match="640x400 pixels"):
        images.read(bytes(data), max_pixels=50 * 40 * 5)
