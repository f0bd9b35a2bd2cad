// Claims about the graph: what is kept, what is freed, what is found out, and how deep it may be.
#include <doctest/doctest.h>

#include <vector>

#include "weft/tensor/ops.h"

using namespace weft;

namespace {

Context float64() { return Context::open("cpu", {DType::f64}); }

Tensor vector_of(const Context& context, std::vector<double> values) {
  const int64_t n = int64_t(values.size());
  return context.from(values, {n});
}

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

using Doubles = std::vector<double>;

}  // namespace

TEST_CASE("a saved value that was overwritten is found out, and both operations are named") {
  const Context context = float64();
  const Tensor x = vector_of(context, {1, 2}).leaf(), w = vector_of(context, {3, 4}).leaf();
  SUBCASE("an input") {
    const Tensor loss = sum(x * w);
    w.write(Doubles{5, 6}, "optimiser");
    const std::string text = message_of([&] { grad(loss, {x}); });
    CHECK_MESSAGE(contains(text, "mul"), text);
    CHECK_MESSAGE(contains(text, "optimiser"), text);
  }
  SUBCASE("an output") {
    const Tensor y = exp(x), loss = sum(y);
    y.write(Doubles{0, 0}, "load");
    const std::string text = message_of([&] { grad(loss, {x}); });
    CHECK_MESSAGE(contains(text, "exp"), text);
    CHECK_MESSAGE(contains(text, "load"), text);
  }
  SUBCASE("a window of what was saved") {
    const Tensor arena = vector_of(context, {1, 2, 3, 4});
    const Tensor p = slice(arena, 0, 2, 4).leaf(), loss = sum(p * p);
    arena.copy_from(context.zeros({4}), "ema");
    CHECK(contains(message_of([&] { grad(loss, {p}); }), "ema"));
  }
  SUBCASE("given statistics") {
    const Tensor mean = vector_of(context, {0}), variance = vector_of(context, {1});
    const Tensor loss = sum(normalize_with(reshape(x, {2, 1}), mean, variance, {}, {}));
    variance.write(Doubles{2}, "running statistics");
    CHECK(contains(message_of([&] { grad(loss, {x}); }), "running statistics"));
  }
  SUBCASE("a layer's own statistics") {
    const Normalized n = normalize_groups(reshape(x, {2, 1}), 1, 1, {}, {});
    n.variance.write(Doubles{2}, "statistics");
    CHECK(contains(message_of([&] { grad(sum(n.y), {x}); }), "statistics"));
  }
  SUBCASE("an order") {
    const Sorted s = sort(x);
    s.index.write(Doubles{0, 0}, "order");
    CHECK(contains(message_of([&] { grad(sum(s.values), {x}); }), "order"));
  }
  SUBCASE("an index") {
    const Tensor index = context.index({0, 0}, {2}), loss = sum(gather(x, index));
    index.write(Doubles{1, 1}, "loader");
    CHECK(contains(message_of([&] { grad(loss, {x}); }), "loader"));
  }
  SUBCASE("not one that no rule reads") {
    const Tensor loss = sum(x + w);
    w.write(Doubles{5, 6}, "optimiser");
    CHECK(grad(loss, {x})[0].values() == Doubles{1, 1});
  }
  SUBCASE("nor one behind a constant") {   // the rule for x reads w, the rule for w reads x: only the former is asked
    const Tensor constant = vector_of(context, {7, 8}), loss = sum(constant * w);
    w.write(Doubles{5, 6}, "optimiser");
    CHECK(grad(loss, {w})[0].values() == Doubles{7, 8});
  }
}

TEST_CASE("a graph is freed by its gradient unless it is kept") {
  const Context context = float64();
  const Tensor x = vector_of(context, {2, 3}).leaf();
  const Tensor y = x * x, loss = sum(y * x);
  SUBCASE("freed") {
    grad(loss, {x});
    const std::string text = message_of([&] { grad(loss, {x}); });
    CHECK_MESSAGE(contains(text, "freed"), text);
    CHECK_MESSAGE(contains(text, "KeepGraph::yes"), text);
  }
  SUBCASE("freed in part: what was not walked is still there") {
    grad(loss, {y});
    CHECK(grad(sum(y), {x})[0].values() == Doubles{4, 6});
  }
  SUBCASE("kept") {
    const auto first = grad(loss, {x}, CreateGraph::no, KeepGraph::yes)[0].values();
    CHECK(first == Doubles{12, 27});
    CHECK(grad(loss, {x})[0].values() == first);
  }
  SUBCASE("kept for a graph of the gradient") {
    const Tensor g = grad(loss, {x}, CreateGraph::yes)[0];
    CHECK(grad(sum(g), {x}, CreateGraph::yes)[0].values() == Doubles{12, 18});
    CHECK(grad(loss, {x})[0].values() == g.values());
  }
}

