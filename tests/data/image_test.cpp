// Pictures, honest and hostile. PNG files are made here from their rules and zlib, JPEG files by libjpeg.
#include "weft/gan/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

#include "files.h"
#include "weft/gan/colour.h"
#include "weft/gan/measures.h"
#include "weft/gan/palette.h"
#include "weft/gan/tile.h"
#include "weft/kernels/error.h"
#ifdef WEFT_HAS_JPEG
#include <jpeglib.h>
#endif

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

Image decode(const std::string& file) { return decode_image(as_bytes(file), "f.png"); }

std::string complaint(const std::string& file) {
  try {
    decode(file);
    return "";
  } catch (const FormatError& e) {
    return e.what();
  }
}
bool says(const std::string& file, const char* part) {
  const std::string said = complaint(file);
  INFO(said);
  return said.find("f.png: ") == 0 && said.find(part) != std::string::npos;
}

using Pixels = std::vector<uint8_t>;

Image noise(int h, int w, int c, unsigned seed = 3) {
  Image image{h, w, c, Pixels(size_t(h * w * c))};
  std::mt19937 random(seed);
  for (uint8_t& p : image.pixels) p = uint8_t(random());
  return image;
}

#ifdef WEFT_HAS_JPEG
/// exif 0: none
std::string jpeg_file(const Image& image, J_COLOR_SPACE space, int exif = 0) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &out, &size);
  codec.image_width = JDIMENSION(image.width), codec.image_height = JDIMENSION(image.height);
  codec.input_components = image.channels, codec.in_color_space = space;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, 100, TRUE);
  jpeg_start_compress(&codec, TRUE);
  if (exif) {
    const std::string data = std::string("Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 25) + std::string{char(exif), 0, 0};
    jpeg_write_marker(&codec, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(data.data()), unsigned(data.size()));
  }
  while (codec.next_scanline < codec.image_height) {
    auto* row = const_cast<JSAMPROW>(&image.pixels[size_t(codec.next_scanline) * size_t(image.width * image.channels)]);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  const std::string file(reinterpret_cast<char*>(out), size);
  std::free(out);
  return file;
}
#endif

}  // namespace

TEST_CASE("PNG: what is written comes back, text chunks included, under any file name") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    const Image image = noise(5, 7, channels);
    const std::filesystem::path path = folder.path / "Bild – 図.png";
    const TextChunks text{{"command", "weft train"}, {"seed", "7"}, {"title", "größer als 日本"}, {"empty", ""}};
    write_png(path, image, text);
    const Image back = read_image(path);
    CHECK((back.height == 5 && back.width == 7 && back.channels == channels));
    CHECK(back.pixels == image.pixels);
    CHECK(read_png_text(path) == text);
  }
}

TEST_CASE("PNG: every colour type becomes 1 or 3 channels of 8 bits") {
  const std::string row{'\0'};
  CHECK(decode(png_file(2, 1, 8, 0, row + "\x10\x20")).pixels == Pixels{0x10, 0x20});
  CHECK(decode(png_file(8, 1, 1, 0, row + "\xa5")).pixels == Pixels{255, 0, 255, 0, 0, 255, 0, 255});
  CHECK(decode(png_file(1, 1, 16, 0, row + std::string("\x80\x80", 2))).pixels == Pixels{0x80});
  CHECK(decode(png_file(1, 1, 16, 2, row + std::string("\xff\xff\x00\x00\x01\x80", 6))).pixels == Pixels{255, 0, 1});
  const Image indexed = decode(png_file(2, 1, 8, 3, row + std::string("\1\0", 2), png_chunk("PLTE", "abcxyz")));
  CHECK(indexed.channels == 3);
  CHECK(indexed.pixels == Pixels{'x', 'y', 'z', 'a', 'b', 'c'});
  const Image clear = decode(png_file(2, 1, 8, 3, row + std::string("\1\0", 2), png_chunk("PLTE", "abcxyz") + png_chunk("tRNS", std::string("\0", 1))));
  CHECK(clear.pixels == Pixels{'x', 'y', 'z', 255, 255, 255});
  CHECK(decode(png_file(3, 1, 8, 4, row + std::string("\x00\xff\x00\x00\x00\x80", 6))).pixels == Pixels{0, 255, 127});
  CHECK(decode(png_file(2, 1, 8, 6, row + std::string("\x0a\x14\x1e\xff\x0a\x14\x1e\x00", 8))).pixels == Pixels{10, 20, 30, 255, 255, 255});
  CHECK(says(png_file(1, 1, 8, 3, row + std::string("\0", 1)), ""));                          // no palette
}

