// PNG by libpng. Its errors come by longjmp, so each call into it stands in `guarded`.
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "image_codecs.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

struct Png {
  png_structp png = nullptr;
  png_infop info = nullptr;
  codecs::Bytes rest;                            // reading: what is left
  std::string* out = nullptr;                    // writing: where to
  std::jmp_buf jump;
  char message[100] = "";

  ~Png() {
    if (out) png_destroy_write_struct(&png, &info);
    else png_destroy_read_struct(&png, &info, nullptr);
  }
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  Png* state = static_cast<Png*>(png_get_error_ptr(png));
  std::strncpy(state->message, text, sizeof state->message - 1);
  std::longjmp(state->jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, size_t count) {
  Png* state = static_cast<Png*>(png_get_io_ptr(png));
  if (count > state->rest.size()) png_error(png, "the file ends too soon");
  std::memcpy(to, state->rest.data(), count);
  state->rest = state->rest.subspan(count);
}

void on_write(png_structp png, png_bytep from, size_t count) {
  static_cast<Png*>(png_get_io_ptr(png))->out->append(reinterpret_cast<const char*>(from), count);
}

void copy_text(const Png& state, TextChunks& text) {
  png_textp chunks = nullptr;
  const int count = png_get_text(state.png, state.info, &chunks, nullptr);
  for (int i = 0; i < count; ++i) {
    const size_t length = chunks[i].itxt_length ? chunks[i].itxt_length : chunks[i].text_length;
    text.emplace_back(chunks[i].key, chunks[i].text ? std::string(chunks[i].text, length) : "");
  }
}

}  // namespace

Image codecs::decode_png(Bytes file, TextChunks* text) {
  Png state;
  state.rest = file;
  state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  if (!state.png || !(state.info = png_create_info_struct(state.png))) throw OutOfMemory("libpng could not start");

  const bool started = guarded(state, [&] {
    png_set_read_fn(state.png, &state, on_read);
    png_set_user_limits(state.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);     // check_size says it better
    png_set_chunk_malloc_max(state.png, 4 << 20);
    png_set_chunk_cache_max(state.png, 128);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    png_set_crc_action(state.png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // a fuzzer cannot guess sums
#endif
    png_read_info(state.png, state.info);
  });
  if (!started) refuse(state.message);
  const int64_t width = png_get_image_width(state.png, state.info), height = png_get_image_height(state.png, state.info);
  check_size(width, height);
  if (text) copy_text(state, *text);
  if (int64_t(png_get_rowbytes(state.png, state.info)) * height / 1032 > int64_t(file.size()))    // deflate's best ratio
    refuse("the file is too short for " + std::to_string(width) + "x" + std::to_string(height) + " pixels");

  const bool ready = guarded(state, [&] {
    png_set_expand(state.png);                   // palette, 1 to 4 bits, transparent colour
    png_set_scale_16(state.png);
    png_set_interlace_handling(state.png);
    png_read_update_info(state.png, state.info);
  });
  if (!ready) refuse(state.message);
  Image image{int(height), int(width), int(png_get_channels(state.png, state.info)), {}};
  const size_t row_bytes = png_get_rowbytes(state.png, state.info);
  if (row_bytes != size_t(width) * size_t(image.channels)) refuse("its rows have an unexpected length");
  image.pixels.resize(row_bytes * size_t(height));
  std::vector<png_bytep> rows;
  for (size_t y = 0; y < size_t(height); ++y) rows.push_back(image.pixels.data() + y * row_bytes);
  if (!guarded(state, [&] { png_read_image(state.png, rows.data()); })) refuse(state.message);
  return image;
}

std::string encode_png(const Image& image, const TextChunks& text, double dpi) {
  std::string out;
  Png state;
  state.out = &out;
  state.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  if (!state.png || !(state.info = png_create_info_struct(state.png))) throw OutOfMemory("libpng could not start");

  std::vector<png_text> chunks(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ascii = text[i].second.find_first_of("\x7f") == std::string::npos &&
                       std::none_of(text[i].second.begin(), text[i].second.end(), [](char c) { return c < 0; });
    chunks[i].compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    chunks[i].key = const_cast<char*>(text[i].first.c_str());
    chunks[i].text = const_cast<char*>(text[i].second.c_str());
  }
  const std::vector<uint8_t> pixels = codecs::with_alpha(image);
  const size_t row_bytes = pixels.size() / size_t(std::max(1, image.height));
  const int type = (image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB) | (image.alpha.empty() ? 0 : PNG_COLOR_MASK_ALPHA);
  const png_uint_32 metre = png_uint_32(std::lround(dpi / 0.0254));
  const bool written = codecs::guarded(state, [&] {
    png_set_write_fn(state.png, &state, on_write, nullptr);
    png_set_IHDR(state.png, state.info, png_uint_32(image.width), png_uint_32(image.height), 8,
                 type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    if (dpi > 0) png_set_pHYs(state.png, state.info, metre, metre, PNG_RESOLUTION_METER);
    if (!chunks.empty()) png_set_text(state.png, state.info, chunks.data(), int(chunks.size()));
    png_write_info(state.png, state.info);
    for (size_t y = 0; y < size_t(image.height); ++y) png_write_row(state.png, pixels.data() + y * row_bytes);
    png_write_end(state.png, nullptr);
  });
  if (!written) throw Error(std::string("libpng cannot write this picture: ") + state.message);
  return out;
}

}  // namespace weft::gan
