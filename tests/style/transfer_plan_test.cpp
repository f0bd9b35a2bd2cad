// What a transfer will take, foretold and kept to, in parts where that is needed; and what is refused before any work.
#include "transfer_jobs.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::testing;

TEST_CASE("fewer directions at once are the same sum; memory is foretold and not exceeded, and parts take less of it") {
  TransferJob job = small_job();
  job.content = rings(800, 80), job.styles = {{stripes(600, 50)}}, job.options.structure = 1, job.options.strength = 0.01;       // few steps: a rounding swaps two ranks, and later steps follow
  const Image style = resized(stripes(600, 50), 800, 80);
  std::vector<Image> results;
  for (const size_t memory : {size_t{0}, size_t{14} << 20, size_t{7} << 20}) {
    job.options.memory = memory;
    const Context context = cpu();
    const TransferPlan plan = plan_transfer(context, job);
    CAPTURE(plan.text());
    results.push_back(transfer(context, job));
    if (memory) CHECK(plan.bytes <= memory);
    CHECK(context.peak_bytes() <= plan.bytes);
    CHECK(double(context.peak_bytes()) > 0.8 * double(plan.bytes));
    if (results.size() == 2) CHECK(plan.directions_at_once < 16);
    if (results.size() == 3) CHECK(plan.parts > 1);
  }
  int apart = 0;
  for (size_t i = 0; i < results[0].pixels.size(); ++i) apart = std::max(apart, std::abs(results[0].pixels[i] - results[1].pixels[i]));
  CHECK(apart <= 2);
  CHECK(patches_apart(results[2], style) < 1.5 * patches_apart(results[0], style));
  TransferJob unheld = job;                        // what holds takes as much as all directions do: without it fewer are worth while
  unheld.options.structure = 0, unheld.options.memory = size_t{6} << 20;
  CHECK(plan_transfer(cpu(), unheld).directions_at_once < 8);
  // No seam: rows differ from the next by as much as columns do, relative to the picture that was made whole.
  const auto roughest = [](const Image& p) {
    double most = 0;
    for (int y = 0; y + 1 < p.height; ++y) {
      double sum = 0;
      for (int x = 0; x < 3 * p.width; ++x) sum += std::abs(p.pixels[size_t((y + 1) * 3 * p.width + x)] - p.pixels[size_t(y * 3 * p.width + x)]);
      most = std::max(most, sum);
    }
    return most;
  };
  CHECK(roughest(results[2]) < 1.3 * roughest(results[0]));
}

TEST_CASE("memory is foretold of several styles, regions and broad brushes too, and is not exceeded") {
  const auto foretold = [](const TransferJob& job) {
    const Context context = cpu();
    const TransferPlan plan = plan_transfer(context, job);
    CAPTURE(plan.text());
    transfer(context, job);
    CHECK(context.peak_bytes() <= plan.bytes);
    CHECK(double(context.peak_bytes()) > 0.75 * double(plan.bytes));
  };
  TransferJob job = small_job();
  job.content = rings(160, 120), job.options.strength = 0.01;
  job.styles = {{stripes(60, 60)}, {stripes(50, 80), 0.5}, {stripes(70, 60), 2}, {rings(40, 90)}};
  foretold(job);
  job.options.structure = 0, job.options.memory = size_t{5} << 20;
  foretold(job);
  job.options.memory = 0, job.options.brush = 3;
  foretold(job);
  job.options.brush = 1, job.masks = {left_half(160, 120)};
  foretold(job);
}

TEST_CASE("parts know regions too") {
  TransferJob job = small_job();
  job.content = rings(800, 60), job.masks = {left_half(800, 60)}, job.options.memory = size_t{5} << 20;
  job.styles = {{flat(60, 3, 200)}};
  REQUIRE(plan_transfer(cpu(), job).parts > 1);
  const Image result = transfer(cpu(), job);
  CHECK(int(result.pixels[3 * (400 * 60 + 10)]) > 160);
  CHECK(result.pixels[3 * (400 * 60 + 45)] == job.content.pixels[3 * (400 * 60 + 45)]);
}

