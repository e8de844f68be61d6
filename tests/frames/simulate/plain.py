"""A recipe without surprises: one camera, one round PSF, one even sky, and enough of each contaminant."""

from __future__ import annotations

from skysieve.frames.simulate.cameras import Cameras
from skysieve.frames.simulate.contaminants.dead_columns import DeadColumns
from skysieve.frames.simulate.contaminants.dead_pixels import DeadPixels
from skysieve.frames.simulate.contaminants.hot_columns import HotColumns
from skysieve.frames.simulate.contaminants.hot_pixels import HotPixels
from skysieve.frames.simulate.contaminants.trails import Trails
from skysieve.frames.simulate.galaxies import Galaxies
from skysieve.frames.simulate.optics import Optics
from skysieve.frames.simulate.overscan import Overscan
from skysieve.frames.simulate.processing import Processing
from skysieve.frames.simulate.readout import ReadOut
from skysieve.frames.simulate.recipe import Contaminants, Recipe
from skysieve.frames.simulate.saturation import Saturation
from skysieve.frames.simulate.sky import Sky
from skysieve.frames.simulate.stars import Stars

GAIN, BIAS, READ_NOISE, SKY, FULL_WELL = 2.0, 1000.0, 5.0, 500.0, 1e5

PLAIN = Recipe(
    name="plain",
    cameras=Cameras(
        near_infrared=0.0,
        gain=(GAIN, GAIN),
        read_noise=(READ_NOISE, READ_NOISE),
        bias=(BIAS, BIAS),
        full_well=(FULL_WELL, FULL_WELL),
        bits=(16,),
        thickness=(100.0, 100.0),
        vanes=(4,),
        rows=0.0,
    ),
    optics=Optics(
        fwhm=(3.0, 3.0), kolmogorov=0.0, moffat=1.0, optical=0.0, defocused=0.0, variation=(0.0, 0.0)
    ),
    sky=Sky(
        level=(SKY, SKY),
        gradient=(0.0, 0.0),
        vignetting=(0.0, 0.0),
        pixel_response=(1e-6, 1e-6),
        dust=(1e-6, 1e-6),
        tree_rings=0.0,
    ),
    stars=Stars(density=(500.0, 500.0), bright_density=(20.0, 20.0), cluster=0.0),
    galaxies=Galaxies(density=(50.0, 50.0), near=0.0),
    contaminants=Contaminants(
        HCL=HotColumns(per_kpix=(10.0, 10.0), level=(20.0, 20.0), noisy=0.0),
        DCL=DeadColumns(per_kpix=(10.0, 10.0), dead=1.0, filled=0.0),
        HP=HotPixels(per_mpix=(500.0, 500.0)),
        DP=DeadPixels(per_mpix=(500.0, 500.0), response=(0.0, 0.5), filled=0.0),
        TRL=Trails(ridge=(10.0, 10.0), length=(1000.0, 1000.0)),
    ),
    saturation=Saturation(blooming_drain=0.0),
    overscan=Overscan(width=(16, 16), sides=(1.0, 0.0, 0.0, 0.0)),
    read_out=ReadOut(amplifiers=0.0, banding=0.0),
    processing=Processing(chances=(1.0, 0.0, 0.0)),
)
