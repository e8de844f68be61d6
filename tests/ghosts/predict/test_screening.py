"""Whether an exposure has any ghost, from the picture as a whole and from what was outlined."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.errors import ModelError
from skysieve.ghosts.predict.decide import Ghost
from skysieve.ghosts.predict.screening import Screening

RNG = np.random.default_rng(3)


def ghost(score):
    return Ghost("Bright", score, np.ones((4, 4), bool))


def fitted(*, whole_knows=1.0, ghosts_know=1.0, count=400):
    """Return what is fitted where each of the two knows the truth by so many sigma."""
    truth = RNG.uniform(size=count) < 0.5
    signs = np.where(truth, 1.0, -1.0)

    def say(knows):
        return 1 / (1 + np.exp(-(knows * signs + RNG.standard_normal(count))))

    return Screening.fit(say(whole_knows).tolist(), say(ghosts_know).tolist(), truth.tolist())


def test_an_outlined_ghost_makes_any_more_likely():
    line = fitted()
    assert line.probability(0.5, [ghost(0.9)]) > line.probability(0.5, [ghost(0.2)])
    assert line.probability(0.5, [ghost(0.2)]) > line.probability(0.5, [])


def test_the_likeliest_ghost_counts():
    line = fitted()
    assert line.probability(0.5, [ghost(0.1), ghost(0.9)]) == line.probability(0.5, [ghost(0.9)])


def test_what_knows_more_weighs_more():
    line = fitted(whole_knows=2.0, ghosts_know=0.3)
    assert line.picture > 3 * line.ghosts


def test_nothing_speaks_against_a_ghost_that_the_other_sees():
    line = fitted(whole_knows=2.0, ghosts_know=-1.0)
    assert line.ghosts == 0


def test_certainty_stays_finite():
    line = Screening.fit([1.0, 0.0] * 20, [1.0, 0.0] * 20, [True, False] * 20)
    assert line.probability(1.0, [ghost(1.0)]) > 0.95
    assert line.probability(0.0, []) < 0.05


def test_a_card_without_it_has_none_and_a_damaged_one_is_refused():
    assert Screening.from_card({}, origin="model 'x'") is None
    card = {"offset": 0.1, "picture": 0.2, "ghosts": 0.3}
    assert Screening.from_card(card, origin="model 'x'") == Screening(0.1, 0.2, 0.3)
    with pytest.raises(ModelError, match="model 'x': screening: expected offset, picture and ghosts"):
        Screening.from_card({"slope": 1.0}, origin="model 'x'")