TEST_CASE("what cannot be done is refused before any work, with a way out") {
  TransferJob job = small_job();
  job.content = flat(1, 1, 3);
  refused<DataError>(job, "1x1");
  job.content = rings(20, 2000), job.options.size = 256;
  refused<DataError>(job, "larger size");
  job = small_job(), job.options.strength = 1.5;
  refused<ConfigError>(job, "strength is 1.5; it lies between 0 and 1");
  job = small_job(), job.options.brush = std::nan("");
  refused<ConfigError>(job, "brush");
  job = small_job(), job.styles[0].weight = -1;
  refused<ConfigError>(job, "weight is -1");
  job.styles[0].weight = 0;
  refused<ConfigError>(job, "weight above 0");
  job.styles.clear();
  refused<ConfigError>(job, "no style");
  job = small_job(), job.masks = {flat(10, 10, 255, 1)};
  refused<DataError>(job, "10x10 and the content 72x64");
  job.masks = {flat(64, 72, 0, 1)};
  refused<DataError>(job, "is black");
  job.masks = {stripes(64, 72)};
  refused<DataError>(job, "has colours");
  job = small_job(), job.options.memory = 100000;
  refused<OutOfMemory>(job, "would fit");
  job.options.memory = 1000, job.options.brush = 2;
  refused<OutOfMemory>(job, "no size would fit, but a smaller brush might");
  job = small_job(), job.options.size = 16384;
  refused<ConfigError>(job, "more than the 64 Mi pixels");
}

TEST_CASE("the size that would fit does, and the next larger one does not") {
  for (const double brush : {1.0, 4.0})
    for (const size_t memory : {size_t{2} << 20, size_t{16} << 20}) {
      TransferJob job = small_job();
      job.options.brush = brush, job.options.memory = memory, job.options.size = 3000;
      std::string said;
      try {
        plan_transfer(cpu(), job);
      } catch (const OutOfMemory& e) {
        said = e.what();
      }
      CAPTURE(said);
      REQUIRE(said.find("; size ") != std::string::npos);
      job.options.size = std::stoi(said.substr(said.find("; size ") + 7));
      CHECK(plan_transfer(cpu(), job).bytes <= memory);
      ++job.options.size;
      refused<OutOfMemory>(job, "would fit");
    }
}

TEST_CASE("pictures without pixels, and a content of another size before the cloth, are refused") {
  const auto with = [](const std::function<void(TransferJob&)>& change) {
    TransferJob job = small_job();
    change(job);
    return job;
  };
  refused<DataError>(with([](TransferJob& j) { j.content = {}; }), "the content");
  refused<DataError>(with([](TransferJob& j) { j.styles[0].picture = {}; }), "a style");
  refused<DataError>(with([](TransferJob& j) { j.styles[0].picture.pixels.pop_back(); }), "a style");
  refused<DataError>(with([](TransferJob& j) { j.lit = rings(10, 20); }), "of one size");
}

TEST_CASE("the caller's step and learning rates are what they were, also where a look throws") {
  const Context context = cpu();
  context.step_state().step = 16, context.step_state().update[0].learning_rate = 0.25;
  context.publish_step_state();
  const std::vector<double> drawn = context.normal({4}, 1).values();
  TransferJob job = small_job();
  job.options.strength = 0.02;
  transfer(context, job);
  CHECK(context.normal({4}, 1).values() == drawn);
  CHECK_THROWS_AS(transfer(context, job, [](const TransferProgress&) -> bool { throw DataError("enough"); }), const DataError&);
  CHECK(context.normal({4}, 1).values() == drawn);
  job.features = drawn_feature_network(context, {job.styles[0].picture}, 0, 5000);
  transfer(context, job, [](const TransferProgress&) { return false; });
  CHECK(context.normal({4}, 1).values() == drawn);
  CHECK(context.step_state().update[0].learning_rate == 0.25);
}
