// gzip files (RFC 1952) from memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::gan {

bool is_gzip(std::span<const std::byte> file);

/// The first bytes of what was compressed, at most `limit`; memory follows what really comes.
/// Throws: FormatError for data that is broken or cut before that, without a file's name.
std::vector<std::byte> gunzip(std::span<const std::byte> file, size_t limit);

}  // namespace weft::gan
