"""The JAX side of compare_pytorch.py: the same DCGAN step, as one jit, in NHWC. Needs jax, numpy and safetensors."""


def opponent(args, obey):
    import jax
    import jax.numpy as jnp
    from jax import lax
    from safetensors.numpy import load_file
    ways = set(args.variant.split("+"))
    device = jax.devices("gpu" if args.device == "cuda" else "cpu")[0]
    jax.config.update("jax_default_device", device)
    # fp32 means float32: by default JAX multiplies in TF32 on a GPU.
    precision = {"fp32": "highest", "tf32": "tensorfloat32", "bf16": "default"}[next(iter(ways & {"fp32", "tf32", "bf16"}), "fp32")]
    jax.config.update("jax_default_matmul_precision", precision)
    narrow = (lambda a: a.astype(jnp.bfloat16)) if "bf16" in ways else (lambda a: a)
    layout = ("NHWC", "HWIO", "NHWC")

    def conv(x, w, stride, pad):                                         # w (K,C,R,S), PyTorch's
        return lax.conv_general_dilated(narrow(x), narrow(w.transpose(2, 3, 1, 0)), (stride, stride), [(pad, pad)] * 2, dimension_numbers=layout)

    def conv_transposed(x, w, stride, pad):                              # w (C,K,R,S)
        inner = w.shape[2] - 1 - pad
        return lax.conv_general_dilated(narrow(x), narrow(w.transpose(2, 3, 0, 1)[::-1, ::-1]), (1, 1), [(inner, inner)] * 2,
                                        lhs_dilation=(stride, stride), dimension_numbers=layout)

    def norm(x, p, stats):
        x = x.astype(jnp.float32)
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        count = x.size / x.shape[-1]
        new = {"mean": 0.9 * stats["mean"] + 0.1 * mean, "variance": 0.9 * stats["variance"] + 0.1 * variance * count / (count - 1)}
        return (x - mean) * lax.rsqrt(variance + 1e-5) * p["weight"] + p["bias"], new

    def network(x, layers, stats, convolve, activation):
        new = []
        for i, layer in enumerate(layers):
            ends = i == len(layers) - 1
            stride, pad = (1, 0) if (i == 0 and convolve is conv_transposed) or (ends and convolve is conv) else (2, 1)
            x = convolve(x, layer["filter"], stride, pad)
            if "weight" in layer:
                x, s = norm(x, layer, stats[i])
                new.append(s)
            else:
                new.append(stats[i])
            x = x.astype(jnp.float32) if ends else activation(x)
        return x, new

    generator = lambda z, p, s: (lambda y, n: (jnp.tanh(y), n))(*network(z, p, s, conv_transposed, jax.nn.relu))
    discriminator = lambda x, p, s: (lambda y, n: (y.reshape(-1), n))(*network(x, p, s, conv, lambda v: jnp.where(v > 0, v, 0.2 * v)))

    def layers_of(start, name):
        """One entry a convolution, with the batch norm that follows it, by the numbers in PyTorch's names."""
        numbers = sorted({int(k.split(".")[2]) for k in start if k.startswith(name + ".main.")})
        layers = []
        for n in numbers:
            w = {k.rsplit(".", 1)[1]: v for k, v in start.items() if k.startswith(f"{name}.main.{n}.")}
            if w["weight"].ndim == 4:
                layers.append({"filter": jnp.asarray(w["weight"])})
            else:
                layers[-1].update(weight=jnp.asarray(w["weight"]), bias=jnp.asarray(w["bias"]))
        return layers

    fresh = lambda layers: [{"mean": jnp.zeros_like(l["bias"]), "variance": jnp.ones_like(l["bias"])} if "bias" in l else {} for l in layers]

    def adam(parameters, gradients, moments, t):
        m = jax.tree.map(lambda a, g: 0.5 * a + 0.5 * g, moments[0], gradients)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, moments[1], gradients)
        correct1, correct2 = 1 - 0.5**t, 1 - 0.999**t
        moved = jax.tree.map(lambda p, a, b: p - 2e-4 * (a / correct1) / (jnp.sqrt(b / correct2) + 1e-8), parameters, m, v)
        return moved, (m, v)

    bce = lambda logits, target: (jax.nn.softplus(logits) - target * logits).mean()

    def step(state, real, z):
        t = state["t"] + 1

        def loss_of_d(p):
            real_logits, s = discriminator(real, p, state["stats_d"])
            fake_logits, s = discriminator(lax.stop_gradient(fake), p, s)
            return bce(real_logits, 1.0) + bce(fake_logits, 0.0), s

        fake, pull, stats_g = jax.vjp(lambda p: generator(z, p, state["stats_g"]), state["g"], has_aux=True)
        (loss_d, stats_d), gradient = jax.value_and_grad(loss_of_d, has_aux=True)(state["d"])
        d, moments_d = adam(state["d"], gradient, state["moments_d"], t)

        def loss_of_g(x):
            logits, s = discriminator(x, d, stats_d)
            return bce(logits, 1.0), s

        (loss_g, stats_d), gradient = jax.value_and_grad(loss_of_g, has_aux=True)(fake)
        g, moments_g = adam(state["g"], pull(gradient)[0], state["moments_g"], t)
        return {"t": t, "g": g, "d": d, "stats_g": stats_g, "stats_d": stats_d, "moments_g": moments_g, "moments_d": moments_d, "key": state["key"]}, loss_d, loss_g

    first = jax.jit(step)

    def later(state, real):
        key, draw = jax.random.split(state["key"])
        return step({**state, "key": key}, real, jax.random.normal(draw, (real.shape[0], 1, 1, 100)))

    later = jax.jit(later, donate_argnums=0)
    held = {}

    def build():
        start = load_file(args.dump)
        g, d = layers_of(start, "generator"), layers_of(start, "discriminator")
        zeros = lambda tree: (jax.tree.map(jnp.zeros_like, tree), jax.tree.map(jnp.zeros_like, tree))
        held["state"] = {"t": jnp.float32(0), "g": g, "d": d, "stats_g": fresh(g), "stats_d": fresh(d), "moments_g": zeros(g), "moments_d": zeros(d),
                         "key": jax.random.key(0)}
        held["real"] = jnp.asarray(start["real"].transpose(0, 2, 3, 1))
        held["z"] = jnp.asarray(start["latent"].transpose(0, 2, 3, 1))

    def advance():
        if "z" in held:
            held["state"], *losses = first(held["state"], held["real"], held.pop("z"))
        else:
            held["state"], *losses = later(held["state"], held["real"])
        return losses

    def peak_mib():
        stats = device.memory_stats() or {}
        return stats.get("peak_bytes_in_use", 0) / 2**20

    obey(args, build, advance, peak_mib)
