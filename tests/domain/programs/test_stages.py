"""Stages: each has a status of the trade's catalogue, and the sets of them fit together."""

from typing import get_args

import pytest

from domain.programs.stages import BEFORE_LAUNCH, ENDED, ProductStatus, Stage, product_status

STAGES: tuple[Stage, ...] = get_args(Stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_product_status(stage: Stage) -> None:
    assert product_status(stage) in get_args(ProductStatus)


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        ("requirements", "In study"),
        ("strategy", "In study"),
        ("development", "In design"),
        ("prototype", "In design"),
        ("acceptance_test", "In test"),
        ("operation", "Launched"),
        ("wind_down", "Retired"),
        ("closed", "Obsolete"),
        ("rejected", "Rejected"),
    ],
)
def test_the_status_is_the_one_that_the_trade_gives(stage: Stage, status: ProductStatus) -> None:
    assert product_status(stage) == status


def test_a_program_before_its_launch_has_not_ended() -> None:
    assert not BEFORE_LAUNCH & ENDED
    assert {stage for stage in STAGES if product_status(stage) in ("In study", "In design", "In test")} == BEFORE_LAUNCH
    assert {stage for stage in STAGES if product_status(stage) in ("Obsolete", "Rejected")} == ENDED
