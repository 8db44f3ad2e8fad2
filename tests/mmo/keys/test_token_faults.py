"""When the token is missing, wrong, slow or full: a clear line, and what can go on goes on."""

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag

from mmo.keys.module import REOPEN_S, Pkcs11Module, WrongPinError
from mmo.keys.ports import KeysAwayError, NoKeyError, Purpose
from mmo.keys.token import SAFE, Token, UnfitKeyError
from mmo.settings import Settings
from tests.mmo.keys.drill import KEY, start
from workers.hsm import prepare
from workers.wiring import hsm_library, hsm_module

DIGEST = bytes(32)


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    await prepare(Settings(home=tmp_path))
    async with opened(tmp_path) as module:
        await module.run(lambda token: token.make(KEY, "drill", Purpose.JWT))
    return tmp_path


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Pkcs11Module]:
    module = hsm_module(Settings(home=home))
    try:
        await module.open()
        yield module
    finally:
        await module.close()


@pytest.mark.case("D14")
@pytest.mark.case("L1")
class TestAStartIsRefusedWithOneLine:
    async def test_without_a_library(self, tmp_path: Path) -> None:
        """L1."""
        nowhere = tmp_path / "no-such-library.so"
        with pytest.raises(KeysAwayError, match=f"no library {nowhere}"):
            hsm_library(Settings(home=tmp_path, pkcs11_module=nowhere))
        no_library = tmp_path / "text.so"
        no_library.write_text("this is no library")
        module = Pkcs11Module(no_library, "mmo", tmp_path / "pin", tmp_path)
        with pytest.raises(KeysAwayError, match="cannot use"):
            await module.open()

    async def test_without_a_token(self, home: Path) -> None:
        """L1."""
        settings = Settings(home=home, hsm_token="another")
        with pytest.raises(KeysAwayError, match=r"no token 'another' .*`mmo hsm init`"):
            await hsm_module(settings).open()

    async def test_in_the_wrong_directory(self, home: Path, tmp_path_factory) -> None:
        """L1."""
        settings = Settings(
            home=home,
            hsm_directory=tmp_path_factory.mktemp("w"),
            hsm_pin_file=home / "secrets/hsm.pin",
        )
        with pytest.raises(KeysAwayError, match="no token 'mmo' in"):
            await hsm_module(settings).open()

    async def test_without_a_pin(self, home: Path) -> None:
        """L1."""
        (home / "secrets" / "hsm.pin").unlink()
        with pytest.raises(KeysAwayError, match="no PIN in"):
            await hsm_module(Settings(home=home)).open()

    async def test_with_a_wrong_pin_after_one_try(self, home: Path) -> None:
        """L1, D14."""
        pin = home / "secrets" / "hsm.pin"
        pin.chmod(0o600)
        pin.write_text("000000000000")
        began = time.monotonic()
        with pytest.raises(WrongPinError, match="refuses the PIN"):
            await hsm_module(Settings(home=home)).open()
        assert time.monotonic() - began < 0.15, "it was tried once, without a pause"

    def test_and_the_process_ends_with_code_1(self, tmp_path: Path, database) -> None:
        """L1. One line, no traceback."""
        environment = {**os.environ, **database.environment("mmo_keys"), "MMO_HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "workers", "keys"],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            f"mmo: no PIN in {tmp_path}/secrets/hsm.pin: `mmo hsm init` makes one"
        ]


@pytest.mark.case("L2")
async def test_a_token_that_is_taken_away_refuses_at_once_and_is_used_when_it_is_back(
    home: Path,
) -> None:
    """L2."""
    async with opened(home) as module:
        (home / "hsm" / "tokens").rename(home / "hsm" / "gone")
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(KeysAwayError):
                await module.run(lambda token: token.digest_signed(KEY, DIGEST))
            assert time.monotonic() - began < 0.2
        (home / "hsm" / "gone").rename(home / "hsm" / "tokens")
        await asyncio.sleep(REOPEN_S)
        assert len(await module.run(lambda token: token.digest_signed(KEY, DIGEST))) == 64


@pytest.mark.case("L3")
async def test_eight_processes_that_start_at_once_are_all_ready(home: Path) -> None:
    """L3."""
    started = [start("starts", home) for _ in range(8)]
    said = await asyncio.gather(*(asyncio.to_thread(one.communicate) for one in started))
    assert [out.strip() for out, _ in said] == ["ready"] * 8


@pytest.mark.case("L5")
async def test_a_forked_child_is_refused_and_its_parent_goes_on(home: Path) -> None:
    """L5."""
    out, _ = await asyncio.to_thread(start("forks", home).communicate)
    assert "ForkedError the token was opened before a fork" in out
    assert "the parent goes on" in out
    assert "the child used" not in out


