"""`mmo movement`: one movement, and what happened to it."""

import json as json_module
from typing import Annotated, Any
from uuid import UUID

import typer

from workers.cli.support.asking import Operator, TenantOption, ask
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
)
from workers.stack.launch import StackError

app = typer.Typer()


@app.command()
def movement(
    identifier: Annotated[UUID, typer.Argument(metavar="MOVEMENT", help="A movement's id.")],
    *,
    home: HomeOption = DEFAULT_HOME,
    tenant: TenantOption = "demo",
    json: JsonOption = False,
) -> None:
    """Show a movement and its timeline.

    Example: `mmo movement 01a20d90-aad9-74da-86e7-b88028f797b9`
    """
    found = ask(home, tenant, lambda operator: _read(operator, identifier))
    if json:
        print_json(json_module.loads(json_module.dumps(found, default=str)))
        return
    command = found["command"]
    console.print(f"[bold]{command['summary']}[/]")
    console.print(f"  {command['type']}, {command['state']}, asked for by {command['actor']}")
    for line in found["timeline"]:
        console.print(f"  {line['at']:%H:%M:%S.%f}  {line['title']}", markup=False)


async def _read(operator: Operator, identifier: UUID) -> dict[str, Any]:
    async with operator.pool.connection() as connection:
        commands = await _rows(
            connection,
            """SELECT type, summary, state, actor, accepted_at, body, outcome
                 FROM movements.command WHERE tenant_id = %s AND movement_id = %s""",
            [operator.tenant.id, identifier],
        )
        if not commands:
            raise StackError(f"{operator.tenant.slug} has no movement {identifier}")
        lines = await _rows(
            connection,
            """SELECT at, kind, title, actor, detail FROM projections.timeline_view
                WHERE tenant_id = %s AND movement_id = %s ORDER BY at, position, line""",
            [operator.tenant.id, identifier],
        )
    return {"movement": str(identifier), "command": commands[0], "timeline": lines}


async def _rows(connection: Any, query: str, values: list[object]) -> list[dict[str, Any]]:
    cursor = await connection.execute(query, values)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
