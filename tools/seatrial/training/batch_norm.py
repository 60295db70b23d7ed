"""Batch normalisation over the batches of all processes, on any backend.

torch's own ``SyncBatchNorm`` does not run on a CPU. With these layers several processes train as
one process does with the whole batch, also where their shares of it differ in size.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def share_statistics(model: nn.Module) -> nn.Module:
    """Replace every batch-norm layer of ``model``, in place, by one with shared statistics.

    Parameters, buffers and their names stay the same objects, so an optimiser or a state dict
    made before fits after. In evaluation mode, and in a single process, the layers compute what
    the layers they replace compute. Returns the model: a lone batch-norm layer is itself replaced.
    """
    if isinstance(model, _BatchNorm) and not isinstance(model, SharedBatchNorm):
        return _shared(model)
    for name, child in model.named_children():
        setattr(model, name, share_statistics(child))
    return model


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation with mean and variance of the batches of all processes together.

    Takes ``(N, C, *)`` of any number of dimensions from two; ``N`` may differ between processes
    and may be 0 in some. Every process must call it equally often. Statistics are computed in at
    least float32, in two passes.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"(N, C, ...) required; found {input.dim()} dimensions")

    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(input)
        self._check_input_dim(input)
        values = input if input.dtype == torch.float64 else input.float()
        dims = [0, *range(2, input.dim())]
        shape = [1, -1, *([1] * (input.dim() - 2))]
        count = values.new_tensor([input.numel() / max(1, input.shape[1])])
        totals: Tensor = _SumOverProcesses.apply(torch.cat([values.sum(dims), count]))
        number = totals[-1].detach()
        mean = totals[:-1] / number
        centred = values - mean.view(shape)
        variance: Tensor = _SumOverProcesses.apply(centred.square().sum(dims)) / number
        self._update_running(mean.detach(), variance.detach(), number)
        normalised = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor, number: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None  # torch sets all three or none
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:
            share = 1.0 / float(self.num_batches_tracked)
        unbiased = variance * number / (number - 1).clamp(min=1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)


class _SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes. Each process's loss depends on it, so its gradient
    is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        del ctx
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        del ctx
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def _shared(layer: _BatchNorm) -> SharedBatchNorm:
    shared = SharedBatchNorm(
        layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
    )
    shared.weight, shared.bias = layer.weight, layer.bias
    shared.running_mean, shared.running_var = layer.running_mean, layer.running_var
    shared.num_batches_tracked = layer.num_batches_tracked
    shared.train(layer.training)
    return shared
