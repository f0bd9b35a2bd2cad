// JPEG by libjpeg-turbo. Its errors come by longjmp, as libpng's do.
#include <cstdio>
#include <cstring>

#include "image_codecs.h"

#ifndef WEFT_HAS_JPEG
weft::gan::Image weft::gan::codecs::decode_jpeg(Bytes) { refuse("this build of weft has no JPEG reader (libjpeg-turbo)"); }
#else
#include <jpeglib.h>

#include <jerror.h>

namespace weft::gan {
namespace {

constexpr int kMaxScans = 100;                   // of a progressive file; each costs a walk over all pixels
constexpr int64_t kMaxPixelsPerByte = 4096;      // a Huffman code spends a bit or more on a block of 64

struct Jpeg {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  ~Jpeg() { jpeg_destroy_decompress(&codec); }
};

[[noreturn]] void on_error(j_common_ptr codec) {
  Jpeg* state = static_cast<Jpeg*>(codec->client_data);
  codec->err->format_message(codec, state->message);
  std::longjmp(state->jump, 1);
}

void on_message(j_common_ptr codec, int level) {           // libjpeg fills what is missing with grey; we call it broken
  if (level < 0 && (codec->err->msg_code == JWRN_JPEG_EOF || codec->err->msg_code == JWRN_HIT_MARKER)) on_error(codec);
}

void on_progress(j_common_ptr codec) {
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number > kMaxScans) {
    std::strcpy(static_cast<Jpeg*>(codec->client_data)->message, "more than 100 scans");
    std::longjmp(static_cast<Jpeg*>(codec->client_data)->jump, 1);
  }
}

/// 1 to 8, from the first APP1 segment that is EXIF; 1 if there is none.
int orientation_of(const jpeg_decompress_struct& codec) {
  for (auto marker = codec.marker_list; marker; marker = marker->next)
    if (marker->data_length > 6 && std::memcmp(marker->data, "Exif\0\0", 6) == 0)
      return codecs::orientation_in_exif(std::as_bytes(std::span(marker->data + 6, marker->data_length - 6)));
  return 1;
}

/// Adobe writes CMYK inverted, and says so by its marker.
Image rgb_of_cmyk(const Image& cmyk, bool inverted) {
  Image rgb{cmyk.height, cmyk.width, 3, {}};
  rgb.pixels.resize(cmyk.pixels.size() / 4 * 3);
  for (size_t i = 0; i < cmyk.pixels.size() / 4; ++i)
    for (size_t k = 0; k < 3; ++k) {
      const int ink = cmyk.pixels[4 * i + k], black = cmyk.pixels[4 * i + 3];
      rgb.pixels[3 * i + k] = uint8_t(((inverted ? ink * black : (255 - ink) * (255 - black)) + 127) / 255);
    }
  return rgb;
}

}  // namespace

Image codecs::decode_jpeg(Bytes file) {
  Jpeg state;
  state.codec.err = jpeg_std_error(&state.errors);
  state.codec.client_data = &state;
  state.errors.error_exit = on_error;
  state.errors.emit_message = on_message;
  state.progress.progress_monitor = on_progress;
  const bool started = guarded(state, [&] {
    jpeg_create_decompress(&state.codec);
    state.codec.progress = &state.progress;
    state.codec.mem->max_memory_to_use = 512 << 20;
    jpeg_mem_src(&state.codec, reinterpret_cast<const unsigned char*>(file.data()), static_cast<unsigned long>(file.size()));
    jpeg_save_markers(&state.codec, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&state.codec, TRUE);
  });
  if (!started) refuse(state.message);
  check_size(state.codec.image_width, state.codec.image_height);
  if (int64_t(state.codec.image_width) * state.codec.image_height > kMaxPixelsPerByte * int64_t(file.size()))
    refuse("the file is too short for " + std::to_string(state.codec.image_width) + "x" + std::to_string(state.codec.image_height) + " pixels");

  const bool inks = state.codec.jpeg_color_space == JCS_CMYK || state.codec.jpeg_color_space == JCS_YCCK;
  state.codec.out_color_space = inks ? JCS_CMYK : state.codec.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  if (!guarded(state, [&] { jpeg_start_decompress(&state.codec); })) refuse(state.message);
  Image image{int(state.codec.output_height), int(state.codec.output_width), state.codec.output_components, {}};
  const size_t row_bytes = size_t(image.width) * size_t(image.channels);
  image.pixels.resize(row_bytes * size_t(image.height));
  const bool whole = guarded(state, [&] {
    while (state.codec.output_scanline < state.codec.output_height) {
      JSAMPROW row = image.pixels.data() + state.codec.output_scanline * row_bytes;
      jpeg_read_scanlines(&state.codec, &row, 1);
    }
  });
  if (!whole) refuse(state.message);
  if (inks) image = rgb_of_cmyk(image, state.codec.saw_Adobe_marker);
  return codecs::upright(std::move(image), orientation_of(state.codec));
}

}  // namespace weft::gan
#endif
