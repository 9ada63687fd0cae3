"""Makes the four sounds of the benches as small WAV files.

How they are played belongs to static/js/sounds.js.
"""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

RATE = 16_000
FADE = 0.008  # seconds; without it a tone begins and ends with a click

# Each sound is a row of (hertz, seconds, loudness); 0 Hz is a pause.
Tone = tuple[float, float, float]
SOUNDS: dict[str, tuple[Tone, ...]] = {
    "done": ((1568.0, 0.11, 0.55),),
    "already": ((880.0, 0.09, 0.6), (0.0, 0.06, 0.0), (880.0, 0.09, 0.6)),
    "refused": ((165.0, 0.75, 0.9),),
    "attention": ((659.3, 0.13, 0.65), (0.0, 0.02, 0.0), (987.8, 0.2, 0.65)),
}


def draw_sound(tones: tuple[Tone, ...]) -> array.array[int]:
    """Signed 16-bit samples at 16 kHz, each tone with its first overtones so that small speakers carry it."""
    samples = array.array("h")
    for hertz, seconds, loudness in tones:
        length = round(RATE * seconds)
        for index in range(length):
            at = index / RATE
            edge = min(1.0, at / FADE, (seconds - at) / FADE)
            wave_height = sum(
                share * math.sin(2 * math.pi * hertz * overtone * at)
                for overtone, share in ((1, 0.68), (2, 0.22), (3, 0.10))
            )
            samples.append(round(32_767 * loudness * max(0.0, edge) * wave_height))
    return samples


class Command(BaseCommand):
    requires_system_checks = []
    help = "Writes static/sounds/*.wav. Example: manage.py make_sounds"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "static" / "sounds")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder: Path = options["to"]
        folder.mkdir(parents=True, exist_ok=True)
        for name, tones in SOUNDS.items():
            path = folder / f"{name}.wav"
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(draw_sound(tones).tobytes())
            self.stdout.write(f"{path} {path.stat().st_size} bytes")
