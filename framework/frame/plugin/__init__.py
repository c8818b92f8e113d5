"""The plugin core: component records, hooks, the host that loads plugins, the catalog that finds components.

Standard library and pluggy only (and ``packaging``, imported when a version has to be compared).
"""
