"""Models as bytes, by skops: nothing is executed when they are read, unlike with pickle."""

from __future__ import annotations

from typing import Any

TRUSTED = (
    "models_ml.churn.model.ChurnModel",
    "models_ml.churn.model.RecencyRates",
    "models_ml.churn.model.AdditiveBoosting",
    "models_ml.churn.model.RankLogistic",
    "models_ml.common.binning.QuantileBins",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "numpy.dtype",
)


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

    unknown = set(skops.io.get_untrusted_types(data=data))
    return skops.io.loads(data, trusted=sorted(unknown & set(TRUSTED)))
