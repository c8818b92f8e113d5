"""Built-in heads, a feature pyramid and a mixture of experts, the experts, and what watches them."""