TEST_CASE("gradients with respect to anything") {
  const Context context = float64();
  const Tensor x = vector_of(context, {2, 3}).leaf(), other = context.zeros({2, 2}).leaf();
  SUBCASE("a leaf that the loss does not depend on: zeros of its shape") {
    const Tensors g = grad(sum(x * x), {other, x});
    CHECK(g[0].shape() == other.shape());
    CHECK(g[0].values() == Doubles(4, 0));
    CHECK(g[1].values() == Doubles{4, 6});
  }
  SUBCASE("an intermediate and what it was made of") {
    const Tensor y = x * x, loss = sum(y * y);
    const Tensors g = grad(loss, {y, x});
    CHECK(g[0].values() == Doubles{8, 18});
    CHECK(g[1].values() == Doubles{32, 108});
  }
  SUBCASE("the loss itself") {
    const Tensor loss = sum(x);
    CHECK(grad(loss, {loss})[0].item() == 1);
  }
  SUBCASE("the same input twice") {
    const Tensors g = grad(sum(x * x), {x, x});
    CHECK(g[0].values() == g[1].values());
  }
  SUBCASE("a tensor used twice gathers both shares") {
    CHECK(grad(sum(x + x), {x})[0].values() == Doubles{2, 2});
    CHECK(grad(sum(x * x * x - x), {x})[0].values() == Doubles{11, 26});
    CHECK(grad(sum(concat({x, x, x}, 0)), {x})[0].values() == Doubles{3, 3});
  }
  SUBCASE("a seed") {
    CHECK(grad(x * x, {x}, CreateGraph::no, KeepGraph::no, vector_of(context, {1, -1}))[0].values() == Doubles{4, -6});
  }
  SUBCASE("a tensor outside the graph is refused") {
    CHECK_THROWS_AS(grad(sum(x), {x.detach()}), Error);
    CHECK_THROWS_AS(grad(sum(x.detach()), {x}), Error);
    CHECK_THROWS_AS(grad(x * x, {x}), ShapeError);
    CHECK_THROWS_AS(grad(x * x, {x}, CreateGraph::no, KeepGraph::no, context.zeros({3})), ShapeError);
  }
  SUBCASE("and so is what no graph is made of, with the reason") {
    const Tensor linear = sum(grad(sum(3 * x), {x}, CreateGraph::yes)[0]);
    for (const Tensor& loss : {sum(sign(x)), sum(pow(x, 0)), linear}) {
      const std::string text = message_of([&] { grad(loss, {x}); });
      CHECK_MESSAGE(contains(text, "0 everywhere"), text);
      CHECK(text == message_of([&] { backward(loss, {x}, {context.zeros({2})}); }));
    }
  }
}

TEST_CASE("a rule of one's own is held to its contract") {
  const Context context = float64();
  const Tensor x = vector_of(context, {2, 3}).leaf(), c = vector_of(context, {5, 7});
  const auto gradient_by = [&](const Rule& rule) {
    const Tensor y = record("mine", (x * c).detach(), {c, x}, {}, rule);
    return grad(sum(y), {x})[0];
  };
  CHECK(gradient_by([c](const RuleCall& call) { return Tensors{{}, call.gradient * c}; }).values() == Doubles{5, 7});
  std::string text = message_of([&] { gradient_by([](const RuleCall& call) { return Tensors{call.gradient}; }); });
  CHECK_MESSAGE(contains(text, "the rule of mine gave 1 results, and none for input 1"), text);
  text = message_of([&] { gradient_by([](const RuleCall& call) { return Tensors{{}, sum(call.gradient)}; }); });
  CHECK_MESSAGE(contains(text, "the rule of mine gave a gradient of shape () for input 1, which is (2)"), text);
  text = message_of([&] { gradient_by([](const RuleCall& call) { return Tensors{{}, call.gradient * call.inputs[0]}; }); });   // not saved
  CHECK_MESSAGE(contains(text, "mul: an empty Tensor"), text);
}

