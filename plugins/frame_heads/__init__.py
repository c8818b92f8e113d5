"""Built-in heads, a feature pyramid and a mixture of experts, and the experts."""
