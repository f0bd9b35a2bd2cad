// Where to go among latents: walks from one to the next, and nearer to the middle.
#pragma once
#include "weft/tensor/ops.h"

namespace weft::gan {

/// How a walk goes. A point half way along a straight line between two normal draws is nearer to 0 than draws ever are, and a generator
/// was never shown it; a spherical walk keeps the length. Paper: White, arXiv:1609.04468.
enum class Path { spherical, linear };
/// Throws ConfigError with a suggestion for any other name.
Path path_of(const std::string& name);

/// From each latent to the next in `steps` points, both ends included: (K,1,1,L) -> ((K-1) * steps,1,1,L).
/// Throws ConfigError for fewer than 2.
Tensor walks(const Tensor& latents, int64_t steps, Path path);

/// Each latent at t of the way to the one of `to` in its row, 0 to 1.
Tensor between(const Tensor& from, const Tensor& to, double t, Path path);

/// The same draws, from a normal distribution that ends at +-most: quantiles stay, so picture i changes smoothly with `most`, and is the
/// untruncated one for a large one. Less variety, and pictures nearer to what is typical. Paper: Brock et al., arXiv:1809.11096, section 3.1.
/// @param most  0 (all latents are 0) or more, else ConfigError
Tensor truncated(const Tensor& latents, double most);

/// A generator whose latents pass through styles, one for each of its layers, before a picture is drawn by them.
class Styled {
 public:
  virtual ~Styled() = default;
  virtual int layers() const = 0;
  /// (N,1,1,latent) -> (N, layers, w)
  virtual Tensor styles(const Tensor& latents) = 0;
  /// Styles, of one latent or several, into pictures (N,H,W,C).
  virtual Tensor draw(const Tensor& styles) = 0;
  /// In evaluation: styles keep this share of their distance from the mean; 1: all of it, 0: one picture for all latents.
  virtual void set_truncation(double psi) = 0;
  /// How unevenly pictures follow styles: mean((l - a)^2), l = |d <picture, y> / d styles| for random y, root mean square over layers, and a
  /// the running mean of l before this call, which is kept. Noise is of (stream, step).
  virtual Tensor path_length(const Tensor& latents, uint64_t stream) = 0;
};

}  // namespace weft::gan