TEST_CASE("backward writes what grad returns") {
  const Context context = float64();
  const Tensor x = context.from(Doubles{0.5, -1, 2, 1.5, 1, -0.5, 0.25, 1}, {2, 2, 2, 1}), w = context.from(Doubles{1, -2, 3, 0.5}, {1, 2, 2, 1}).leaf(),
               gamma = vector_of(context, {1.5}).leaf(), unused = context.zeros({3}).leaf();
  auto loss = [&] {
    const Tensor y = normalize_groups(conv2d(x, w, {}, {{1, 1}, {1, 1}}), 1, 1, gamma, {}).y;
    return sum(y * y * y) + sum(w * w) + sum(conv2d(x, w)) + sum(gamma);
  };
  const Tensors expected = grad(loss(), {w, gamma, unused});
  const Tensor arena = context.full({8}, 77);
  const Tensors windows{reshape(slice(arena, 0, 0, 4), w.shape()), slice(arena, 0, 4, 5), slice(arena, 0, 5, 8)};
  const uint64_t version = arena.storage()->version;
  backward(loss(), {w, gamma, unused}, windows);
  CHECK(arena.storage()->version > version);
  for (size_t i = 0; i < windows.size(); ++i) CHECK(windows[i].values() == expected[i].values());
  SUBCASE("again: it writes, it does not add") {
    backward(loss(), {w, gamma, unused}, windows);
    for (size_t i = 0; i < windows.size(); ++i) CHECK(windows[i].values() == expected[i].values());
  }
  SUBCASE("mistakes are refused") {
    CHECK_THROWS_AS(backward(loss(), {w}, {windows[1]}), ShapeError);
    CHECK_THROWS_AS(backward(loss(), {w, gamma}, {windows[0]}), ShapeError);
    CHECK_THROWS_AS(backward(loss(), {x}, {context.zeros(x.shape())}), Error);
    CHECK(contains(message_of([&] { backward(loss(), {gamma, gamma}, {windows[1], context.zeros({1})}); }), "twice"));
  }
}

TEST_CASE("NoGraph, detach and leaf") {
  const Context context = float64();
  const Tensor x = vector_of(context, {2, 3}).leaf();
  {
    const NoGraph scope(context);
    CHECK_FALSE((x * x).requires_grad());
    {
      const Context::Recording inner(context, true);
      CHECK((x * x).requires_grad());
    }
    CHECK_FALSE((x * x).requires_grad());
  }
  CHECK((x * x).requires_grad());
  CHECK(x.detach().storage() == x.storage());
  CHECK_FALSE(x.detach().requires_grad());
  const Tensor y = x * x, cut = y.detach().leaf();
  CHECK(grad(sum(y.detach() * x), {x})[0].values() == Doubles{4, 9});
  CHECK(grad(sum(cut * x), {cut})[0].values() == Doubles{2, 3});
  CHECK_FALSE(grad(sum(x * x), {x})[0].requires_grad());
  CHECK(grad(sum(x * x), {x}, CreateGraph::yes)[0].requires_grad());
}

TEST_CASE("a chain of 100,000 operations is walked and released without recursion") {
  const Context context = float64();
  const size_t before = context.live_bytes();
  {
    const Tensor x = vector_of(context, {1}).leaf();
    Tensor y = x;
    for (int i = 0; i < 100'000; ++i) y = i % 2 ? y * 1.0 : y + x * 1e-5;
    CHECK(std::abs(grad(sum(y), {x}, CreateGraph::no, KeepGraph::yes)[0].item() - 1.5) <= 1e-9);
    Tensor z = x;
    for (int i = 0; i < 100'000; ++i) z = sin(z);
    (void)z;   // and one that is never walked
    const Tensor g = grad(sum(y), {x}, CreateGraph::yes)[0];
    CHECK(std::abs(g.item() - 1.5) <= 1e-9);
  }
  CHECK(context.live_bytes() <= before + 64);   // constants stay
}

TEST_CASE("a walk frees what the graph saved") {
  const Context context = float64();
  const Tensor x = context.zeros({1000}).leaf();
  const size_t before = context.live_bytes();
  Tensor loss = sum(max_pool(reshape(exp(sin(x)), {1, 100, 10, 1}), {}));
  const size_t with_graph = context.live_bytes();
  CHECK(with_graph >= before + 8000 + 1000);   // what exp gave, where max_pool found its winners
  {
    const Tensor g = grad(loss, {x})[0];
    CHECK(context.live_bytes() <= before + 8000 + 64);   // the gradient, the loss, constants
  }
  CHECK(context.live_bytes() <= before + 64);
}

TEST_CASE("the derivative of a quotient stays in range where the divisor's square does not") {
  const Context context = Context::open("cpu");
  const Tensor a = context.full({1}, 3e-23), b = context.full({1}, 1e-23).leaf();
  CHECK(grad(sum(a / b), {b})[0].item() == doctest::Approx(-3e23));
}
