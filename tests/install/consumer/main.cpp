// Ten steps of a small DCGAN through the public headers.
#include <weft/gan/trainer.h>
#include <weft/tensor/ops.h>
#include <weft/tensor/random_stream.h>

#include <cmath>
#include <cstdio>

int main() {
  using namespace weft;
  const Context context = Context::open("cpu");
  gan::GanOptions options;
  options.model = {.size = 16, .channels = 1, .width = 8, .latent = 10};
  options.objective = &gan::find_objective("non-saturating");
  gan::Gan gan(context, gan::find_model("dcgan"), options);
  const std::string before = gan.parameters_sha256();

  const Tensor real = context.uniform({8, 16, 16, 1}, stream_key(0, "real")) * 2 - 1;
  for (int step = 0; step < 10; ++step) gan.step(real);

  const gan::Gauges gauges = gan.gauges();
  const bool finite = std::isfinite(gauges["loss_d"]) && std::isfinite(gauges["loss_g"]), changed = gan.parameters_sha256() != before;
  std::printf("%lld steps, losses %g and %g, parameters %s\n", (long long)gan.steps_done(), gauges["loss_d"], gauges["loss_g"], changed ? "changed" : "as they were");
  return finite && changed && gan.steps_done() == 10 ? 0 : 1;
}
