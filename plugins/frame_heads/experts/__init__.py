"""The built-in experts: ``[N, C, H, W]`` to the same, without the residual, which the mixture adds."""