TEST_CASE("pictures that are none, or broken, or too large") {
  CHECK(says("", "is empty"));
  CHECK(says("hello, this is text\n", "is not a PNG, JPEG, WebP or BMP image (starts with \"hello, this "));
  CHECK(says("GIF89a", "starts with \"GIF89a\""));
  CHECK(says("\x89PNG\r\n\x1a\n", "ends too soon"));
  CHECK(says("\xff\xd8\xff", ""));
  CHECK(says("BM", "BMP"));
  CHECK(says("RIFF1234WEBPVP8 ", "WebP"));
  const std::string good = grey_png(16, 16, 9);
  REQUIRE(complaint(good) == "");
  for (size_t cut = 0; cut + 12 < good.size(); ++cut) CHECK(complaint(good.substr(0, cut)) != "");     // the last 12 are IEND
  std::string flipped = good;
  flipped[good.size() - 20] = char(flipped[good.size() - 20] ^ 1);
  CHECK(complaint(flipped) != "");

  const auto start = std::chrono::steady_clock::now();
  const std::string few_kb = deflated(std::string(1 << 20, '\0'));
  CHECK(says(png_file(30000, 30000, 8, 2, few_kb), "30000x30000 pixels"));
  CHECK(says(png_file(16384, 16384, 8, 0, few_kb), "16384x16384 pixels"));
  CHECK(says(png_file(2147483647, 2147483647, 8, 2, few_kb), "pixels"));
  CHECK(says(png_file(8192, 8192, 8, 6, few_kb), "too short for 8192x8192"));
  std::string bmp = "BM" + std::string(52, '\0');
  bmp[10] = 54, bmp[14] = 40, bmp[20] = char(0x80), bmp[24] = char(0x80), bmp[26] = 1, bmp[28] = 24;      // 32768 x 32768
  CHECK(complaint(bmp) != "");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
  CHECK_THROWS_AS(read_image("/no/such/picture.png"), DataError);
  CHECK_THROWS_AS(read_image("/"), DataError);
  CHECK_THROWS_AS(read_image("/dev/zero"), DataError);
}

TEST_CASE("BMP by stb_image") {
  std::string bmp = "BM" + std::string(52, '\0') + std::string("\x01\x02\x03\x04\x05\x06\0\0", 8);      // 2 x 1, blue first
  bmp[2] = 62, bmp[10] = 54, bmp[14] = 40, bmp[18] = 2, bmp[22] = 1, bmp[26] = 1, bmp[28] = 24;
  if (complaint(bmp).find("no BMP reader") != std::string::npos) return;
  CHECK(says(bmp.substr(0, bmp.size() - 1), "ends too soon"));
  CHECK(decode(bmp).pixels == Pixels{3, 2, 1, 6, 5, 4});
  bmp.replace(22, 4, "\xff\xff\xff\xff");      // -1 row: top down
  CHECK(decode(bmp).pixels == Pixels{3, 2, 1, 6, 5, 4});
}

