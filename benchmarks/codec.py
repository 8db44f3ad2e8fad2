"""What ciphertext costs: movements through one front, with the codec on and off in turns."""

from statistics import median

import httpx

from benchmarks.movements import Run, measure, transfers
from benchmarks.people import People
from benchmarks.stack import Stack

ON, OFF = "movement, codec on", "movement, codec off"


async def rounds(
    stack: Stack, people: People, callers: list[int], seconds: float, number: int
) -> list[list[Run]]:
    """Measure in turns, each first once, the front and its workers staying as they are."""
    found: list[list[Run]] = []
    for turn in range(number):
        one: list[Run] = []
        for many in callers:
            for what in (ON, OFF)[:: 1 if turn % 2 else -1]:
                await _switch(stack, people, on=what == ON)
                one.append(await measure(stack, what, many, seconds, transfers(people)))
        await _switch(stack, people, on=True)
        found.append(sorted(one, key=lambda run: (run.callers, run.what == OFF)))
    return found


async def _switch(stack: Stack, people: People, *, on: bool) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.port}") as client:
        headers = people.headers("operator")
        answer = await client.post("/bench/codec", json={"on": on}, headers=headers)
        assert answer.status_code == 200, answer.text


def sentences(done: list[list[Run]], callers: list[int]) -> str:
    """The ratio of movements with the codec to those without, and the CPU of the front."""
    told: list[str] = []
    for many in callers:
        pairs = [
            tuple(
                next(r for r in runs if (r.what, r.callers) == (what, many)) for what in (ON, OFF)
            )
            for runs in done
        ]
        each = [round(on.rate / off.rate, 2) for on, off in pairs]
        cpu = median(on.cpu_ms["front"] - off.cpu_ms["front"] for on, off in pairs)
        told.append(
            f"{many} callers: {median(each):.2f} of the rate without the codec (rounds {each}), "
            f"{cpu:+.2f} ms of CPU in the front a movement"
        )
    return "\n".join(told)
