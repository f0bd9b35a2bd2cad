// How a picture was made, for its text chunks: every PNG of weft carries this, and `weft inspect` shows it.
//   Software            weft and its version
//   weft.command        the command line, as a shell takes it
//   weft.step           of a sample sheet: steps trained so far
//   weft.seed, weft.index, weft.checkpoint, weft.checkpoint_sha256
//   weft.ROLE, weft.ROLE_sha256     an input picture: its file name and the sum of its bytes
//   weft.features, weft.features_sha256     the file of the feature network that a transfer went by
#pragma once
#include <filesystem>
#include <string>

#include "weft/gan/image.h"

namespace weft::gan {

/// Software and command, then `more` with "weft." before each name.
TextChunks provenance(const std::string& command, const TextChunks& more = {});

/// The two chunks of an input picture, for provenance(): {"content", "dress.jpg"}, {"content_sha256", ...}.
/// Throws DataError if there is no such file.
TextChunks picture_input(const std::string& role, const std::filesystem::path& file);

/// As a shell would need it: 'it'\''s'. Harmless text stays as it is. Control characters and bytes that are no UTF-8 are
/// written $'\x1b', as bash and zsh read it, so that a command can stand in JSON, in a PNG and on a page.
std::string quoted_for_shell(const std::string& text);

/// Whether all bytes are well-formed UTF-8: no overlong forms, no surrogates.
bool is_utf8(const std::string& text);

}  // namespace weft::gan
