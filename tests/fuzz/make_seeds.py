#!/usr/bin/env python3
"""Makes corpus/image, corpus/idx and corpus/labels: what fuzzing starts from, and the files that tests/data/formats_test.cpp reads.

Every picture shows the same thing, upright: a quarter each of red (200,30,40), green (20,150,60), blue (30,60,190) and cream
(240,230,200), in reading order; grey ones 40, 120, 200, 250. Written by Pillow 13.0 and ImageMagick 6.9, never by weft:
    python3 make_seeds.py
"""
import gzip
import io
import pathlib
import struct
import subprocess
import zlib

from PIL import Image

here = pathlib.Path(__file__).parent / "corpus"
COLOURS = [(200, 30, 40), (20, 150, 60), (30, 60, 190), (240, 230, 200)]
GREYS = [40, 120, 200, 250]


def quarters(size, values, mode):
    picture = Image.new(mode, size)
    for i, value in enumerate(values):
        w, h = size[0] // 2, size[1] // 2
        picture.paste(value, (i % 2 * w, i // 2 * h, i % 2 * w + w, i // 2 * h + h))
    return picture


SMALL, LARGE = (16, 8), (64, 32)        # large where blocks of 16 pixels share their colour
rgb, large = quarters(SMALL, COLOURS, "RGB"), quarters(LARGE, COLOURS, "RGB")
grey = quarters(SMALL, GREYS, "L")
# Over white, alpha 0 gives white and alpha 128 half of it: the cream quarter is drawn as its darker self, seen through.
rgba = quarters(SMALL, [(200, 30, 40, 255), (20, 150, 60, 255), (30, 60, 190, 255), (225, 205, 145, 128)], "RGBA")


def save(name, picture, **how):
    picture.save(here / "image" / name, **how)


def magick(name, *options):
    rgb.save("/tmp/quarters.png")
    subprocess.run(["convert", "/tmp/quarters.png", *options, str(here / "image" / name)], check=True)


def save_split(name, source):
    """The PNG `source` with its deflated pixels in two chunks, after one that has none."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    file = source.read_bytes()
    at = file.index(b"IDAT") - 4
    length = int.from_bytes(file[at:at + 4], "big")
    data = file[at + 8:at + 8 + length]
    parts = b"".join(chunk(b"IDAT", part) for part in (b"", data[:length // 2], data[length // 2:]))
    (here / "image" / name).write_bytes(file[:at] + parts + file[at + 12 + length:])


def stored(picture, orientation):
    """What a camera stores for a picture that is upright under that orientation."""
    T = Image.Transpose
    back = {2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
    return picture.transpose(back[orientation]) if orientation in back else picture


def exif(orientation):
    tags = Image.Exif()
    tags[274] = orientation
    return tags


save("rgb.png", rgb)
save("grey.png", grey)
save("rgba.png", rgba)
save("palette.png", rgb.quantize(4))
save("grey16.png", Image.frombytes("I;16", SMALL, b"".join(struct.pack("<H", v * 257) for v in grey.getdata())))
magick("rgb16.png", "-depth", "16", "-define", "png:color-type=2", "-define", "png:bit-depth=16")
magick("rgba16.png", "-depth", "16", "-alpha", "on", "-define", "png:color-type=6", "-define", "png:bit-depth=16")
magick("interlaced.png", "-interlace", "PNG")
save("exif6.png", stored(rgb, 6), exif=exif(6))
save_split("split.png", here / "image" / "rgb.png")
save("grey.jpg", quarters(LARGE, GREYS, "L"), quality=95)
save("420.jpg", large, quality=95, subsampling=2)
save("444.jpg", large, quality=95, subsampling=0)
save("progressive.jpg", large, quality=95, progressive=True)
save("cmyk.jpg", large.convert("CMYK"), quality=95)
for o in range(1, 9):
    save(f"exif{o}.jpg", stored(large, o), quality=95, exif=exif(o))
save("lossless.webp", rgb, lossless=True)
save("lossless-alpha.webp", rgba, lossless=True, exact=True)
save("lossy.webp", large, quality=95)
save("exif8.webp", stored(rgb, 8), lossless=True, exif=exif(8))
save("animated.webp", rgb, save_all=True, append_images=[stored(rgb, 3)], lossless=True)
save("24.bmp", rgb)
save("grey.bmp", grey)
save("palette.bmp", rgb.quantize(4))
save("32.bmp", rgba)
magick("565.bmp", "-define", "bmp:subtype=RGB565")
magick("v3.bmp", "-define", "bmp:format=bmp3", "-type", "TrueColor")

def idx(shape, values):
    return struct.pack(">HBB", 0, 8, len(shape)) + b"".join(struct.pack(">I", n) for n in shape) + bytes(values)

pictures, labels = idx((3, 4, 5), range(60)), idx((3,), (2, 0, 1))
for name, data in {"images": pictures, "labels": labels, "images.gz": gzip.compress(pictures, mtime=0), "labels.gz": gzip.compress(labels, mtime=0),
                   "two-members.gz": gzip.compress(pictures[:30], mtime=0) + gzip.compress(pictures[30:], mtime=0),
                   "bomb.gz": gzip.compress(idx((16, 1024, 64), bytes(1 << 20)), mtime=0), "short": pictures[:-1], "long": pictures + b"x",
                   "huge": idx((0x10000000, 16, 16), b"few")}.items():
    (here / "idx" / name).write_bytes(data)

for name, text in {"plain": "file,label\na.png,coat\nb/c.png,dress\n", "weighted": "file,label,weight\na.png,coat,0.5\nb.png,dress,2e1\n",
                   "quoted": '\ufefflabel,"file",note\r\n"a, ""b""\nc",./x.png,\r\n\r\ny,"z z.png","n"', "open": 'file,label\n"a', "twice": "file,label\na,b\na,c\n"}.items():
    (here / "labels" / name).write_bytes(text.encode())

for file in here.rglob("*"):
    assert not file.is_file() or file.stat().st_size < 2048, f"{file} has {file.stat().st_size} bytes"