@pytest.mark.case("L6")
async def test_two_keys_of_one_label_are_two_keys(home: Path) -> None:
    """L6."""
    one, other = uuid.uuid4().bytes, uuid.uuid4().bytes
    async with opened(home) as module:
        for identifier in (one, other):
            await module.run(lambda token, made=identifier: token.make(made, "twin", Purpose.PIN))
        first = await module.run(lambda token: token.mac(one, b"x"))
        second = await module.run(lambda token: token.mac(other, b"x"))
    assert first != second
    async with opened(home) as module:
        assert await module.run(lambda token: token.mac(one, b"x")) == first


LOOSE = {
    "wraps and decrypts": (
        MechanismFlag.WRAP | MechanismFlag.UNWRAP | MechanismFlag.DECRYPT, SAFE, "DECRYPT",
    ),
    "may leave the token": (
        MechanismFlag.WRAP | MechanismFlag.UNWRAP,
        {**SAFE, Attribute.EXTRACTABLE: True}, "EXTRACTABLE",
    ),
    "lies in clear on the disk": (
        MechanismFlag.WRAP | MechanismFlag.UNWRAP, {**SAFE, Attribute.PRIVATE: False}, "PRIVATE",
    ),
}  # fmt: skip


@pytest.mark.case("L7")
@pytest.mark.parametrize("name", LOOSE)
async def test_a_key_that_may_do_more_than_its_purpose_stops_the_start(
    home: Path, name: str
) -> None:
    """L7."""
    capabilities, template, wrong = LOOSE[name]

    def make(token: Token) -> None:
        token.session.generate_key(
            KeyType.AES, 256, id=b"a-loose-key-0001", label="loose", store=True,
            capabilities=capabilities, mechanism=Mechanism.AES_KEY_GEN, template=template,
        )  # fmt: skip

    async with opened(home) as module:
        await module.run(make, repeats=0)
    with pytest.raises(UnfitKeyError, match=rf"loose in the token is unfit \({wrong}\)"):
        async with opened(home):
            pass


@pytest.mark.case("L8")
async def test_a_full_disk_makes_no_key_and_signing_goes_on(home: Path) -> None:
    """L8."""
    out, _ = await asyncio.to_thread(start("full", home).communicate)
    assert out.split() == ["refused", "KeysAwayError", "signs"]


@pytest.mark.case("L9")
async def test_a_slow_token_holds_up_nothing_but_itself(home: Path) -> None:
    """L9."""

    def slow(token: Token) -> bytes:
        time.sleep(0.5)
        return token.digest_signed(KEY, DIGEST)

    late: list[float] = []
    async with opened(home) as module:
        signing = [asyncio.create_task(module.run(slow)) for _ in range(3)]
        while not all(one.done() for one in signing):
            began = time.monotonic()
            await asyncio.sleep(0.005)
            late.append(time.monotonic() - began - 0.005)
        assert [len(one.result()) for one in signing] == [64] * 3
    late.sort()
    assert len(late) > 100
    assert late[int(len(late) * 0.95)] < 0.02


@pytest.mark.case("L12")
async def test_an_error_of_the_device_is_repeated_twice_and_a_creation_never(home: Path) -> None:
    """L12."""
    calls = 0

    def failing(times: int):
        def work(token: Token) -> bytes:
            nonlocal calls
            calls += 1
            if calls <= times:
                raise pkcs11.DeviceError
            return token.digest_signed(KEY, DIGEST)

        return work

    async with opened(home) as module:
        assert len(await module.run(failing(2))) == 64
        assert calls == 3
        calls = 0
        with pytest.raises(KeysAwayError, match="DeviceError"):
            await module.run(failing(3))
        assert calls == 3
        calls = 0
        with pytest.raises(KeysAwayError):
            await module.run(failing(1), repeats=0)
        assert calls == 1


async def test_a_destroyed_key_is_gone_for_a_process_that_knew_it(home: Path) -> None:
    async with opened(home) as module:
        await module.run(lambda token: token.digest_signed(KEY, DIGEST))
        assert await module.run(lambda token: token.destroy(KEY))
        assert not await module.run(lambda token: token.destroy(KEY))
        with pytest.raises(NoKeyError):
            await module.run(lambda token: token.digest_signed(KEY, DIGEST))


async def test_preparing_it_again_keeps_token_and_pin(home: Path) -> None:
    pin = home / "secrets" / "hsm.pin"
    before = pin.read_text()
    assert not await prepare(Settings(home=home))
    assert pin.read_text() == before
    assert [file.stat().st_mode & 0o777 for file in (pin, pin.with_name("hsm.so-pin"))] == [
        0o400
    ] * 2
    assert (home / "hsm").stat().st_mode & 0o777 == 0o700
    async with opened(home) as module:
        assert await module.run(lambda token: token.digest_signed(KEY, DIGEST))


async def test_nothing_of_a_key_lies_in_clear_on_the_disk(home: Path) -> None:
    """The label does, in a public object; a private object is enciphered under the PIN."""
    for file in (home / "hsm" / "tokens").rglob("*.object"):
        assert b"drill" not in file.read_bytes()
