"""Models as bytes, by skops: nothing is executed when they are read, unlike with pickle."""

from __future__ import annotations

from typing import Any

# The project's own classes, and what scikit-learn's estimators are made of beside what skops trusts anyway.
TRUSTED = ("models_ml.", "sklearn._loss.", "sklearn.ensemble._hist_gradient_boosting.", "sklearn.linear_model._glm.")
TRUSTED_TYPES = ("numpy.dtype",)


def dump(model: Any) -> bytes:
    """The model as bytes."""
    import skops.io

    data: bytes = skops.io.dumps(model)
    return data


def load(data: bytes) -> Any:
    """The model of `dump`.

    Raises:
        UntrustedTypesFoundException: the bytes hold a type that no model of this project uses.
    """
    import skops.io

    unknown = skops.io.get_untrusted_types(data=data)
    return skops.io.loads(data, trusted=[name for name in unknown if name.startswith(TRUSTED) or name in TRUSTED_TYPES])
