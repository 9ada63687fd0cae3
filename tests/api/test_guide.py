"""The guide's examples are run as they stand, one after the other, against a server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from orders.domain.geography.gazetteer import load_places
from orders.models import Order
from tests.api.conftest import program
from tests.world import World

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.django_db(transaction=True)
def test_every_line_of_the_guide_works(live_server) -> None:
    world = World()
    product = world.product("PROD-001")
    load_places()
    caller = program(world)
    around = os.environ | {
        "BASE": live_server.url,
        "TOKEN": caller.secret,
        "PRODUCT": str(product.pk),
        "REFERENCE": "",
    }
    examples = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(examples) == 9
    for example in examples:
        ran = subprocess.run(["sh", "-c", example], env=around, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, (example, ran.stdout, ran.stderr)
        if "-X POST" in example:
            data = json.loads(ran.stdout)["data"]
            around["REFERENCE"] = (data[0] if isinstance(data, list) else data)["reference"]
    assert list(Order.objects.values_list("status", flat=True)) == ["SHIPPED", "SHIPPED"]
    assert set(Order.objects.values_list("address", flat=True)) == {
        "456 Rue Hassan II, Etage 3",
        "Rue 45, Maarif, Casablanca",
    }
