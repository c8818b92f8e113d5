"""What each kind of component must offer, with shapes.

Shapes: ``B`` batch, ``K`` classes (1 for binary work), ``H``, ``W`` height and width, ``C`` channels, ``N`` the images
that reached an expert, ``E`` experts.
"""
