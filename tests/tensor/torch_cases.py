"""Writes torch_cases.safetensors: what PyTorch computes, in float64, for the operations that weft has too.

For a case NAME the file holds, in weft's layouts (images NHWC, filters (K,R,S,C)):
  NAME/in0, in1, ...    the inputs                 NAME/r              a weighting of the result
  NAME/out              f(in)                      NAME/v0, v1, ...    directions
  NAME/first0, ...      d <out, r> / d in
  NAME/second0, ...     d <first, v> / d in        NAME/second_r       d <first, v> / d r

Run once, with PyTorch 2: python3 tests/tensor/torch_cases.py. The test reads the file and needs no PyTorch.
"""
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20240607)
torch.set_default_dtype(torch.float64)
torch.backends.mkldnn.enabled = False
file = {}


def ours(t):
    """NCHW -> NHWC; OIHW -> (K,R,S,C); a transposed convolution's IOHW -> (C,R,S,K)."""
    t = t.detach()
    return (t.permute(0, 2, 3, 1) if t.dim() == 4 else t).contiguous().clone()


def case(name, f, *inputs):
    inputs = [i.clone().requires_grad_() for i in inputs]
    out = f(*inputs)
    r = (torch.rand_like(out) * 2 - 1).detach().requires_grad_()
    first = torch.autograd.grad((out * r).sum(), inputs, create_graph=True)
    v = [torch.rand_like(i) * 2 - 1 for i in inputs]
    slope = sum((g * d).sum() for g, d in zip(first, v))
    second = torch.autograd.grad(slope, inputs + [r], allow_unused=True)
    second = [torch.zeros_like(i) if s is None else s for s, i in zip(second, inputs + [r])]
    for key, values in (("in", inputs), ("v", v), ("first", first), ("second", second[:-1])):
        for i, t in enumerate(values):
            file[f"{name}/{key}{i}"] = ours(t)
    for key, t in (("r", r), ("out", out), ("second_r", second[-1])):
        file[f"{name}/{key}"] = ours(t)


def image(*shape):
    return torch.randn(*shape)


case("conv2d", F.conv2d, image(2, 3, 5, 4), image(4, 3, 3, 2), image(4))
case("conv2d strided", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2)), image(2, 2, 6, 5), image(3, 2, 4, 3), image(3))
case("conv2d dilated", lambda x, w: F.conv2d(x, w, None, stride=(1, 2), padding=(2, 1), dilation=(3, 2)), image(2, 2, 7, 8), image(2, 2, 2, 3))
case("conv2d grouped", lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), image(2, 4, 3, 4), image(6, 2, 3, 3), image(6))
case("conv2d leaky", lambda x, w, b: F.leaky_relu(F.conv2d(x, w, b, padding=1), 0.2), image(2, 1, 4, 3), image(3, 1, 3, 3), image(3))
case("conv_transpose2d", F.conv_transpose2d, image(2, 3, 3, 4), image(3, 2, 3, 2), image(2))
case("conv_transpose2d 4x4 stride 2", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1), image(2, 2, 3, 2), image(2, 3, 4, 4), image(3))
case("conv_transpose2d output_pad", lambda x, w: F.conv_transpose2d(x, w, None, stride=(2, 3), padding=(1, 0), output_padding=(1, 2), dilation=(2, 1)),
     image(2, 2, 3, 2), image(2, 2, 3, 2))
case("conv_transpose2d grouped", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(1, 2), groups=2), image(2, 4, 2, 3), image(4, 3, 2, 3), image(6))
case("linear", F.linear, image(3, 4), image(2, 4), image(2))

scale = lambda c: torch.rand(c) + 0.5
case("batch_norm", lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 1e-5), image(3, 2, 3, 2), scale(2), image(2))
case("batch_norm evaluation", lambda x, g, b: F.batch_norm(x, torch.tensor([0.2, -0.1]), torch.tensor([0.7, 1.9]), g, b, False, 0.1, 1e-3),
     image(3, 2, 3, 2), scale(2), image(2))
case("instance_norm", lambda x, g, b: F.instance_norm(x, None, None, g, b, True, 0.1, 1e-5), image(3, 2, 3, 2), scale(2), image(2))
case("layer_norm", lambda x: F.layer_norm(x, (5,)), image(3, 5))
case("batch_norm leaky", lambda x, g, b: F.leaky_relu(F.batch_norm(x, None, None, g, b, True, 0.1, 1e-5), 0.2), image(3, 2, 3, 2), scale(2), image(2))

for size in ((6, 8), (5, 7), (2, 3), (1, 9)):
    shape = f"{size[0]}x{size[1]}"
    case(f"nearest {shape}", lambda x: F.interpolate(x, size=size, mode="nearest"), image(2, 2, 3, 4))
    case(f"bilinear {shape}", lambda x: F.interpolate(x, size=size, mode="bilinear", align_corners=False), image(2, 2, 3, 4))
for theirs, name in (("constant", "zero"), ("reflect", "reflect"), ("replicate", "replicate"), ("circular", "wrap")):
    case(f"pad {name}", lambda x: F.pad(x, (3, 1, 0, 2), mode=theirs) ** 2, image(2, 2, 3, 4))
case("max_pool", lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0)), image(2, 2, 5, 4))
case("max_pool ties", lambda x: F.max_pool2d(x, 2), torch.randint(0, 2, (2, 2, 4, 4)).double())
case("average_pool", lambda x: F.avg_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 1)) ** 2, image(2, 2, 5, 4))
case("average_pool without padding counted", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False) ** 2, image(2, 2, 5, 4))

at_kinks = torch.tensor([-3.0, -1.0, -0.5, 0.0, -0.0, 0.5, 1.0, 3.0])
case("softplus", F.softplus, torch.tensor([-12.0, -3.0, -0.5, 0.0, 0.5, 3.0, 12.0]))
case("log_softmax", lambda x: F.log_softmax(x, -1), image(3, 5) * 3)
case("softmax", lambda x: F.softmax(x, -1), image(3, 5) * 3)
case("leaky_relu", lambda x: F.leaky_relu(x, 0.2), at_kinks)
case("relu", lambda x: F.relu(x) * x, at_kinks)
case("elu", lambda x: F.elu(x, 0.7), at_kinks[at_kinks != 0])
case("abs", lambda x: torch.abs(x) * x, at_kinks)
case("clamp", lambda x: torch.clamp(x, -0.9, 0.6) * x, at_kinks)
case("sigmoid", torch.sigmoid, at_kinks * 5)
case("tanh", torch.tanh, at_kinks)
case("max with ties", lambda x: torch.amax(x, (0, 2)) ** 2, torch.randint(0, 3, (2, 3, 4)).double())
case("pow 3", lambda x: x ** 3, at_kinks)
case("pow 2", lambda x: x ** 2, at_kinks)
case("gather", lambda t: F.embedding(torch.tensor([[2, 0], [2, 3]]), t) ** 2, image(4, 3))
case("matmul", lambda a, b: torch.matmul(a.transpose(-1, -2), b), image(2, 3, 4), image(2, 3, 2))
case("variance", lambda x: torch.var(x, (1, 2), unbiased=False), image(2, 3, 4))

where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_cases.safetensors")
save_file(file, where, {"made by": "tests/tensor/torch_cases.py", "torch": torch.__version__})
print(len({name.split("/")[0] for name in file}), "cases,", os.path.getsize(where), "bytes")
