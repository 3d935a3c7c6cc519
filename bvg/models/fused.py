"""Convolutions joined with what follows them: batch norms folded in and, on CUDA, residual sums and ReLUs computed by cuDNN.

A ReLU or a sum of its own reads and writes the whole activation once more, which on a GPU takes as long as the convolution.
"""

from __future__ import annotations

import copy
import operator

import torch
from torch import Tensor, fx, nn
from torch.nn.functional import conv2d, pad, relu
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(model: nn.Module) -> fx.GraphModule:
    """Return a traced copy of a model in evaluation mode, with each batch norm folded into the convolution before it.

    Raises:
        Exception: of any type, if torch cannot trace the model.
    """
    traced = fx.symbolic_trace(copy.deepcopy(model))
    for node in list(traced.graph.nodes):
        norm = _module(traced, node, nn.BatchNorm2d)
        convolution = _module(traced, node.args[0], nn.Conv2d) if norm is not None else None
        if convolution is None or not norm.track_running_stats or len(node.args[0].users) > 1:
            continue
        traced.set_submodule(node.args[0].target, fuse_conv_bn_eval(convolution, norm))
        node.replace_all_uses_with(node.args[0])
        traced.graph.erase_node(node)
    return _cleaned(traced)


def pad_first_layers(traced: fx.GraphModule) -> fx.GraphModule:
    """Replace convolutions of three channels by `PaddedConvolution`, in place; return the network."""
    for name, module in list(traced.named_modules()):
        if type(module) is nn.Conv2d and module.in_channels == 3 and module.groups == 1 and _plain(module):
            traced.set_submodule(name, PaddedConvolution(module))
    return traced


def join_relus(traced: fx.GraphModule) -> fx.GraphModule:
    """Replace convolution, ReLU and convolution, residual sum, ReLU by one module each, in place; return the network."""
    for node in list(traced.graph.nodes):
        if _module(traced, node, nn.ReLU) is None and not (node.op == "call_function" and node.target is relu):
            continue
        total = node.args[0]
        added = total.op == "call_function" and total.target in (operator.add, operator.iadd) and len(total.users) == 1
        terms = list(total.args) if added else [total]
        where = next((term for term in terms if _joinable(traced, term)), None)
        if where is None or not all(isinstance(term, fx.Node) for term in terms):
            continue
        terms.remove(where)
        joined = JoinedConvolution(traced.get_submodule(where.target))
        if terms:
            _move_bias(traced, terms[0], joined)
        traced.set_submodule(where.target, joined)
        with traced.graph.inserting_before(node):
            node.replace_all_uses_with(traced.graph.call_module(where.target, (where.args[0], *terms)))
        for old in (node, total, where) if added else (node, where):
            traced.graph.erase_node(old)
    return _cleaned(traced)


class PaddedConvolution(nn.Module):
    """A first layer of three channels with a fourth of zeros, for which cuDNN's gradient takes half the time."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(pad(convolution.weight, (0, 0, 0, 0, 0, 1)), requires_grad=False)
        self.bias = convolution.bias
        self.geometry = convolution.stride, convolution.padding, convolution.dilation

    def forward(self, x: Tensor) -> Tensor:
        """Map float [N, 3, H, W] to the convolution's output."""
        return conv2d(pad(x, (0, 0, 0, 0, 0, 1)), self.weight, self.bias, *self.geometry)


class JoinedConvolution(nn.Module):
    """relu(convolution(x) + residual), as one kernel of cuDNN; differentiable with respect to x and the residual."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        if self.bias is None:
            self.bias = nn.Parameter(self.weight.new_zeros(len(self.weight)), requires_grad=False)
        self.geometry = tuple(list(pair) for pair in (convolution.stride, convolution.padding, convolution.dilation))

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Map float [N, C, H, W] and, if given, a residual of the output's shape to the output."""
        x = x.to(self.weight.dtype)
        if torch.is_grad_enabled() and x.requires_grad:
            return _Joined.apply(x, self.weight, self.bias, residual, self.geometry)
        return _joined(x, self.weight, self.bias, residual, self.geometry)


def _joined(x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor | None, geometry: tuple) -> Tensor:
    if x.device.type != "cuda":
        out = conv2d(x, weight, bias, *geometry)
        return relu(out if residual is None else out + residual)
    if residual is None:
        return torch.cudnn_convolution_relu(x, weight, bias, *geometry, 1)
    return torch.cudnn_convolution_add_relu(x, weight, residual.to(x.dtype), 1.0, bias, *geometry, 1)


class _Joined(torch.autograd.Function):
    """cuDNN's joined kernels have no gradient of their own: this is that of the input and of the residual."""

    @staticmethod
    def forward(ctx, x, weight, bias, residual, geometry):
        out = _joined(x, weight, bias, residual, geometry)
        ctx.save_for_backward(x, weight, out)
        ctx.geometry, ctx.residual = geometry, residual is not None
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, weight, out = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradient, out, 0)
        stride, padding, dilation = ctx.geometry
        of_x, _, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, stride, padding, dilation, False, [0, 0], 1, [True, False, False]
        )
        return of_x, None, None, gradient if ctx.residual else None, None


def _module(traced: fx.GraphModule, node: object, kind: type) -> nn.Module | None:
    """Return the module that a node calls, if it is of a kind."""
    if not isinstance(node, fx.Node) or node.op != "call_module":
        return None
    module = traced.get_submodule(node.target)
    return module if type(module) is kind else None


def _joinable(traced: fx.GraphModule, node: object) -> bool:
    """Return whether cuDNN's joined kernels take a node's convolution, and are faster for it.

    They are slow for a few input channels (the first layer) and for groups.
    """
    convolution = _module(traced, node, nn.Conv2d)
    return (
        convolution is not None
        and len(node.users) == 1
        and _calls(traced, node.target) == 1
        and convolution.groups == 1
        and convolution.in_channels % 8 == 0
        and _plain(convolution)
    )


def _plain(convolution: nn.Conv2d) -> bool:
    return convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str)


def _move_bias(traced: fx.GraphModule, residual: fx.Node, joined: JoinedConvolution) -> None:
    """Let a joined convolution add the bias of the convolution (a shortcut's) whose output is its residual."""
    shortcut = _module(traced, residual, nn.Conv2d)
    if shortcut is None or shortcut.bias is None or len(residual.users) > 1 or _calls(traced, residual.target) > 1:
        return
    joined.bias = nn.Parameter(joined.bias + shortcut.bias, requires_grad=False)
    shortcut.bias = None


def _calls(traced: fx.GraphModule, target: str) -> int:
    return sum(node.op == "call_module" and node.target == target for node in traced.graph.nodes)


def _cleaned(traced: fx.GraphModule) -> fx.GraphModule:
    traced.graph.lint()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced
