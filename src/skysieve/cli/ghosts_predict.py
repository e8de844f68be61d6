"""``skysieve ghosts predict``: predict reflections of bright stars by ray tracing."""

from __future__ import annotations

from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.ghosts.predict.settings import PredictedField, PredictionProducts, PredictionSettings

__all__ = ["ghosts_predict"]


@takes_settings
def ghosts_predict(
    *, field: PredictedField, settings: PredictionSettings, products: PredictionProducts, write: Writing
) -> None:
    """Predict the reflections of bright stars on DECam's focal plane, by ray tracing, without an exposure.

    Predicts reflections only: scattered light (the class Rays) cannot be predicted. The brightness of a
    reflection is uncertain by a factor of two.

    Examples
    --------
    `skysieve ghosts predict --ra 05:34:31.9 --dec -05:23:28 --stars bright.csv --ccds exclude.ecsv`

    `skysieve ghosts predict --ra 83.63 --dec 22.01 --stars gaia.fits --magnitude phot_g_mean_mag --preview
    g.png`
    """
    from skysieve.core.atomic import check_target
    from skysieve.ghosts.focal_plane.star_catalogues import read_bright_stars
    from skysieve.ghosts.predict.prediction import Pointing, predict_ghosts
    from skysieve.ghosts.predict.prediction_products import write_prediction

    pointing = Pointing.of(field)
    for path in vars(products).values():
        if path is not None:
            check_target(path, overwrite=write.overwrite)
    found = predict_ghosts(read_bright_stars(field.stars, magnitude=field.magnitude), pointing, settings)
    if not write.quiet:
        for number, ghost in enumerate(found, 1):
            print(f"{number} {ghost.describe()}")
        if not found:
            print("no ghosts")
    title = f"{field.ra} {field.dec}: reflections of {field.stars.name}"
    write_prediction(found, pointing, products, title=title, overwrite=write.overwrite)
