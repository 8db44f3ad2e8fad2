"""Products: what wallets are of, and what rules may be for."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.fields import Name
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.wallets import products
from mmo.wallets.products import PRODUCT_KINDS, Product

router = APIRouter(prefix="/products", tags=["products"])

MayRead = Annotated[Caller, Depends(requires("products:read"))]
MayWrite = Annotated[Caller, Depends(requires("products:write"))]
NUMBER_MAX = 2**31 - 1


class ProductBody(BaseModel):
    """A new product."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[int, Field(ge=1, le=NUMBER_MAX, description="The number that rules name.")]
    kind: Literal["customer", "agent", "super_agent", "merchant", "loan", "savings"]
    name: Name


assert set(PRODUCT_KINDS) == {"customer", "agent", "super_agent", "merchant", "loan", "savings"}


class ProductSchema(BaseModel):
    """A product."""

    id: int
    kind: str
    name: str
    created_by: str
    created_at: datetime


class ProductPage(BaseModel):
    """Products by number, and the cursor of the next page."""

    items: list[ProductSchema]
    next: str | None


def resource(product: Product) -> dict[str, Any]:
    """How a product looks."""
    return asdict(product) | {"created_at": product.created_at.isoformat()}


@router.get("", summary="List products", responses=answers_with(ProductPage))
async def read_products(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """Products by number."""
    after = key_of(cursor) or "0"
    if not after.isdecimal() or int(after) > NUMBER_MAX:
        raise Problem("cursor_invalid")
    async with reading(caller) as connection:
        found = await products.listed(connection, caller.tenant.id, int(after), limit)
    return page_of([resource(one) for one in found], limit, found[-1].id if found else None)


@router.get("/{number}", summary="Read a product", responses=answers_with(ProductSchema))
async def read_product(
    reading: Reading, number: Annotated[int, Path(ge=1, le=NUMBER_MAX)], caller: MayRead
) -> dict[str, Any]:
    """One product."""
    async with reading(caller) as connection:
        found = await products.find(connection, caller.tenant.id, number)
    if found is None:
        raise Problem("not_found")
    return resource(found)


@router.post("", status_code=201, summary="Add a product",
             responses=changed(ProductSchema, 201))  # fmt: skip
async def add_product(
    body: ProductBody,
    caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("product.add"))],
) -> JSONResponse:
    """Add a product; it never changes afterwards."""
    carried = await change(caller, f"product/{body.id}", body.model_dump())
    headers = {"Location": f"/v1/products/{body.id}"}
    return JSONResponse(resource(carried.result), 201, headers=headers)
