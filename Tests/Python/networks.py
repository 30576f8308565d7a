"""Twelve well-known networks, layer by layer in torch.nn.

Weights are random from a fixed seed, and so are the statistics of batch normalisation, so that folding them is real
work and activations stay in a sane range.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


def cbr(i, o, k=3, s=1, p=None, g=1, act="relu"):
    p = k // 2 if p is None else p
    layers = [nn.Conv2d(i, o, k, s, p, groups=g, bias=False), nn.BatchNorm2d(o)]
    if act == "relu":
        layers.append(nn.ReLU())
    elif act == "relu6":
        layers.append(nn.ReLU6())
    elif act == "silu":
        layers.append(nn.SiLU())
    elif act == "leaky":
        layers.append(nn.LeakyReLU(0.1))
    return nn.Sequential(*layers)


def lenet5(softmax=True):
    layers = [
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    if softmax:
        layers.append(nn.Softmax(dim=1))
    return nn.Sequential(*layers)


def lesson(softmax=True):
    """The 'Keras lesson CNN': Conv64 3x3, pool, Conv64 3x3, pool, Dense128, Dense10 softmax on 28x28x1."""
    layers = [
        nn.Conv2d(1, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64 * 5 * 5, 128), nn.ReLU(), nn.Linear(128, 10)]
    if softmax:
        layers.append(nn.Softmax(dim=1))
    return nn.Sequential(*layers)


def alexnet():
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000))


def vgg16():
    layers, c = [], 3
    for v in [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]:
        if v == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(c, v, 3, padding=1), nn.ReLU()]
            c = v
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000))


class Basic(nn.Module):
    exp = 1

    def __init__(s, i, c, st):
        super().__init__()
        s.body = nn.Sequential(cbr(i, c, 3, st), cbr(c, c, 3, 1, act=None))
        s.down = cbr(i, c, 1, st, act=None) if st != 1 or i != c else None

    def forward(s, x):
        return F.relu(s.body(x) + (x if s.down is None else s.down(x)))


class Bottle(nn.Module):
    exp = 4

    def __init__(s, i, c, st):
        super().__init__()
        s.body = nn.Sequential(cbr(i, c, 1), cbr(c, c, 3, st), cbr(c, c * 4, 1, act=None))
        s.down = cbr(i, c * 4, 1, st, act=None) if st != 1 or i != c * 4 else None

    def forward(s, x):
        return F.relu(s.body(x) + (x if s.down is None else s.down(x)))


def resnet(block, reps, width=64, classes=1000):
    layers, i = [cbr(3, width, 7, 2), nn.MaxPool2d(3, 2, 1)], width
    for n, (c, r) in enumerate(zip([width, 2 * width, 4 * width, 8 * width], reps)):
        for j in range(r):
            layers.append(block(i, c, 2 if n > 0 and j == 0 else 1))
            i = c * block.exp
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, classes))


def resnet18():
    return resnet(Basic, [2, 2, 2, 2])


def resnet50():
    return resnet(Bottle, [3, 4, 6, 3])


class Fire(nn.Module):
    def __init__(s, i, q, e):
        super().__init__()
        s.q, s.a, s.b = nn.Conv2d(i, q, 1), nn.Conv2d(q, e, 1), nn.Conv2d(q, e, 3, padding=1)

    def forward(s, x):
        x = F.relu(s.q(x))
        return torch.cat([F.relu(s.a(x)), F.relu(s.b(x))], 1)


def squeezenet11():
    P = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), P(), Fire(64, 16, 64), Fire(128, 16, 64), P(),
        Fire(128, 32, 128), Fire(256, 32, 128), P(), Fire(256, 48, 192), Fire(384, 48, 192),
        Fire(384, 64, 256), Fire(512, 64, 256), nn.Conv2d(512, 1000, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten())


class InvRes(nn.Module):
    def __init__(s, i, o, st, t):
        super().__init__()
        h = i * t
        s.body = nn.Sequential(*([cbr(i, h, 1, act="relu6")] if t != 1 else []),
                               cbr(h, h, 3, st, g=h, act="relu6"), cbr(h, o, 1, act=None))
        s.res = st == 1 and i == o

    def forward(s, x):
        return x + s.body(x) if s.res else s.body(x)


def mobilenetv2():
    layers, i = [cbr(3, 32, 3, 2, act="relu6")], 32
    for t, c, n, st in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                        (6, 320, 1, 1)]:
        for j in range(n):
            layers.append(InvRes(i, c, st if j == 0 else 1, t))
            i = c
    return nn.Sequential(*layers, cbr(320, 1280, 1, act="relu6"), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(1280, 1000))


class SE(nn.Module):
    def __init__(s, c, r):
        super().__init__()
        s.a, s.b = nn.Conv2d(c, r, 1), nn.Conv2d(r, c, 1)

    def forward(s, x):
        y = F.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(s.b(F.silu(s.a(y))))


class MBConv(nn.Module):
    def __init__(s, i, o, k, st, t):
        super().__init__()
        h = i * t
        s.body = nn.Sequential(*([cbr(i, h, 1, act="silu")] if t != 1 else []),
                               cbr(h, h, k, st, g=h, act="silu"), SE(h, max(1, i // 4)), cbr(h, o, 1, act=None))
        s.res = st == 1 and i == o

    def forward(s, x):
        return x + s.body(x) if s.res else s.body(x)


def efficientnetb0():
    layers, i = [cbr(3, 32, 3, 2, act="silu")], 32
    for t, k, c, n, st in [(1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1),
                           (6, 5, 192, 4, 2), (6, 3, 320, 1, 1)]:
        for j in range(n):
            layers.append(MBConv(i, c, k, st if j == 0 else 1, t))
            i = c
    return nn.Sequential(*layers, cbr(320, 1280, 1, act="silu"), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(1280, 1000))


class UNet(nn.Module):
    """Four levels, base 32, padded 3x3 conv+BN+ReLU pairs, 2x2 transposed convolutions, 1-channel sigmoid output."""

    def __init__(s, base=32):
        super().__init__()
        w = [base * 2 ** k for k in range(5)]
        two = lambda i, o: nn.Sequential(cbr(i, o), cbr(o, o))
        s.down = nn.ModuleList([two(3 if k == 0 else w[k - 1], w[k]) for k in range(5)])
        s.up = nn.ModuleList([nn.ConvTranspose2d(w[k + 1], w[k], 2, 2) for k in reversed(range(4))])
        s.dec = nn.ModuleList([two(w[k] * 2, w[k]) for k in reversed(range(4))])
        s.out = nn.Conv2d(base, 1, 1)

    def forward(s, x):
        skips = []
        for k, d in enumerate(s.down):
            x = d(x)
            if k < 4:
                skips.append(x)
                x = F.max_pool2d(x, 2)
        for u, d in zip(s.up, s.dec):
            x = d(torch.cat([skips.pop(), u(x)], 1))
        return torch.sigmoid(s.out(x))


def tinyyolov2():
    """Tiny-YOLOv2 (VOC) at 416: nine convolutions, leaky ReLU, one stride-1 max pool; raw 125-channel output."""
    layers, i = [], 3
    for n, c in enumerate([16, 32, 64, 128, 256, 512]):
        layers.append(cbr(i, c, 3, act="leaky"))
        if n < 5:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.ReplicationPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1)]
        i = c
    return nn.Sequential(*layers, cbr(512, 1024, 3, act="leaky"), cbr(1024, 1024, 3, act="leaky"),
                         nn.Conv2d(1024, 125, 1))


class C2f(nn.Module):
    def __init__(s, i, o, n, sc):
        super().__init__()
        s.c = o // 2
        s.a = cbr(i, o, 1, act="silu")
        s.m = nn.ModuleList([
            nn.Sequential(cbr(s.c, s.c, 3, act="silu"), cbr(s.c, s.c, 3, act="silu")) for _ in range(n)])
        s.b = cbr((2 + n) * s.c, o, 1, act="silu")
        s.sc = sc

    def forward(s, x):
        ys = list(s.a(x).chunk(2, 1))
        for m in s.m:
            y = m(ys[-1])
            ys.append(y + ys[-1] if s.sc else y)
        return s.b(torch.cat(ys, 1))


class YoloV8n(nn.Module):
    """YOLOv8n: backbone, SPPF, PAN neck, decoupled head; outputs the raw (1, 144, 8400) tensor (no DFL, no NMS)."""

    def __init__(s):
        super().__init__()
        S = "silu"
        s.b0 = nn.Sequential(cbr(3, 16, 3, 2, act=S), cbr(16, 32, 3, 2, act=S), C2f(32, 32, 1, True),
                             cbr(32, 64, 3, 2, act=S), C2f(64, 64, 2, True))
        s.b1 = nn.Sequential(cbr(64, 128, 3, 2, act=S), C2f(128, 128, 2, True))
        s.b2 = nn.Sequential(cbr(128, 256, 3, 2, act=S), C2f(256, 256, 1, True))
        s.s1, s.s2 = cbr(256, 128, 1, act=S), cbr(512, 256, 1, act=S)
        s.n1, s.n2 = C2f(384, 128, 1, False), C2f(192, 64, 1, False)
        s.d1, s.n3 = cbr(64, 64, 3, 2, act=S), C2f(192, 128, 1, False)
        s.d2, s.n4 = cbr(128, 128, 3, 2, act=S), C2f(384, 256, 1, False)
        head = lambda o: nn.ModuleList([
            nn.Sequential(cbr(c, o, 3, act=S), cbr(o, o, 3, act=S), nn.Conv2d(o, o, 1)) for c in (64, 128, 256)])
        s.box, s.cls = head(64), head(80)

    def forward(s, x):
        p3 = s.b0(x)
        p4 = s.b1(p3)
        p5 = s.s1(s.b2(p4))
        q = [p5]
        for _ in range(3):
            q.append(F.max_pool2d(q[-1], 5, 1, 2))
        p5 = s.s2(torch.cat(q, 1))
        u = s.n1(torch.cat([F.interpolate(p5, scale_factor=2.0, mode="nearest"), p4], 1))
        a = s.n2(torch.cat([F.interpolate(u, scale_factor=2.0, mode="nearest"), p3], 1))
        b = s.n3(torch.cat([s.d1(a), u], 1))
        c = s.n4(torch.cat([s.d2(b), p5], 1))
        return torch.cat([torch.cat([m(t), k(t)], 1).flatten(2) for t, m, k in zip((a, b, c), s.box, s.cls)], 2)


MODELS = {  # name: (factory, input CHW)
    "lenet5": (lenet5, (1, 28, 28)),
    "lesson": (lesson, (1, 28, 28)),
    "alexnet": (alexnet, (3, 224, 224)),
    "vgg16": (vgg16, (3, 224, 224)),
    "resnet18": (resnet18, (3, 224, 224)),
    "resnet50": (resnet50, (3, 224, 224)),
    "squeezenet11": (squeezenet11, (3, 224, 224)),
    "mobilenetv2": (mobilenetv2, (3, 224, 224)),
    "efficientnetb0": (efficientnetb0, (3, 224, 224)),
    "unet": (UNet, (3, 256, 256)),
    "tinyyolov2": (tinyyolov2, (3, 416, 416)),
    "yolov8n": (YoloV8n, (3, 640, 640)),
}


def build(name):
    return initialized(MODELS[name][0])


def initialized(factory, seed=1234):
    """A network with random weights and statistics of a seed, for inference."""
    torch.manual_seed(seed)
    net = factory()
    g = torch.Generator().manual_seed(seed)
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu", generator=g)
            if m.bias is not None:
                nn.init.uniform_(m.bias, -0.05, 0.05, generator=g)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.6, 0.9, generator=g)
            nn.init.uniform_(m.bias, -0.1, 0.1, generator=g)
            nn.init.uniform_(m.running_mean, -0.1, 0.1, generator=g)
            nn.init.uniform_(m.running_var, 0.8, 1.2, generator=g)
    return net.eval()
