from pathlib import Path

from img2img.batch.jobs import Job
from img2img.batch.outcome import Outcome
from img2img.engines.chunks import MOST, Chunk, Chunks, after_loss


def outcome(name: str, side: int = 100) -> Outcome:
    return Outcome(Job(Path(name), Path("out", name), Path("out")), input_size=(side, side))


def names(chunk: Chunk | None) -> list[str]:
    return [each.job.source.name for each in chunk.outcomes] if chunk else []


def test_the_first_chunks_hold_a_picture_and_the_next_take_ten_seconds() -> None:
    chunks = Chunks()
    assert names(chunks.add(outcome("a"))) == ["a"]
    chunks.learn(10_000, 2.0)  # 5,000 pixels a second: five pictures of 100 x 100 in ten seconds
    assert [bool(chunks.add(outcome(str(number)))) for number in range(5)] == [False] * 4 + [True]
    chunks.learn(50_000, 2.0)  # as (5,000 + 50,000) / (1 + 2): what is older counts half
    assert chunks.budget == 10 * 55_000 / 3
    assert chunks.add(outcome("large", 429)) is not None, "429 x 429 is more than the budget"
    assert chunks.add(outcome("b")) is None
    assert names(chunks.rest()) == ["b"]
    assert chunks.rest() is None


def test_pictures_without_pixels_do_not_gather_for_ever() -> None:
    chunks = Chunks()
    chunks.learn(10**9, 1.0)
    full = [chunk for number in range(2 * MOST) if (chunk := chunks.add(outcome(str(number), 0)))]
    assert [len(chunk.outcomes) for chunk in full] == [MOST, MOST]


def test_a_chunk_is_halved_after_three_losses_until_one_picture_is_named() -> None:
    waiting, losses, made = [Chunk([outcome(name) for name in "abcdefg"])], 0, []
    while waiting:
        chunk = waiting.pop(0)
        if "f" in names(chunk):
            losses += 1
            waiting += after_loss(chunk)
            bad = chunk.outcomes[0]
        else:
            made += names(chunk)
    assert sorted(made) == list("abcdeg")
    assert losses == 3 * 4, "of 7, 4, 2 and 1 pictures"
    assert bad.status == "failed"
    assert str(bad.error) == "'f' ended the process that worked on it, 3 times (memory, or a crash)"
