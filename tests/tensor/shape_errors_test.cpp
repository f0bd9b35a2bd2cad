// Claim: tensors that do not fit together are refused with a ShapeError that shows the shapes involved, and so are sizes
// that make no sense.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "weft/tensor/ops.h"

using namespace weft;

namespace {

struct Mistake {
  std::string what;
  std::function<void(const Context&)> make;
  std::vector<std::string> shown;   // what the message must hold
};

const Mistake mistakes[] = {
    {"broadcast", [](const Context& c) { c.zeros({2, 3}) + c.zeros({2, 4}); }, {"add", "(2, 3)", "(2, 4)"}},
    {"broadcast of three", [](const Context& c) { fma(c.zeros({2, 3}), c.zeros({3}), c.zeros({5, 1, 4})); }, {"fma", "(2, 3)", "(3)", "(5, 1, 4)"}},
    {"select", [](const Context& c) { select(c.zeros({2}), c.zeros({3}), c.zeros({3})); }, {"select", "(2)", "(3)"}},
    {"reshape", [](const Context& c) { reshape(c.zeros({2, 3}), {4, 2}); }, {"(2, 3)", "(4, 2)"}},
    {"permute, too few axes", [](const Context& c) { permute(c.zeros({2, 3}), {0}); }, {"(2, 3)"}},
    {"permute, one axis twice", [](const Context& c) { permute(c.zeros({2, 3}), {0, 0}); }, {"twice"}},
    {"transpose of a vector", [](const Context& c) { transpose(c.zeros({3})); }, {"(3)"}},
    {"expand", [](const Context& c) { expand(c.zeros({2, 3}), {2, 4}); }, {"(2, 3)", "(2, 4)"}},
    {"expand to fewer axes", [](const Context& c) { expand(c.zeros({2, 3}), {3}); }, {"(2, 3)", "(3)"}},
    {"expand to a scalar", [](const Context& c) { expand(c.zeros({3}), {}); }, {"(3)", "()"}},
    {"concat", [](const Context& c) { concat({c.zeros({2, 3}), c.zeros({2, 4})}, 0); }, {"(2, 3)", "(2, 4)"}},
    {"concat of ranks", [](const Context& c) { concat({c.zeros({2, 3}), c.zeros({2})}, 0); }, {"(2, 3)", "(2)"}},
    {"concat of nothing", [](const Context&) { concat({}, 0); }, {"concat"}},
    {"slice", [](const Context& c) { slice(c.zeros({2, 3}), 1, 1, 4); }, {"[1, 4)", "(2, 3)"}},
    {"slice backwards", [](const Context& c) { slice(c.zeros({2, 3}), 1, 2, 1); }, {"(2, 3)"}},
    {"axis", [](const Context& c) { sum(c.zeros({2, 3}), {2}); }, {"axis 2", "(2, 3)"}},
    {"sum of nothing", [](const Context& c) { sum(c.zeros({0, 3})); }, {"(0, 3)"}},
    {"gather by numbers", [](const Context& c) { gather(c.zeros({2, 3}), c.zeros({2})); }, {"int32"}},
    {"gather with too few weights", [](const Context& c) { gather(c.zeros({2, 3}), c.index({0, 1}, {1, 2}), c.zeros({1, 1})); }, {"(1, 2)", "(1, 1)"}},
    {"gather of no rows", [](const Context& c) { gather(c.zeros({2, 3}), c.index({}, {3, 0}), c.zeros({3, 0})); }, {"(3, 0)"}},
    {"gather from a scalar", [](const Context& c) { gather(c.zeros({}), c.index({0}, {1})); }, {"gather"}},
    {"rank", [](const Context& c) { gather(c.zeros({2, 2, 2, 2}), c.index({0}, {1, 1, 1, 1})); }, {"axes"}},
    {"matmul", [](const Context& c) { matmul(c.zeros({2, 3}), c.zeros({4, 5})); }, {"(2, 3)", "(4, 5)"}},
    {"matmul transposed", [](const Context& c) { matmul(c.zeros({2, 3}), c.zeros({3, 5}), false, true); }, {"(2, 3)", "(3, 5) transposed"}},
    {"matmul of a vector", [](const Context& c) { matmul(c.zeros({2, 3}), c.zeros({3})); }, {"(2, 3)", "(3)"}},
    {"matmul batches", [](const Context& c) { matmul(c.zeros({2, 3, 4}), c.zeros({3, 4, 5})); }, {"(2, 3, 4)", "(3, 4, 5)"}},
    {"matmul leading axes", [](const Context& c) { matmul(c.zeros({2, 3, 4, 5}), c.zeros({3, 2, 5, 4})); }, {"(2, 3, 4, 5)", "(3, 2, 5, 4)", "leading"}},
    {"matmul leading axes of other ranks", [](const Context& c) { matmul(c.zeros({6, 4, 5}), c.zeros({2, 3, 5, 4})); }, {"(6, 4, 5)", "(2, 3, 5, 4)"}},
    {"matmul bias", [](const Context& c) { matmul(c.zeros({2, 3}), c.zeros({3, 5}), false, false, c.zeros({4})); }, {"(4)", "5"}},
    {"conv2d channels", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 3}), c.zeros({8, 3, 3, 4})); }, {"(1, 4, 4, 3)", "(8, 3, 3, 4)"}},
    {"conv2d groups", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 4}), c.zeros({3, 1, 1, 2}), {}, {{1, 1}, {0, 0}, {1, 1}, {0, 0}, 2}); },
     {"(1, 4, 4, 4)", "(3, 1, 1, 2)", "2 groups"}},
    {"conv2d rank", [](const Context& c) { conv2d(c.zeros({4, 4, 3}), c.zeros({8, 3, 3, 3})); }, {"(4, 4, 3)", "(8, 3, 3, 3)"}},
    {"conv2d too large a filter", [](const Context& c) { conv2d(c.zeros({1, 2, 4, 3}), c.zeros({8, 3, 3, 3})); }, {"(1, 2, 4, 3)", "(8, 3, 3, 3)"}},
    {"conv2d bias", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 3}), c.zeros({8, 3, 3, 3}), c.zeros({3})); }, {"(3)", "8"}},
    {"conv2d empty batch", [](const Context& c) { conv2d(c.zeros({0, 4, 4, 3}), c.zeros({8, 3, 3, 3})); }, {"empty batch", "(0, 4, 4, 3)"}},
    {"conv2d of no filters", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 3}), c.zeros({0, 3, 3, 3})); }, {"a size of 0", "(0, 3, 3, 3)"}},
    {"conv2d of no channels", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 0}), c.zeros({8, 3, 3, 0})); }, {"a size of 0", "(1, 4, 4, 0)"}},
    {"conv2d stride", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 3}), c.zeros({8, 3, 3, 3}), {}, {{0, 1}}); }, {"stride"}},
    {"conv2d reflects", [](const Context& c) { conv2d(c.zeros({1, 4, 3, 3}), c.zeros({8, 3, 3, 3}), {}, {{1, 1}, {1, 3}, {1, 1}, {0, 0}, 1, true}); }, {"(1, 4, 3, 3)"}},
    {"conv_transpose2d reflects", [](const Context& c) { conv_transpose2d(c.zeros({1, 4, 4, 3}), c.zeros({3, 3, 3, 8}), {}, {{1, 1}, {1, 1}, {1, 1}, {0, 0}, 1, true}); }, {"pad()"}},
    {"conv2d slope", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 3}), c.zeros({8, 3, 3, 3}), {}, {}, 0); }, {"slope"}},
    {"conv_transpose2d channels", [](const Context& c) { conv_transpose2d(c.zeros({1, 4, 4, 3}), c.zeros({8, 3, 3, 3})); }, {"(1, 4, 4, 3)", "(8, 3, 3, 3)"}},
    {"conv_transpose2d output_pad", [](const Context& c) { conv_transpose2d(c.zeros({1, 4, 4, 3}), c.zeros({3, 3, 3, 3}), {}, {{2, 2}, {0, 0}, {1, 1}, {2, 0}}); }, {"output_pad"}},
    {"conv_transpose2d padding", [](const Context& c) { conv_transpose2d(c.zeros({1, 1, 1, 3}), c.zeros({3, 2, 2, 3}), {}, {{1, 1}, {2, 2}}); }, {"(1, 1, 1, 3)", "(3, 2, 2, 3)"}},
    {"weight grad", [](const Context& c) { conv2d_weight_grad(c.zeros({1, 4, 4, 3}), c.zeros({1, 4, 4, 8}), {3, 3}); }, {"(1, 4, 4, 3)", "(1, 4, 4, 8)", "3x3"}},
    {"normalize groups", [](const Context& c) { normalize_groups(c.zeros({3, 2, 2, 4}), 5, 4, {}, {}); }, {"(3, 2, 2, 4)", "5 groups"}},
    {"normalize across samples", [](const Context& c) { normalize_groups(c.zeros({3, 2, 2, 4}), 2, 4, {}, {}); }, {"(3, 2, 2, 4)", "2 groups"}},
    {"normalize across channels", [](const Context& c) { normalize_groups(c.zeros({3, 2, 2, 4}), 1, 3, {}, {}); }, {"(3, 2, 2, 4)", "3 channels"}},
    {"normalize gamma", [](const Context& c) { normalize_groups(c.zeros({3, 2, 2, 4}), 1, 4, c.zeros({3}), {}); }, {"(4)", "(3)"}},
    {"normalize one value", [](const Context& c) { normalize_groups(c.zeros({3, 1, 1, 4}), 3, 4, {}, {}); }, {"(3, 1, 1, 4)"}},
    {"pad reflect", [](const Context& c) { pad(c.zeros({1, 2, 2, 1}), {2, 0, 0, 0}, Padding::reflect); }, {"(1, 2, 2, 1)"}},
    {"pad negative", [](const Context& c) { pad(c.zeros({1, 2, 2, 1}), {-1, 0, 0, 0}); }, {"(1, 2, 2, 1)"}},
    {"pad rank", [](const Context& c) { pad(c.zeros({2, 2, 1}), {}); }, {"(2, 2, 1)"}},
    {"resize", [](const Context& c) { resize(c.zeros({1, 2, 2, 1}), {0, 2}); }, {"0x2"}},
    {"max_pool window", [](const Context& c) { max_pool(c.zeros({1, 2, 2, 1}), {{3, 3}}); }, {"3x3", "(1, 2, 2, 1)"}},
    {"max_pool stride", [](const Context& c) { max_pool(c.zeros({1, 2, 2, 1}), {{1, 1}, {0, 1}}); }, {"(1, 2, 2, 1)"}},
    {"average_pool stride", [](const Context& c) { average_pool(c.zeros({1, 2, 2, 1}), {{1, 1}, {1, 0}}); }, {"(1, 2, 2, 1)"}},
    {"average_pool no window", [](const Context& c) { average_pool(c.zeros({1, 2, 2, 1}), {{0, 1}, {1, 1}}); }, {"(1, 2, 2, 1)"}},
    {"max_pool padding", [](const Context& c) { max_pool(c.zeros({1, 2, 2, 1}), {{2, 2}, {1, 1}, {2, 0}}); }, {"(1, 2, 2, 1)"}},
    {"max_pool negative padding", [](const Context& c) { max_pool(c.zeros({1, 4, 4, 1}), {{2, 2}, {1, 1}, {-1, 0}}); }, {"(1, 4, 4, 1)"}},
    {"dropout", [](const Context& c) { dropout(c.zeros({2}), 1, 0); }, {"rate"}},
    {"from", [](const Context& c) { c.from(std::vector<double>{1, 2}, {3}); }, {"2 values", "(3)"}},
    {"write", [](const Context& c) { c.zeros({3}).write(std::vector<double>{1, 2}); }, {"2 values", "(3)"}},
    {"copy_from", [](const Context& c) { c.zeros({3}).copy_from(c.zeros({4})); }, {"(3)", "(4)"}},
    {"item", [](const Context& c) { c.zeros({3}).item(); }, {"(3)"}},
    {"negative size", [](const Context& c) { c.zeros({-1}); }, {"-1"}},
    {"cast to int32", [](const Context& c) { cast(c.zeros({2, 3}), DType::i32); }, {"cast", "(2, 3)", "int32"}},
    {"no second tensor", [](const Context& c) { c.zeros({3}) * Tensor(); }, {"mul", "empty Tensor"}},
    {"no first tensor", [](const Context& c) { Tensor() + c.zeros({3}); }, {"add", "empty Tensor"}},
    {"no third tensor", [](const Context& c) { fma(c.zeros({3}), c.zeros({3}), {}); }, {"fma", "empty Tensor"}},
    {"no tensor to sum", [](const Context&) { mean(Tensor()); }, {"sum", "empty Tensor"}},
    {"no tensor in a list", [](const Context& c) { concat({c.zeros({3}), {}}, 0); }, {"concat", "empty Tensor"}},
    {"no matrix", [](const Context& c) { matmul(c.zeros({3, 3}), {}); }, {"matmul", "empty Tensor"}},
    {"no filter", [](const Context& c) { conv2d(c.zeros({1, 4, 4, 3}), {}); }, {"conv2d", "empty Tensor"}},
    {"no tensor to normalise", [](const Context&) { normalize_groups({}, 1, 4, {}, {}); }, {"normalize", "empty Tensor"}},
    {"no tensor to read", [](const Context&) { Tensor().values(); }, {"values", "empty Tensor"}},
    {"sum_to", [](const Context& c) { sum_to(c.zeros({2, 3}), {2, 2}); }, {"(2, 3)", "(2, 2)"}},
};

}  // namespace

TEST_CASE("shape errors show the shapes") {
  const Context context = Context::open("cpu", {DType::f64});
  for (const Mistake& m : mistakes) {
    CAPTURE(m.what);
    std::string text;
    try {
      m.make(context);
    } catch (const ShapeError& e) {
      text = e.what();
    }
    CHECK_MESSAGE(!text.empty(), "no ShapeError");
    for (const std::string& part : m.shown) CHECK_MESSAGE(text.find(part) != std::string::npos, part << " is missing from: " << text);
  }
}
