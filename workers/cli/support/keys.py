"""What commands about keys share: the token and its register, open for one question."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from mmo.keys.administration import KeyStateError
from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import NoKeyError
from workers.cli.support.options import home_of
from workers.hsm import HSM_ERRORS
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings
from workers.wiring import hsm_store, open_pool

Result = TypeVar("Result")
ANSWER_S = 5.0


def asked_of_store(home: Path, question: Callable[[Pkcs11KeyStore], Awaitable[Result]]) -> Result:
    """Ask the token of that home one thing. Raises StackError with one line."""

    async def run() -> Result:
        settings = stack_settings(home_of(home).path)
        async with open_pool(settings, ANSWER_S) as pool, hsm_store(settings, pool) as store:
            return await question(store)

    try:
        return asyncio.run(run())
    except (*HSM_ERRORS, KeyStateError, NoKeyError) as error:
        raise StackError(str(error)) from None
    except (psycopg.OperationalError, PoolTimeout):
        raise StackError(
            "no database answers: run `mmo up`, or name its home with --home"
        ) from None