#ifdef WEFT_HAS_JPEG
TEST_CASE("JPEG: grey, colour, CMYK, orientation, and no half pictures") {
  Image grey{8, 16, 1, Pixels(128, 77)};
  const Image back = decode(jpeg_file(grey, JCS_GRAYSCALE));
  CHECK((back.channels == 1 && back.height == 8 && back.width == 16));
  CHECK(std::all_of(back.pixels.begin(), back.pixels.end(), [](int p) { return std::abs(p - 77) <= 1; }));

  Image red{8, 8, 3, {}};
  for (int i = 0; i < 64; ++i) red.pixels.insert(red.pixels.end(), {200, 30, 40});
  const Image seen = decode(jpeg_file(red, JCS_RGB));
  CHECK((std::abs(seen.pixels[0] - 200) <= 3 && std::abs(seen.pixels[1] - 30) <= 3 && std::abs(seen.pixels[2] - 40) <= 3));

  Image inks{8, 8, 4, {}};                       // libjpeg writes the Adobe marker with CMYK, so 255 is no ink
  for (int i = 0; i < 64; ++i) inks.pixels.insert(inks.pixels.end(), {255, 0, 0, 200});
  const Image cmyk = decode(jpeg_file(inks, JCS_CMYK));
  CHECK(cmyk.channels == 3);
  CHECK((std::abs(cmyk.pixels[0] - 200) <= 3 && cmyk.pixels[1] <= 3 && cmyk.pixels[2] <= 3));

  Image corner{16, 8, 1, Pixels(128, 0)};        // white in its first 8 rows' left half
  for (int y = 0; y < 8; ++y) std::fill_n(&corner.pixels[size_t(y) * 8], 4, uint8_t(255));
  struct { int orientation, height, bright_y, bright_x; } const turned[] = {{1, 16, 0, 0}, {2, 16, 0, 7}, {3, 16, 15, 7}, {4, 16, 15, 0},
                                                                           {5, 8, 0, 0}, {6, 8, 0, 15}, {7, 8, 7, 15}, {8, 8, 7, 0}};
  for (const auto& t : turned) {                 // where the first pixel is seen: EXIF 2.3, tag 274
    CAPTURE(t.orientation);
    const Image upright = decode(jpeg_file(corner, JCS_GRAYSCALE, t.orientation));
    REQUIRE(upright.height == t.height);
    CHECK(upright.pixels[size_t(t.bright_y * upright.width + t.bright_x)] > 200);
    CHECK(upright.pixels[size_t((upright.height - 1 - t.bright_y) * upright.width + upright.width - 1 - t.bright_x)] < 50);
  }

  const std::string whole = jpeg_file(noise(64, 64, 3), JCS_RGB);
  REQUIRE(complaint(whole) == "");
  for (size_t cut = 2; cut + 16 < whole.size(); cut += 97) CHECK(complaint(whole.substr(0, cut)) != "");
  std::string bomb = whole;
  const size_t sof = bomb.find("\xff\xc0");
  REQUIRE(sof != std::string::npos);
  bomb.replace(sof + 5, 4, std::string("\xff\0\xff\0", 4));
  CHECK(says(bomb, "65280x65280 pixels"));
  bomb.replace(sof + 5, 4, std::string("\x20\0\x20\0", 4));
  CHECK(says(bomb, "too short for 8192x8192"));
  bomb.replace(sof + 5, 4, "\xff\xff\xff\xff");          // libjpeg's own limit
  CHECK(complaint(bomb) != "");
}
#endif

TEST_CASE("pictures: 3,000 mutations do no more than throw") {
  std::vector<std::string> seeds{grey_png(9, 9, 100), encode_png(noise(6, 5, 3), {{"k", "v"}})};
#ifdef WEFT_HAS_JPEG
  seeds.push_back(jpeg_file(noise(16, 16, 3), JCS_RGB, 6));
#endif
  std::mt19937 random(11);
  int taken = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string file = seeds[size_t(i) % seeds.size()];
    for (unsigned edits = 1 + random() % 4; edits--;) file[8 + random() % (file.size() - 8)] = char(random());
    taken += complaint(file).empty();
  }
  MESSAGE("taken: ", taken, " of 3000");
}

TEST_CASE("resizing: constant stays, halves are averages, nothing aliases, halves round to even") {
  const Image flat{7, 9, 3, Pixels(7 * 9 * 3, 131)};
  for (const int side : {1, 4, 9, 30}) {
    const Image out = resized(flat, side, side + 1);
    CHECK(std::all_of(out.pixels.begin(), out.pixels.end(), [](int p) { return p == 131; }));
  }
  const Image image = noise(12, 20, 1);
  CHECK(resized(image, 12, 20).pixels == image.pixels);

  Image stripes{64, 64, 1, Pixels(64 * 64)};     // one pixel black, one white: any aliasing leaves stripes
  for (size_t i = 0; i < stripes.pixels.size(); ++i) stripes.pixels[i] = i % 2 ? 255 : 0;
  const Image small = resized(stripes, 16, 16);
  for (int y = 0; y < 16; ++y)
    for (int x = 1; x < 15; ++x) CHECK(std::abs(small.pixels[size_t(y * 16 + x)] - 127.5) <= 1);

  const Image two{1, 2, 1, {10, 11}};            // 10.5 -> 10
  CHECK(resized(two, 1, 1).pixels == Pixels{10});
  const Image wide = fit_into(noise(10, 30, 3), 5, 5);
  CHECK((wide.height == 5 && wide.width == 5 && wide.channels == 3));
  CHECK(centre_crop(Image{1, 4, 1, {1, 2, 3, 4}}, 1, 2).pixels == Pixels{2, 3});
  const Image high = noise(12, 9, 1);              // into 8x4 and 4x8 pixels
  CHECK(fit_into(high, 8, 4).pixels == resized(centre_crop(high, 12, 6), 8, 4).pixels);
  CHECK(fit_into(high, 4, 8).pixels == resized(centre_crop(high, 5, 9), 4, 8).pixels);         // 4.5 rows, halves upward
  CHECK(fit_into(high, 4, 8, Fit::fit).pixels == resized(high, 4, 8).pixels);
  const Image narrow = fit_into(high, 4, 8, Fit::pad, 7), inside = resized(high, 4, 3);
  for (size_t y = 0; y < 4; ++y)
    for (size_t x = 0; x < 8; ++x) CHECK(narrow.pixels[8 * y + x] == (x >= 2 && x < 5 ? inside.pixels[3 * y + x - 2] : 7));
  CHECK(with_channels(Image{1, 1, 1, {9}}, 3).pixels == Pixels{9, 9, 9});
  CHECK(with_channels(Image{1, 2, 3, {255, 255, 255, 255, 0, 0}}, 1).pixels == Pixels{255, 76});
}

TEST_CASE("a picture without pixels, or with too few bytes, is refused by whatever takes one") {
  const Context context = Context::open("cpu", {.threads = 1});
  const Image good{8, 8, 3, std::vector<uint8_t>(192)};
  Image few = good, thin_alpha = good;
  few.pixels.resize(5), thin_alpha.alpha.resize(16);
  for (const Image& p : {Image{}, few, Image{-1, 4, 3, {}}, Image{8, 8, 2, std::vector<uint8_t>(128)}, thin_alpha}) {
    CHECK_THROWS_AS(encode_png(p), const DataError&);
    CHECK_THROWS_AS(with_channels(p, 3), const DataError&);
    CHECK_THROWS_AS(resized(p, 4, 4), const DataError&);
    CHECK_THROWS_AS(centre_crop(p, 1, 1), const DataError&);
    CHECK_THROWS_AS(patch_distance(context, {p}, {good}), const DataError&);
    CHECK_THROWS_AS(structural_similarity(p, p), const DataError&);
    CHECK_THROWS_AS(recoloured(p, good), const DataError&);
    CHECK_THROWS_AS(recoloured(good, p), const DataError&);
    CHECK_THROWS_AS(extract_palette(p, 3), const DataError&);
    CHECK_THROWS_AS(cloth(p, Layout::straight, 0, 0, 4, 4), const DataError&);
  }
  CHECK_THROWS_AS(cloth(good, Layout::straight, 0, 0, -4, 4), const ShapeError&);
  CHECK_THROWS_AS(centre_crop(good, 9, 8), const ShapeError&);
  CHECK_THROWS_AS(centre_crop(good, 8, 0), const ShapeError&);
}

TEST_CASE("alpha: what stays as it was keeps its bytes, and what changed comes to the same over white") {
  for (const int channels : {1, 3}) {
    Image stored = noise(16, 256, channels), image = stored;
    for (int i = 0; i < 16 * 256; ++i) stored.alpha.push_back(uint8_t(i % 256));
    image.alpha = stored.alpha, image.straight = stored.pixels;
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t((stored.pixels[i] * stored.alpha[i / size_t(channels)] + 255 * (255 - stored.alpha[i / size_t(channels)]) + 127) / 255);
    const Image read = decode(encode_png(image));
    CHECK(read.pixels == image.pixels);
    CHECK(read.straight == stored.pixels);
    CHECK(read.alpha == stored.alpha);
    CHECK(decode(encode_png(read)).straight == stored.pixels);

    Image changed = read;
    for (size_t i = 0; i < changed.pixels.size(); i += 5) changed.pixels[i] = uint8_t(std::min(255, changed.pixels[i] + 3));
    const Image again = decode(encode_png(changed));
    int off = 0;
    for (size_t i = 0; i < changed.pixels.size(); ++i) off += changed.alpha[i / size_t(channels)] > 0 && again.pixels[i] != changed.pixels[i];
    CHECK(off == 0);
    CHECK(with_channels(read, 4 - channels).alpha == stored.alpha);
  }
  Image grey{1, 2, 1, {200, 255}, {128, 0}, {145, 7}};
  CHECK(with_channels(grey, 3).straight == Pixels{145, 145, 145, 7, 7, 7});
  grey.straight = {};                            // not known, as after a change of size
  CHECK(decode(encode_png(grey)).straight == Pixels{145, 255});
}
